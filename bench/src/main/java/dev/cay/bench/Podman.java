package dev.cay.bench;

import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * podman with a store and an image of its own, in the configuration nearest to ours that works on this machine: the first of a
 * list that does.
 */
final class Podman {
    static final String NAME = "podman";

    private static final String IMAGE = "localhost/cay-bench";
    /** Far from ours. */
    private static final String IDS = "0:1610612736:65536";

    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String SUBNET = "10.252.77.0/24";

    /** Where the plug-ins that give addresses to podman's containers keep them. */
    private static final Path ADDRESSES = Path.of("/var/lib/cni/networks");

    private final Path program;
    private final Workbench bench;
    private final String container = "cay-bench-" + ProcessHandle.current().pid();
    private final Configuration configuration;

    private record Configuration(String runtime, boolean userNamespace, Cgroups cgroups) {
        String leftOut() {
            StringJoiner leftOut = new StringJoiner("; ");
            if (!userNamespace) {
                leftOut.add("user namespace");
            }
            switch (cgroups) {
                case NONE -> leftOut.add("a control group");
                case VERSION_2_ONLY -> leftOut.add("a limit of processes in its control group");
                case MACHINE -> {}
            }
            return leftOut.add("Landlock").toString();
        }

        String text() {
            return runtime + ", "
                    + switch (cgroups) {
                        case MACHINE -> "the machine's control groups";
                        case VERSION_2_ONLY -> "a mount namespace that has version 2 of the control groups alone";
                        case NONE -> "--cgroups=disabled";
                    };
        }
    }

    private Podman(Path program, Workbench bench, Configuration configuration) {
        this.program = program;
        this.bench = bench;
        this.configuration = configuration;
    }

    /**
     * Looks for the configuration and reports what it does without, or why there is none.
     *
     * @param cases which have no numbers without it
     */
    static Optional<Podman> find(Workbench bench, Report report, List<String> cases) throws IOException {
        Optional<Path> program = Tools.find(NAME);
        if (program.isEmpty()) {
            cases.forEach(report::missing);
            return Optional.empty();
        }
        String reason = "it found neither crun nor runc";
        boolean first = true;
        Path archive = bench.archive(bench.root(), "root.tar");
        for (Configuration configuration : configurations(bench.cgroup2Only().isPresent())) {
            Podman podman = new Podman(program.get(), bench, configuration);
            Optional<String> failure = podman.attempt(archive);
            if (failure.isEmpty()) {
                report.leftOut(NAME, configuration.leftOut());
                report.note("podman runs with " + configuration.text() + ", native overlay storage in the benchmark's"
                        + " directory, cgroupfs, no event log, and limits of open files and processes that need no"
                        + " CAP_SYS_RESOURCE.");
                return Optional.of(podman);
            }
            reason = first ? failure.get() : reason; // of the best one
            first = false;
        }
        for (String name : cases) {
            report.failed(name, reason);
        }
        return Optional.empty();
    }

    /** The best first. */
    private static List<Configuration> configurations(boolean hybrid) {
        List<Configuration> all = new ArrayList<>();
        for (boolean userNamespace : new boolean[] {true, false}) {
            for (String runtime : List.of("crun", "runc")) {
                Optional<Path> found = Tools.find(runtime);
                if (found.isEmpty()) {
                    continue;
                }
                if (hybrid) { // crun wants no hybrid machine at all
                    all.add(new Configuration(found.get().toString(), userNamespace, Cgroups.VERSION_2_ONLY));
                }
                all.add(new Configuration(found.get().toString(), userNamespace, Cgroups.MACHINE));
                if (runtime.equals("crun")) {
                    all.add(new Configuration(found.get().toString(), userNamespace, Cgroups.NONE));
                }
            }
        }
        return all;
    }

    private Path folder() {
        return bench.directory().resolve(NAME);
    }

    /** Makes the image and runs the command. */
    private Optional<String> attempt(Path archive) throws IOException {
        bench.onClose(this::end);
        Optional<String> failure = bench.tools().attempt(command("import", archive.toString(), IMAGE));
        return failure.isPresent() ? failure : bench.tools().attempt(run());
    }

    /**
     * Makes the directories free to be removed: of what has ended podman cleans up in the background, and one of them may be a
     * mount of its own.
     */
    private void end() throws IOException {
        String mark = folder().toString();
        List<ProcessHandle> running = ProcessHandle.allProcesses()
                .filter(process -> process.info().commandLine().orElse("").contains(mark))
                .toList();
        for (ProcessHandle process : running) {
            await(process);
        }
        release();
    }

    private void release() throws IOException {
        Path overlay = folder().resolve("store/overlay");
        if (Files.exists(overlay)) {
            // Often there is nothing to do, which it calls a failure.
            bench.tools()
                    .attempt(Tools.Command.of(bench.hostBusybox().toString(), "umount", "-l", overlay.toString())
                            .in(mounts()));
        }
    }

    private static void await(ProcessHandle process) throws IOException {
        try {
            process.onExit().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new IOException("process " + process.pid() + " of podman has not ended", e);
        }
    }

    private Optional<Child> mounts() {
        return configuration.cgroups() == Cgroups.VERSION_2_ONLY ? bench.cgroup2Only() : Optional.empty();
    }

    private Tools.Command command(String... arguments) {
        List<String> all = new ArrayList<>(List.of(
                program.toString(),
                "--root",
                folder().resolve("store").toString(),
                "--runroot",
                folder().resolve("run").toString(),
                "--tmpdir",
                folder().resolve("tmp").toString(),
                "--storage-driver",
                "overlay",
                "--cgroup-manager",
                "cgroupfs",
                "--events-backend",
                "none",
                "--network-config-dir",
                folder().resolve("networks").toString(),
                "--runtime",
                configuration.runtime()));
        all.addAll(List.of(arguments));
        return new Tools.Command(all, mounts(), Optional.empty());
    }

    /** Where its images are. */
    Path store() {
        return folder().resolve("store");
    }

    /** Brings an image here from a registry without TLS. */
    Tools.Command pull(String reference) {
        return command("pull", "--quiet", "--tls-verify=false", reference);
    }

    /** Has no images any more; those that it had are not removed but moved, see {@link Workbench#setAside}. */
    void forgetImages() throws IOException {
        release();
        bench.setAside(store());
        bench.tools().must(command("images", "--quiet")); // which makes it
    }

    private List<String> options(String network) {
        List<String> options = new ArrayList<>(
                List.of("--network", network, "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"));
        if (configuration.userNamespace()) {
            options.addAll(List.of("--uidmap", IDS, "--gidmap", IDS));
        }
        switch (configuration.cgroups()) {
            case MACHINE -> {}
            case VERSION_2_ONLY -> options.add("--pids-limit=0"); // that controller hangs in version 1
            case NONE -> options.add("--cgroups=disabled");
        }
        return options;
    }

    private Tools.Command create(List<String> mode, List<String> program) {
        return create(mode, program, "none");
    }

    private Tools.Command create(List<String> mode, List<String> program, String network) {
        List<String> arguments = new ArrayList<>(List.of("run"));
        arguments.addAll(mode);
        arguments.addAll(options(network));
        arguments.add(IMAGE);
        arguments.addAll(program);
        return command(arguments.toArray(String[]::new));
    }

    /** Creates a container, runs the command in it and removes it. */
    Tools.Command run() {
        return create(List.of("--rm"), Workbench.COMMAND);
    }

    /**
     * Makes a bridge of podman's for {@link #networked}, in a network namespace: this machine is left alone.
     *
     * @throws IOException with podman's own words if it cannot, or what it makes does not work
     */
    void makeBridge(Fd namespace) throws IOException {
        bench.onClose(() -> {
            Path addresses = ADDRESSES.resolve(container);
            if (Files.isDirectory(addresses)) {
                Workbench.delete(addresses);
            }
        });
        bench.tools()
                .must(command("network", "create", "--disable-dns", "--subnet", SUBNET, container)
                        .inNetwork(namespace));
        bench.tools().must(networked(namespace));
    }

    /** The same as {@link #run} with an address on that bridge. */
    Tools.Command networked(Fd namespace) {
        return create(List.of("--rm"), Workbench.COMMAND, container).inNetwork(namespace);
    }

    /**
     * Starts a container that stays until the workbench is closed.
     *
     * @throws IOException with podman's own words if it does not start
     */
    void startSleeper() throws IOException {
        bench.onClose(() -> bench.tools().must(command("rm", "--force", "--ignore", "--time", "0", container)));
        bench.tools().must(create(List.of("--detach", "--name", container), List.of("/bin/busybox", "sleep", "86400")));
    }

    /** Runs a program in that container. */
    Tools.Command exec(List<String> program) {
        List<String> arguments = new ArrayList<>(List.of("exec", container));
        arguments.addAll(program);
        return command(arguments.toArray(String[]::new));
    }

    Tools.Command copyIn(Path from, String to) {
        return command("cp", from.toString(), container + ":" + to);
    }

    Tools.Command copyOut(String from, Path to) {
        return command("cp", container + ":" + from, to.toString());
    }
}
