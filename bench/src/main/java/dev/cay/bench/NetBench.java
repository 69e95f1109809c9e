package dev.cay.bench;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.LinkKind;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * What a network costs: the life of a sandbox that has one beside one that has none, a stream of bytes to the machine beside a bare
 * cable, new connections under a long policy beside none, many sandboxes at once, and questions for names.
 */
final class NetBench {
    private static final String PLAIN = "plain";
    private static final String NETWORKED = "networked";
    private static final String VETH = "veth";
    private static final String TCP = "tcp";
    private static final String NO_POLICY = "no policy";
    private static final String POLICY = "policy of 200 rules";
    private static final String MANY = "many";
    private static final String DNS = "dns";
    private static final String PODMAN = Podman.NAME;
    private static final String BESIDE = "networked, beside podman";
    private static final List<String> CASES =
            List.of(PLAIN, NETWORKED, PODMAN, VETH, TCP, NO_POLICY, POLICY, MANY, DNS);
    private static final Duration LONGEST = Duration.ofSeconds(60);
    private static final int ROUNDS = 150;
    private static final int WARMUP = 150;
    private static final int PODMAN_ROUNDS = 20;
    private static final int STREAMS = 7;
    private static final int RULES = 200;
    private static final int ALIVE = 300;
    private static final long SLICE_NANOSECONDS = 700_000_000L;
    private static final int BUFFER = 256 * 1024;
    private static final String CABLE = "cay-bench";
    private static final String CABLE_HERE = "10.251.77.1";
    private static final String CABLE_THERE = "10.251.77.2";

    private final Options options;
    private final Report report;

    private NetBench(Options options, Report report) {
        this.options = options;
        this.report = report;
    }

    static Report run(Options options) throws IOException {
        options.check(CASES);
        Report report = new Report("net", "sandboxes on a network of the machine");
        NetBench net = new NetBench(options, report);
        try (Workbench bench = Workbench.open();
                HostKernel kernel = new HostKernel()) {
            net.life(bench);
            net.podman(kernel, bench);
            net.streams(kernel, bench);
            net.connections(kernel, bench);
            net.many(bench);
        }
        if (options.wants(DNS)) {
            ResolverBench.run(report);
        }
        report.ratio("networked/plain", NETWORKED, PLAIN, Optional.of(Goal.atMost(1.8)));
        report.ratio("ours/podman", BESIDE, PODMAN, Optional.of(Goal.atMost(0.15)));
        report.note(
                "'networked' is 'plain' with addresses of both families and the standard policy. Each has an engine of its"
                        + " own, as an engine keeps parts ready for one kind of sandbox.");
        return report;
    }

    private static SandboxSpec spec(Workbench bench, Network network) {
        return SandboxSpec.directory(bench.root()).network(network).build();
    }

    private void life(Workbench bench) {
        try (Sandboxes plain = Sandboxes.local();
                Sandboxes networked = Sandboxes.local()) {
            List<Case> cases = new ArrayList<>();
            add(cases, PLAIN, plain, spec(bench, Network.none()));
            add(cases, NETWORKED, networked, spec(bench, Network.bridge()));
            new Rounds(report, LONGEST)
                    .run(cases, options.warmup().orElse(WARMUP), options.n().orElse(ROUNDS));
        }
    }

    /** Beside 'podman run' with a bridge of its own, in a network namespace that is ours. */
    private void podman(HostKernel kernel, Workbench bench) throws IOException {
        if (!options.wants(PODMAN)) {
            return;
        }
        Optional<Podman> found = Podman.find(bench, report, List.of(PODMAN));
        if (found.isEmpty()) {
            return;
        }
        try (Fd namespace = kernel.namespaces(Optional.empty(), true).network().orElseThrow();
                Sandboxes networked = Sandboxes.local()) {
            Podman podman = found.get();
            podman.makeBridge(namespace);
            SandboxSpec spec = spec(bench, Network.bridge());
            List<Case> cases = List.of(
                    Case.here(BESIDE, () -> {
                        try (Sandbox sandbox = networked.create(spec)) {
                            Runs.exec(sandbox, Runs.COMMAND);
                        }
                    }),
                    Case.program(PODMAN, () -> bench.tools().run(podman.networked(namespace))));
            new Rounds(report, LONGEST)
                    .run(
                            cases,
                            options.warmup().orElse(PODMAN_ROUNDS),
                            options.n().orElse(PODMAN_ROUNDS));
            report.note(
                    "podman's containers have addresses of IPv4 alone, on a bridge with the plug-ins of CNI, and no policy.");
        } catch (IOException e) {
            report.failed(PODMAN, String.valueOf(e.getMessage()));
        }
    }

    private void add(List<Case> cases, String name, Sandboxes engine, SandboxSpec spec) {
        if (options.wants(name)) {
            cases.add(Case.here(name, () -> {
                try (Sandbox sandbox = engine.create(spec)) {
                    Runs.exec(sandbox, Runs.COMMAND);
                }
            }));
        }
    }

    /** Runs a task on a thread of another network namespace. */
    private static <T> T inside(HostKernel kernel, Fd namespace, Callable<T> task) throws IOException {
        FutureTask<T> future = new FutureTask<>(() -> {
            kernel.run(OpList.of(Namespaces.enter(namespace, Namespaces.NETWORK)));
            return task.call();
        });
        Thread.ofPlatform().daemon().start(future);
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e.getCause());
        }
    }

    private static Fd namespace(HostKernel kernel, Sandbox sandbox) throws IOException {
        Op open = FileOps.open("/proc/" + sandbox.info().firstProcess().orElseThrow() + "/ns/net", FileOps.O_RDONLY);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private void streams(HostKernel kernel, Workbench bench) throws IOException {
        if (!options.wants(TCP) || !options.wants(VETH)) {
            return;
        }
        EgressPolicy policy = EgressPolicy.parse("allow host:tcp\nallow public");
        try (Sandboxes engine = Sandboxes.local();
                Sandbox sandbox = engine.create(spec(bench, Network.bridge().withEgress(policy)));
                Fd inBox = namespace(kernel, sandbox);
                Fd bare = cable(kernel)) {
            InetAddress gateway = gateway(engine);
            List<Double> boxed = new ArrayList<>();
            List<Double> cabled = new ArrayList<>();
            for (int i = 0; i < STREAMS; i++) {
                boxed.add(stream(kernel, inBox, gateway));
                cabled.add(stream(kernel, bare, InetAddress.ofLiteral(CABLE_HERE)));
            }
            double box = best(boxed);
            double veth = best(cabled);
            report.figure("tcp_mib_per_second", box / (1 << 20));
            report.figure("veth_mib_per_second", veth / (1 << 20));
            report.ratio("tcp/veth", box / veth, Optional.of(Goal.atLeast(0.95)));
            report.note("tcp and veth: one stream of bytes from another namespace to this process, " + STREAMS
                    + " times in turn; the median of each.");
        } finally {
            try (Rtnetlink links = Rtnetlink.open(kernel)) {
                if (links.link(CABLE).isPresent()) {
                    links.execute(LinkMessages.delete(CABLE));
                }
            }
        }
    }

    private static double best(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }

    private static InetAddress gateway(Sandboxes engine) {
        return engine.networks().list().stream()
                .filter(network -> network.name().equals(Network.BRIDGE))
                .map(Networks.Info::gateway)
                .findFirst()
                .orElseThrow();
    }

    /** A namespace at the other end of a cable with nothing on it. */
    private static Fd cable(HostKernel kernel) throws IOException {
        Fd namespace = kernel.namespaces(Optional.empty(), true).network().orElseThrow();
        try (Rtnetlink here = Rtnetlink.open(kernel);
                Rtnetlink there = Rtnetlink.openIn(kernel, namespace)) {
            here.execute(LinkMessages.create(
                    LinkSettings.named(CABLE),
                    new LinkKind.Veth(LinkSettings.named("eth0").withIndex(2), Optional.of(namespace))));
            int link = here.link(CABLE).orElseThrow().index();
            here.execute(
                    LinkMessages.change(link, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(link, InetAddress.ofLiteral(CABLE_HERE), 30)
                            .add());
            there.execute(
                    LinkMessages.change(2, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(2, InetAddress.ofLiteral(CABLE_THERE), 30)
                            .add());
        }
        return namespace;
    }

    /** Bytes a second from a namespace to this process. */
    private static double stream(HostKernel kernel, Fd namespace, InetAddress address) throws IOException {
        try (ServerSocket server = new ServerSocket(0)) {
            FutureTask<Double> receiving = new FutureTask<>(() -> {
                try (Socket socket = server.accept()) {
                    byte[] buffer = new byte[BUFFER];
                    long bytes = 0;
                    long began = System.nanoTime();
                    for (int n = socket.getInputStream().read(buffer);
                            n >= 0;
                            n = socket.getInputStream().read(buffer)) {
                        bytes += n;
                    }
                    return bytes * 1e9 / (System.nanoTime() - began);
                }
            });
            Thread.ofPlatform().daemon().start(receiving);
            inside(kernel, namespace, () -> {
                try (Socket socket = new Socket()) {
                    socket.connect(new InetSocketAddress(address, server.getLocalPort()), 5000);
                    byte[] buffer = new byte[BUFFER];
                    long end = System.nanoTime() + SLICE_NANOSECONDS;
                    while (System.nanoTime() < end) {
                        socket.getOutputStream().write(buffer);
                    }
                    return 0;
                }
            });
            return receiving.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e.getCause());
        }
    }

    private void connections(HostKernel kernel, Workbench bench) throws IOException {
        if (!options.wants(POLICY) || !options.wants(NO_POLICY)) {
            return;
        }
        StringBuilder rules = new StringBuilder();
        for (int i = 0; i < RULES - 1; i++) {
            rules.append("allow 172.16.")
                    .append(i)
                    .append(".0/24:tcp:")
                    .append(1000 + i)
                    .append('\n');
        }
        EgressPolicy policy = EgressPolicy.parse(rules + "allow host:tcp\n");
        try (Sandboxes engine = Sandboxes.local();
                Sandbox guarded = engine.create(spec(bench, Network.bridge().withEgress(policy)));
                Sandbox free = engine.create(spec(bench, Network.bridge().withEgress(EgressPolicy.allowAll())));
                Fd inGuarded = namespace(kernel, guarded);
                Fd inFree = namespace(kernel, free);
                ServerSocket server = new ServerSocket(0, 1024)) {
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    while (true) {
                        server.accept().close();
                    }
                } catch (IOException e) {
                    // it is over
                }
            });
            InetSocketAddress address = new InetSocketAddress(gateway(engine), server.getLocalPort());
            List<Double> long200 = new ArrayList<>();
            List<Double> none = new ArrayList<>();
            for (int i = 0; i < STREAMS; i++) {
                long200.add(inside(kernel, inGuarded, () -> connect(address)));
                none.add(inside(kernel, inFree, () -> connect(address)));
            }
            report.figure("connections_per_second_policy_200", best(long200));
            report.figure("connections_per_second_no_policy", best(none));
            report.ratio("policy200/none", best(long200) / best(none), Optional.of(Goal.atLeast(0.9)));
        }
    }

    /** Connections a second. */
    private static double connect(InetSocketAddress address) throws IOException {
        long began = System.nanoTime();
        long end = began + SLICE_NANOSECONDS / 2;
        int made = 0;
        while (System.nanoTime() < end) {
            try (Socket socket = new Socket()) {
                socket.setSoLinger(true, 0); // no port is left in a state of waiting
                socket.connect(address, 5000);
                made++;
            }
        }
        return made * 1e9 / (System.nanoTime() - began);
    }

    private void many(Workbench bench) {
        if (!options.wants(MANY)) {
            return;
        }
        List<Sandbox> alive = new ArrayList<>();
        try (Sandboxes engine = Sandboxes.local()) {
            int count = Math.min(ALIVE, options.n().orElse(ALIVE));
            long began = System.nanoTime();
            for (int i = 0; i < count; i++) {
                alive.add(engine.create(spec(bench, Network.bridge())));
            }
            report.figure("alive", alive.size());
            report.figure("alive_ms_each", (System.nanoTime() - began) / 1e6 / count);
            began = System.nanoTime();
            alive.forEach(Sandbox::close);
            report.figure("closed_ms_each", (System.nanoTime() - began) / 1e6 / count);
        } catch (RuntimeException e) {
            report.failed(MANY, "after " + alive.size() + ": " + e.getMessage());
        }
    }
}
