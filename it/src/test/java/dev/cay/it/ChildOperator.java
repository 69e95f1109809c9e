package dev.cay.it;

import dev.cay.AgentSpec;
import dev.cay.Cidr;
import dev.cay.DeniedConnection;
import dev.cay.EgressPolicy;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import dev.cay.engine.microvm.GuestBoot;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.linux.Child;
import dev.cay.linux.Faults;
import dev.cay.linux.HostKernel;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** The other end of {@link OtherProcess}: operates sandboxes as it is told, and kills itself when it is told to. */
public final class ChildOperator {
    /** Kills this process before a list of system calls is run. */
    private static final class Killer implements Faults {
        private final HostKernel kernel;
        private final Child self;
        private final AtomicInteger seen = new AtomicInteger();
        private volatile int fatal;

        Killer() throws SyscallException {
            kernel = new HostKernel();
            self = Child.of(kernel, (int) ProcessHandle.current().pid());
        }

        /** 0 for never. */
        void arm(int number) {
            seen.set(0);
            fatal = number;
        }

        void die() {
            try {
                self.signal(Processes.SIGKILL);
            } catch (SyscallException e) {
                throw new IllegalStateException(e);
            }
        }

        /** What the engine does in the background when it has time is not counted: else the numbers would not be the same. */
        @Override
        public int failing(OpList list) {
            if (Thread.currentThread().getName().equals("cay-background")) {
                return NONE;
            }
            int number = seen.incrementAndGet();
            if (number == fatal) {
                die();
            }
            return NONE;
        }
    }

    private final Killer killer;
    private Optional<Sandboxes> opened = Optional.empty();

    /** The last sandbox that was made to end with this process. */
    private Optional<Sandbox> attached = Optional.empty();

    private final List<Execution> executions = new ArrayList<>();

    private ChildOperator() throws SyscallException {
        killer = new Killer();
        HostKernel.inject(killer);
    }

    public static void main(String[] arguments) throws IOException, SyscallException {
        ChildOperator operator = new ChildOperator();
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            System.out.println(operator.answer(order));
        }
        operator.opened.ifPresent(Sandboxes::close);
    }

    private String answer(String order) {
        try {
            return "ok " + obey(order.split(" ", 3));
        } catch (SandboxException e) {
            return "failed " + e.code() + " " + String.valueOf(e.getMessage()).replace('\n', ' ');
        } catch (IOException | RuntimeException e) {
            return "wrong " + String.valueOf(e).replace('\n', ' ');
        }
    }

    private String obey(String[] words) throws IOException {
        String name = words.length > 1 ? words[1] : "";
        String more = words.length > 2 ? words[2] : "";
        return switch (words[0]) {
            case "die-at" -> armed(Integer.parseInt(name));
            case "property" -> String.valueOf(System.setProperty(name, more));
            case "look" -> Boolean.toString(looked(Path.of(name)));
            case "engine" -> engine().toString();
            case "count" -> Integer.toString(killer.seen.get());
            case "create" -> engine().create(spec(name, more)).id();
            case "create-machine" ->
                engine().create(machine(name, more).detached().build()).id();
            case "create-sharing-machine" ->
                sharingMachine(name, more.split(" ", 2)).id();
            case "create-attached-machine" ->
                attachedMachine(name, more.split(" ", 2)).id();
            case "create-clone" -> attached(machine(name, more)).id();
            case "create-counting-machine" ->
                engine().create(machine(name, more)
                                .detached()
                                .disk(Size.mib(64))
                                .command(ExecSpec.of("sh", "-c", DetachedSnapshotTest.COUNT))
                                .build())
                        .id();
            case "keep" ->
                engine().snapshots().create(engine().open(name), more).name();
            case "fork" ->
                engine().snapshots()
                        .fork(engine().open(name), Snapshots.Copy.detached(Optional.of(more)))
                        .id();
            case "die-before-step" -> fatal(name + (more.isEmpty() ? "" : " " + more));
            case "create-attached" -> attached(name, more, true).id();
            case "create-without-init" -> attached(name, more, false).id();
            case "create-attached-of" ->
                attached(SandboxSpec.image(more).name(name)).id();
            case "create-attached-bound" ->
                attached(SandboxSpec.host().name(name).mount(Mount.bind(Path.of(more), "/far")))
                        .id();
            case "create-attached-networked" ->
                attached(SandboxSpec.host().name(name).network(Network.bridge()))
                        .id();
            case "own-attached" -> kept(attached.orElseThrow().start());
            case "close-attached" -> closed();
            case "exec-attached" -> told(attached.orElseThrow().exec("sh", "-c", more));
            case "pause-attached" -> {
                attached.orElseThrow().pause();
                yield "";
            }
            case "resume-attached" -> {
                attached.orElseThrow().resume();
                yield "";
            }
            case "attached-paused" -> {
                SandboxInfo info = attached.orElseThrow().info();
                yield info.paused() + " "
                        + info.machine().orElseThrow().health().text();
            }
            case "create-attached-small" ->
                engine().create(SandboxSpec.host()
                                .name(name)
                                .memory(Size.mib(64))
                                .build())
                        .id();
            case "ended" -> ended(executions.get(Integer.parseInt(name)).await());
            case "create-networked" ->
                engine().create(SandboxSpec.host()
                                .name(name)
                                .detached()
                                .network(Network.bridge().withPorts(List.of(PublishedPort.parse("7443:443"))))
                                .build())
                        .id();
            case "egress" -> {
                engine().networks().setEgress(name, EgressPolicy.parse(more.replace('\t', '\n')));
                yield "";
            }
            case "explain" -> {
                EgressPolicy.Decision decision = engine().networks().explain(name, more);
                yield decision.action() + " " + decision.reason();
            }
            case "denied" -> denied();
            case "network-create" ->
                engine().networks().create(name, Optional.of(Cidr.parse(more))).bridge();
            case "network-remove" -> {
                engine().networks().remove(name);
                yield "";
            }
            case "publish" -> {
                engine().networks().publish(name, PublishedPort.parse(more));
                yield "";
            }
            case "unpublish" -> {
                engine().networks().unpublish(name, PublishedPort.parse(more));
                yield "";
            }
            case "create-for" ->
                engine().create(lasting(name, Integer.parseInt(more))).id();
            case "create-passing" -> engine().create(passing(name, more)).id();
            case "clock" -> Long.toString(System.currentTimeMillis());
            case "remove" -> removed(name);
            case "open" -> engine().open(name).id();
            case "own" -> kept(engine().open(name).start());
            case "start" -> kept(engine().open(name).start(ExecSpec.of("sh", "-c", more)));
            case "attach" -> kept(engine().open(name).attach(Integer.parseInt(more)));
            case "line" -> line(executions.get(Integer.parseInt(name)).stdout());
            case "write" -> written(Integer.parseInt(name), more);
            case "exec" -> executed(name, more);
            case "once" -> once(name, more.substring(0, more.indexOf(' ')), more.substring(more.indexOf(' ') + 1));
            case "timed" -> timed(name, more.substring(0, more.indexOf(' ')), more.substring(more.indexOf(' ') + 1));
            case "start-timed" -> startedTimed(name, more.split(" ", 2));
            case "state" -> engine().open(name).info().state().text();
            case "serve" -> served(name, more);
            case "stop" -> stopped(name);
            case "pause" -> paused(name);
            case "sweep" -> engine().sweep().toString();
            case "race" -> raced(name, Integer.parseInt(more));
            case "fill" -> filled(Path.of(name));
            case "image" -> ImageOrders.obey(engine(), name, more);
            case "free" -> Boolean.toString(Files.deleteIfExists(Path.of(name)));
            default -> throw new IllegalArgumentException("no order: " + words[0]);
        };
    }

    /** Opened when it is first needed, so that this can be the moment of its death. */
    private synchronized Sandboxes engine() {
        if (opened.isEmpty()) {
            opened = Optional.of(Sandboxes.local());
        }
        return opened.get();
    }

    private String served(String name, String path) {
        Optional<Path> socket =
                Optional.of(path).filter(text -> !text.isEmpty()).map(Path::of);
        return engine().serve(engine().open(name), new AgentSpec(socket, AgentSpec.DEFAULT_CONNECTIONS))
                .path()
                .toString();
    }

    /** Whether a file can be opened. */
    private static boolean looked(Path file) {
        try (InputStream in = new FileInputStream(file.toFile())) {
            return in.available() >= 0;
        } catch (IOException e) {
            return false;
        }
    }

    private String armed(int number) {
        killer.arm(number);
        return "";
    }

    /** With a command of its own, if one is given. */
    private static SandboxSpec spec(String name, String command) {
        SandboxSpec.Builder builder = SandboxSpec.host().name(name).detached();
        return command.isEmpty()
                ? builder.build()
                : builder.command(ExecSpec.of("sh", "-c", command)).build();
    }

    /** In one line. */
    private String denied() {
        StringBuilder text = new StringBuilder();
        for (DeniedConnection one : engine().networks().denied()) {
            String what = one.protocol().equals("dns")
                    ? one.domain().orElse("")
                    : one.address().getHostAddress() + ":" + one.port().orElse(0);
            text.append(one.protocol() + " " + what + " " + one.rule() + "|");
        }
        return text.toString();
    }

    private String closed() {
        attached.orElseThrow().close();
        return "";
    }

    /** One that ends with this process; "-" is no name. */
    private Sandbox attached(String name, String command, boolean init) {
        SandboxSpec.Builder builder = SandboxSpec.host().init(init);
        if (!name.equals("-")) {
            builder.name(name);
        }
        if (!command.isEmpty()) {
            builder.command(ExecSpec.of("sh", "-c", command));
        }
        return attached(builder);
    }

    private Sandbox attached(SandboxSpec.Builder builder) {
        Sandbox sandbox = engine().create(builder.build());
        attached = Optional.of(sandbox);
        return sandbox;
    }

    /** With a directory of this machine, which comes after the image, at {@code /shared}; and a command that counts its runs there. */
    private Sandbox sharingMachine(String name, String[] imageAndDirectory) {
        String count = "trap 'exit 5' TERM; echo run >> /shared/runs; while :; do sleep 0.1; done";
        return engine().create(machine(name, imageAndDirectory[0])
                .mount(Mount.bind(Path.of(imageAndDirectory[1]), "/shared"))
                .detached()
                .command(ExecSpec.of("sh", "-c", count))
                .build());
    }

    /** With a command of its own, if one comes after the image. */
    private Sandbox attachedMachine(String name, String[] imageAndCommand) {
        SandboxSpec.Builder builder = machine(name, imageAndCommand[0]).disk(Size.mib(64));
        if (imageAndCommand.length > 1) {
            builder.command(ExecSpec.of("sh", "-c", imageAndCommand[1]));
        }
        return attached(builder);
    }

    private static String ended(Exit exit) {
        return exit.reason().text() + " " + (exit.reason() == Exit.Reason.EXITED ? exit.code() : exit.signal());
    }

    private static SandboxSpec lasting(String name, int seconds) {
        return SandboxSpec.host()
                .name(name)
                .lifetime(Lifetime.untilRemoved().limit(Duration.ofSeconds(seconds)))
                .build();
    }

    private static SandboxSpec passing(String name, String command) {
        return SandboxSpec.host()
                .name(name)
                .lifetime(Lifetime.untilRemoved().untilEnd())
                .command(ExecSpec.of("sh", "-c", command))
                .build();
    }

    private static SandboxSpec.Builder machine(String name, String image) {
        return SandboxSpec.image(image)
                .isolation(Isolation.MICROVM)
                .name(name)
                .memory(Size.mib(256))
                .tmpfs(Size.mib(64));
    }

    /** This process dies before a step of a guest's boot, or of keeping one. */
    private String fatal(String step) {
        Consumer<String> fatal = taken -> {
            if (taken.equals(step)) {
                killer.die();
            }
        };
        GuestBoot.observe(fatal);
        MachineAccess.observeKeeping(fatal);
        return "";
    }

    private String removed(String name) {
        engine().open(name).remove();
        return "";
    }

    private String stopped(String name) {
        engine().open(name).stop(Duration.ofSeconds(1));
        return "";
    }

    private String paused(String name) {
        engine().open(name).pause();
        return "";
    }

    private String kept(Execution execution) {
        executions.add(execution);
        return Integer.toString(execution.id());
    }

    /** Not by {@link Lab}, whose directory nobody would remove after this process was killed. */
    private static String line(InputStream stream) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = stream.read(); c >= 0 && c != '\n'; c = stream.read()) {
            line.append((char) c);
        }
        return line.toString();
    }

    private String written(int index, String text) throws IOException {
        executions.get(index).stdin().write((text + "\n").getBytes(StandardCharsets.UTF_8));
        return "";
    }

    private String executed(String name, String script) {
        return told(engine().open(name).exec("sh", "-c", script));
    }

    /** In an existing sandbox, for so many milliseconds at the most. */
    private String timed(String name, String milliseconds, String script) {
        return told(engine().open(name)
                .exec(ExecSpec.builder("sh", "-c", script)
                        .timeout(Duration.ofMillis(Long.parseLong(milliseconds)))
                        .grace(Duration.ZERO)
                        .build()));
    }

    private String startedTimed(String name, String[] millisecondsAndScript) {
        return kept(engine().open(name)
                .start(ExecSpec.builder("sh", "-c", millisecondsAndScript[1])
                        .timeout(Duration.ofMillis(Long.parseLong(millisecondsAndScript[0])))
                        .grace(Duration.ZERO)
                        .build()));
    }

    /** In a sandbox of its own that has, besides the usual, what a word asks for. */
    private String once(String what, String argument, String script) {
        SandboxSpec.Builder builder = SandboxSpec.host();
        switch (what) {
            case "plain" -> builder.hostname(argument);
            case "memory" -> builder.memory(Size.parse(argument));
            case "pids" -> builder.pids(Integer.parseInt(argument));
            case "user" -> builder.user(argument);
            case "bind" -> builder.mount(Mount.bind(Path.of(argument), "/bound"));
            case "volume" -> builder.mount(Mount.volume(argument, "/volume"));
            case "network" -> builder.network(new Network.Host());
            case "way-out" ->
                builder.network(Network.bridge()
                        .withEgress(
                                EgressPolicy.parse(argument.replace(';', '\n').replace(',', ' ')))
                        .withPorts(List.of(PublishedPort.parse("18080:8080"))));
            default -> throw new IllegalArgumentException("no kind: " + what);
        }
        try (Sandbox sandbox = engine().create(builder.build())) {
            return told(sandbox.exec("sh", "-c", script));
        }
    }

    private static String told(ExecResult result) {
        return result.exit().reason().text() + " " + result.exit().code() + " "
                + result.stdout().strip().replace('\n', '|');
    }

    /** How many of so many threads could make a sandbox of this name; the others must be told that it is taken. */
    private String raced(String name, int threads) {
        List<Future<Boolean>> attempts = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (int i = 0; i < threads; i++) {
                attempts.add(executor.submit(() -> {
                    try {
                        engine().create(spec(name, ""));
                        return true;
                    } catch (SandboxException.Conflict e) {
                        return false;
                    }
                }));
            }
        }
        int won = 0;
        for (Future<Boolean> attempt : attempts) {
            try {
                won += attempt.get() ? 1 : 0;
            } catch (InterruptedException | java.util.concurrent.ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }
        return Integer.toString(won);
    }

    /** Leaves no room on the file system of a file. */
    private static String filled(Path file) throws IOException {
        byte[] page = new byte[4096];
        try (var out = Files.newOutputStream(file)) {
            while (true) {
                out.write(page);
            }
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
