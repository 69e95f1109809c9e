package dev.cay.engine.sandbox;

import dev.cay.Cidr;
import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.names.NameService;
import dev.cay.engine.names.NetdStarter;
import dev.cay.engine.network.Explanation;
import dev.cay.engine.network.HostNetworks;
import dev.cay.engine.network.NetdMain;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.HostFailure;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.engine.state.SandboxStore;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;

/** The networks of this machine, opened when one is first needed: most engines need none. Thread-safe. */
final class StoredNetworks implements Networks, NetworkSource, AutoCloseable {
    private final Engines engines;
    private final SandboxNames names = new SandboxNames(new NameMaker());
    private volatile Opened opened;

    /** The engines of this machine, this one among them. */
    interface Engines {
        String own();

        /** The sandboxes that belong to nobody. */
        SandboxStore sandboxes() throws IOException;

        boolean lives(String engine) throws IOException;
    }

    private record Opened(HostKernel kernel, HostNetworks host) {}

    StoredNetworks(Engines engines) {
        this.engines = engines;
    }

    /** Whether there may be anything to be cleaned up. */
    static boolean isUsed() {
        return Files.exists(NetworkStore.LEASES);
    }

    HostNetworks host() {
        if (opened == null) {
            synchronized (this) {
                if (opened == null) {
                    opened = guarded(this::open);
                }
            }
        }
        return opened.host();
    }

    private Opened open() throws IOException {
        SandboxStore sandboxes = engines.sandboxes();
        HostKernel kernel = new HostKernel();
        try {
            HostNetworks host =
                    HostNetworks.open(kernel, NetworkStore.open(), engines.own(), new HostNetworks.Liveness() {
                        @Override
                        public boolean engine(String id) throws IOException {
                            return engines.lives(id);
                        }

                        @Override
                        public boolean sandbox(String id) {
                            return sandboxes.exists(id);
                        }
                    });
            return new Opened(kernel, host);
        } catch (IOException | RuntimeException e) {
            kernel.close();
            throw e;
        }
    }

    /** The bridge is made by whoever needs it first, and is never another one to those who ask for it. */
    @Override
    public Object identity(String name) throws IOException {
        return name.equals(Network.BRIDGE) ? name : host().store().network(name);
    }

    @Override
    public Connection connect(String sandbox, boolean detached, Network.Named network, Port port) throws IOException {
        HostNetworks host = host();
        Lease lease = host.connect(sandbox, detached, network, port);
        names.prepare(detached);
        NetworkDefinition definition = host.store().network(lease.network()).orElseThrow();
        return new Connection() {
            @Override
            public InetAddress address() {
                return lease.address();
            }

            @Override
            public InetAddress address6() {
                return lease.address6();
            }

            @Override
            public List<InetAddress> gateways() {
                return List.of(definition.gateway(), definition.gateway6());
            }

            @Override
            public MacAddress station() {
                return HostNetworks.station(lease);
            }

            @Override
            public void configure(Kernel guest) throws IOException {
                host.configure(lease, definition, guest);
            }

            @Override
            public void open(Network.Named wanted, List<String> called) throws IOException {
                if (detached) {
                    host.open(lease, wanted, called, OptionalInt.empty());
                    NetdStarter.ensure();
                } else {
                    NameService service = names.service();
                    OptionalInt port = OptionalInt.of(service.port(definition));
                    service.serve(definition, host.open(lease, wanted, called, port));
                }
            }

            @Override
            public void close() throws IOException {
                host.disconnect(lease);
                names.leave(lease);
            }
        };
    }

    /** No lambda: every command makes one of these, and hardly any calls it. */
    private final class NameMaker implements Callable<NameService> {
        @Override
        public NameService call() throws IOException {
            HostNetworks host = host();
            return NameService.start(opened.kernel(), host.store(), host.names(), engines.own());
        }
    }

    /** Sees to it that the questions of a sandbox are answered, as its lease says now. */
    private void serve(Lease lease) throws IOException {
        if (lease.owner().isEmpty()) {
            NetdStarter.ensure();
        } else if (lease.owner().equals(engines.own())) {
            Optional<NetworkDefinition> network = host().store().network(lease.network());
            if (network.isPresent()) {
                names.service().serve(network.get(), lease);
            }
        }
    }

    /** Sees to it that the questions of detached sandboxes are answered if there are any: the process that did may have died. */
    void revive() throws IOException {
        if (isUsed()
                && host().store().leases().stream()
                        .anyMatch(lease -> lease.owner().isEmpty())) {
            NetdStarter.ensure();
        }
    }

    @Override
    public Info create(String name, Optional<Cidr> subnet) {
        Network.named(name); // refuses what is no name
        return guarded(() -> info(host().create(name, subnet), List.of()));
    }

    private static Info info(NetworkDefinition network, List<Lease> leases) {
        List<Member> members = new ArrayList<>();
        for (Lease lease : leases) {
            if (lease.network().equals(network.name()) && lease.egress().isPresent()) {
                members.add(member(lease));
            }
        }
        return new Info(
                network.name(),
                network.subnet(),
                network.gateway(),
                network.subnet6(),
                network.gateway6(),
                network.bridge(),
                network.mutual(),
                members);
    }

    static Member member(Lease lease) {
        return new Member(lease.sandbox(), lease.address(), lease.address6(), lease.names(), lease.ports());
    }

    @Override
    public List<Info> list() {
        return guarded(() -> {
            List<Lease> leases = host().store().leases();
            return host().store().networks().stream()
                    .map(network -> info(network, leases))
                    .toList();
        });
    }

    @Override
    public void remove(String name) {
        Network.named(name);
        guarded(() -> {
            host().remove(name);
            return name;
        });
    }

    /** The sandbox's lease, by whatever it is called. */
    private Lease lease(String sandbox) throws IOException {
        for (Lease lease : host().store().leases()) {
            if (lease.sandbox().equals(sandbox)) {
                return lease;
            }
        }
        return host().require(engines.sandboxes().resolve(sandbox));
    }

    @Override
    public Member member(String sandbox) {
        return guarded(() -> member(lease(sandbox)));
    }

    @Override
    public void publish(String sandbox, PublishedPort port) {
        guarded(() -> {
            host().publish(lease(sandbox).sandbox(), port);
            return sandbox;
        });
    }

    @Override
    public void unpublish(String sandbox, PublishedPort port) {
        guarded(() -> {
            host().unpublish(lease(sandbox).sandbox(), port);
            return sandbox;
        });
    }

    @Override
    public EgressPolicy egress(String sandbox) {
        return guarded(() -> {
            Lease lease = lease(sandbox);
            return lease.egress()
                    .orElseThrow(() -> new SandboxException.Conflict(
                            "the sandbox " + lease.sandbox() + " is being made", "try again in a moment"));
        });
    }

    @Override
    public void setEgress(String sandbox, EgressPolicy policy) {
        guarded(() -> {
            String id = lease(sandbox).sandbox();
            host().egress(id, policy);
            serve(host().require(id));
            return sandbox;
        });
    }

    @Override
    public EgressPolicy.Decision explain(String sandbox, String destination) {
        EgressPolicy policy = egress(sandbox);
        return guarded(() -> {
            Lease lease = lease(sandbox);
            NetworkDefinition network = host().store().network(lease.network()).orElseThrow();
            return Explanation.of(policy, network, host().store().networks(), destination, host().ownAddresses());
        });
    }

    @Override
    public List<DeniedConnection> denied() {
        return guarded(() -> DenialLog.open().all());
    }

    @Override
    public DeniedConnections followDenied() {
        return guarded(() -> DenialLog.open().follow());
    }

    @Override
    public void serveNames() {
        guarded(() -> {
            NetdMain.run(false);
            return "";
        });
    }

    @Override
    public List<String> repair() {
        return guarded(() -> {
            List<String> repaired = host().repair();
            revive();
            return repaired;
        });
    }

    static <T> T guarded(StoredSandboxes.Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw HostFailure.of(
                    "the networks of this machine",
                    "'cay doctor' says what this machine lacks, 'cay net repair' restores what somebody has removed",
                    e);
        }
    }

    @Override
    public void close() {
        if (opened != null) {
            try (HostKernel _ = opened.kernel()) {
                names.close();
                opened.host().close();
            }
        }
    }
}
