package dev.cay.engine.network;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.state.Lease;
import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;

/**
 * The way out for the sandboxes of an ordinary user, who may make no bridge: each has a {@link Pasta} of its own. The policy is in force in
 * the sandbox's network namespace before that begins. Thread-safe.
 */
public final class UserNetworks implements NetworkSource, AutoCloseable {
    private static final InetAddress SELF = InetAddress.ofLiteral("127.0.0.1");
    private static final InetAddress SELF6 = InetAddress.ofLiteral("::1");

    /** All of them end with the one thread that starts them, which lives as long as this. */
    private final ExecutorService starter = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("cay-pasta").daemon().factory());

    @Override
    public void check(Network.Named network, boolean detached) {
        refuse(
                !network.name().equals(Network.BRIDGE) || network.address().isPresent(),
                "networks of this machine are made by its root: an ordinary user's sandboxes have a way out and no neighbours",
                "use --network bridge without an address, or run as root");
        refuse(
                detached,
                "an ordinary user's sandbox on a network ends with the process that made it",
                "leave out --detach or --network, or run as root");
        EgressPolicy policy = network.egress();
        refuse(
                policy.namesDomains() || policy.bandwidth().isPresent(),
                "the policy of an ordinary user's sandbox knows no domains and no bandwidth",
                "use addresses and groups, or run as root");
        refuse(
                !Files.isExecutable(Pasta.PROGRAM),
                "there is no " + Pasta.PROGRAM + ", by which an ordinary user's sandboxes reach a network",
                "install passt, run as root, or use --network none");
        refuse(
                !Files.isReadable(Pasta.DEVICE) || !Files.isWritable(Pasta.DEVICE),
                Pasta.DEVICE + " is not this user's to open, which pasta has to",
                "let root do: chmod 666 " + Pasta.DEVICE + ", as most distributions have it; or use --network none");
    }

    private static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }

    @Override
    public Connection connect(String sandbox, boolean detached, Network.Named network, Port port) throws IOException {
        check(network, detached);
        if (!(port instanceof Port.Cable cable)) {
            throw new SandboxException.Unsupported("an ordinary user makes no tap devices", "run as root");
        }
        Op copy = FileOps.copy(Arg.of(cable.namespace()), "network namespace");
        return new Way(
                sandbox, cable.kernel(), cable.kernel().run(OpList.of(copy)).fd(copy));
    }

    /** Of one sandbox. */
    private final class Way implements Connection {
        private final String sandbox;
        private final LocalKernel kernel;
        private final Fd namespace;
        private Optional<Pasta> pasta = Optional.empty();

        Way(String sandbox, LocalKernel kernel, Fd namespace) {
            this.sandbox = sandbox;
            this.kernel = kernel;
            this.namespace = namespace;
        }

        @Override
        public InetAddress address() {
            return SELF;
        }

        @Override
        public InetAddress address6() {
            return SELF6;
        }

        @Override
        public List<InetAddress> gateways() {
            return List.of(Pasta.RESOLVER);
        }

        @Override
        public MacAddress station() {
            throw new UnsupportedOperationException("it is no tap");
        }

        @Override
        public void configure(Kernel guest) {
            throw new UnsupportedOperationException("it is no tap");
        }

        @Override
        public synchronized void open(Network.Named network, List<String> names) throws IOException {
            check(network, false);
            for (PublishedPort port : network.ports()) {
                PortOwners.check(port);
            }
            Lease lease = new Lease(
                    sandbox,
                    sandbox,
                    network.name(),
                    SELF,
                    SELF6,
                    Links.INSIDE,
                    names,
                    Optional.of(network.egress()),
                    network.ports(),
                    OptionalInt.empty());
            try (Nftables inside = Nftables.openIn(kernel, namespace)) {
                inside.commit(InnerRules.of(lease, ownAddresses(), Pasta.RESOLVER));
            }
            pasta = Optional.of(started(network.ports()));
        }

        private Set<InetAddress> ownAddresses() throws IOException {
            try (Rtnetlink host = Rtnetlink.open(kernel.host())) {
                return host.addresses().stream().map(InterfaceAddress::address).collect(Collectors.toSet());
            }
        }

        private Pasta started(List<PublishedPort> ports) throws IOException {
            FutureTask<Pasta> task = new FutureTask<>(() -> Pasta.start(kernel, namespace, ports));
            starter.execute(task);
            boolean interrupted = false;
            try {
                while (true) {
                    try {
                        return task.get();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
            } catch (ExecutionException e) {
                throw new IOException(e.getCause().getMessage(), e.getCause());
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        @Override
        public synchronized void close() {
            pasta.ifPresent(Pasta::close);
            pasta = Optional.empty();
            namespace.close();
        }
    }

    @Override
    public void close() {
        starter.shutdown();
    }
}
