package dev.cay.bench;

import dev.cay.linux.Child;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * crun or runc, in the configuration nearest to ours that works on this machine: the first of a list that does.
 */
final class OciRuntime {
    private static final String SLEEPER = "bench";

    private final String name;
    private final Path program;
    private final Workbench bench;
    private final Configuration configuration;
    private int containers;

    private record Configuration(boolean userNamespace, boolean seccomp, boolean pidsLimit, Cgroups cgroups) {
        String leftOut() {
            StringJoiner leftOut = new StringJoiner("; ");
            if (!userNamespace) {
                leftOut.add("user namespace");
            }
            if (!seccomp) {
                leftOut.add("seccomp");
            }
            if (cgroups == Cgroups.NONE) {
                leftOut.add("a control group");
            } else if (!pidsLimit) {
                leftOut.add("a limit of processes");
            }
            return leftOut + (leftOut.length() > 0 ? "; " : "") + "an overlay for changes; Landlock";
        }
    }

    private OciRuntime(String name, Path program, Workbench bench, Configuration configuration) {
        this.name = name;
        this.program = program;
        this.bench = bench;
        this.configuration = configuration;
    }

    /** Looks for the configuration and reports what it does without, or why there is none. */
    static Optional<OciRuntime> find(String name, Workbench bench, Report report) throws IOException {
        Optional<Path> program = Tools.find(name);
        if (program.isEmpty()) {
            report.missing(name);
            return Optional.empty();
        }
        String reason = "";
        for (Configuration configuration :
                configurations(name, bench.cgroup2Only().isPresent())) {
            OciRuntime runtime = new OciRuntime(name, program.get(), bench, configuration);
            runtime.bundle(Workbench.COMMAND).write(runtime.folder("bundle"));
            Optional<String> failure = bench.tools().attempt(runtime.run());
            if (failure.isEmpty()) {
                report.leftOut(name, configuration.leftOut());
                return Optional.of(runtime);
            }
            reason = reason.isEmpty() ? failure.get() : reason; // of the best one
        }
        report.failed(name, reason);
        return Optional.empty();
    }

    /** The best first. */
    private static List<Configuration> configurations(String name, boolean hybrid) {
        List<Configuration> all = new ArrayList<>();
        for (boolean userNamespace : new boolean[] {true, false}) {
            for (boolean seccomp : new boolean[] {true, false}) {
                if (hybrid) { // the controllers hang in version 1, which crun does not want at all
                    all.add(new Configuration(userNamespace, seccomp, false, Cgroups.VERSION_2_ONLY));
                }
                all.add(new Configuration(userNamespace, seccomp, true, Cgroups.MACHINE));
                all.add(new Configuration(userNamespace, seccomp, false, Cgroups.MACHINE));
                if (name.equals("crun")) {
                    all.add(new Configuration(userNamespace, seccomp, false, Cgroups.NONE));
                }
            }
        }
        return all;
    }

    private Path folder(String what) {
        return bench.directory().resolve(name + "-" + what);
    }

    private Bundle bundle(List<String> command) {
        return new Bundle(
                bench.root(),
                command,
                configuration.userNamespace(),
                configuration.seccomp(),
                configuration.pidsLimit());
    }

    private Tools.Command command(String... arguments) {
        List<String> all = new ArrayList<>(
                List.of(program.toString(), "--root", folder("state").toString()));
        if (configuration.cgroups() == Cgroups.NONE) {
            all.add("--cgroup-manager=disabled");
        }
        all.addAll(List.of(arguments));
        Optional<Child> mounts =
                configuration.cgroups() == Cgroups.VERSION_2_ONLY ? bench.cgroup2Only() : Optional.empty();
        return new Tools.Command(all, mounts, Optional.empty());
    }

    /** Creates a container, runs the command in it and removes it. */
    Tools.Command run() {
        containers++;
        return command("run", "--bundle", folder("bundle").toString(), id("run" + containers));
    }

    /** A name that no other run of the benchmark has: runtimes make control groups of it. */
    private String id(String what) {
        return "cay-bench-" + ProcessHandle.current().pid() + "-" + what;
    }

    /** Starts a container that stays until the workbench is closed, and tells its first process. */
    long startSleeper() throws IOException {
        Path folder = bundle(List.of("/bin/busybox", "sleep", "86400")).write(folder("sleeper"));
        Path pid = folder.resolve("pid");
        bench.onClose(() -> bench.tools().run(command("delete", "--force", id(SLEEPER))));
        bench.tools()
                .run(command(
                        "run", "--detach", "--pid-file", pid.toString(), "--bundle", folder.toString(), id(SLEEPER)));
        return Long.parseLong(Files.readString(pid).strip());
    }

    /** Runs the command in that container. */
    Tools.Command exec() {
        List<String> arguments = new ArrayList<>(List.of("exec", id(SLEEPER)));
        arguments.addAll(Workbench.COMMAND);
        return command(arguments.toArray(String[]::new));
    }
}
