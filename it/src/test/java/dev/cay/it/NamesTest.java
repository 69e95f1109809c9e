package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.ExecResult;
import dev.cay.Lifetime;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.Nftables;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What sandboxes know by name, and what becomes of it; in the process that owns them, and in the one for detached ones. */
@ExtendWith({DetachedLane.class, RootLane.class})
class NamesTest {
    private static final String SERVERS = "dev.cay.dns.servers";
    private static final String WEB = "web.example.com";
    private static final Path LEASES = Path.of("/run/cay/networks");

    /** Prints the addresses of a name, or why there are none. */
    private static final String ASK = """
            import socket, sys
            for name in sys.argv[1:]:
                try: print(name, ','.join(sorted({a[4][0] for a in socket.getaddrinfo(name, None, socket.AF_INET)})))
                except socket.gaierror as e: print(name, e.errno)
            """;

    private final Map<String, String> names = new ConcurrentHashMap<>();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final List<DatagramSocket> servers = new ArrayList<>();
    private NetworkWorld world;

    @BeforeEach
    void build() throws Exception {
        need("python3");
        world = NetworkWorld.create();
        names.put(WEB, INTERNET);
        names.put("rebind.example.com", "192.168.77.2");
        names.put("metadata.example.com", "169.254.169.254");
        // The engine asks from where this test lives, the process for detached sandboxes from its machine.
        DatagramSocket here = new DatagramSocket(0, address("127.0.0.1"));
        int port = here.getLocalPort();
        servers.add(here);
        servers.add(world.host.inside(() -> new DatagramSocket(port, address("127.0.0.1"))));
        servers.forEach(server -> NameServer.start(server, names, asked));
        System.setProperty(SERVERS, "127.0.0.1:" + port);
    }

    @AfterEach
    void close() throws Exception {
        System.clearProperty(SERVERS);
        servers.forEach(DatagramSocket::close);
        world.close();
    }

    private static Map<String, String> ask(Sandbox sandbox, String... asked) {
        List<String> command = new ArrayList<>(List.of("python3", "-c", ASK));
        command.addAll(List.of(asked));
        ExecResult result = sandbox.exec(command.toArray(String[]::new));
        assertThat(result.exit().success())
                .as(result.stdout() + result.stderr())
                .isTrue();
        Map<String, String> answers = new ConcurrentHashMap<>();
        result.stdout().lines().forEach(line -> answers.put(line.split(" ")[0], line.split(" ")[1]));
        return answers;
    }

    private static SandboxSpec.Builder spec(String network, String... policy) {
        return SandboxSpec.host()
                .network(Network.named(network).withEgress(EgressPolicy.parse(String.join("\n", policy))));
    }

    private static final String NO_SUCH_NAME = "-2";
    private static final String NO_ADDRESS = "-5";

    @Test
    void aRuleForANameOpensWhatItIsToldAndNothingElse() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox =
                    engine.create(spec("bridge", "allow " + WEB + ":tcp:7000", "allow rebind.example.com")
                            .build())) {
                assertThat(connect(sandbox, INTERNET, PORT)).as("not told yet").isEqualTo("ECONNREFUSED");
                assertThat(ask(sandbox, WEB, "tunnel.evil.example", "rebind.example.com"))
                        .containsEntry(WEB, INTERNET)
                        .containsEntry("tunnel.evil.example", NO_SUCH_NAME)
                        .containsEntry("rebind.example.com", NO_ADDRESS);
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(NetworkWorld.HOST);
                assertThat(connect(sandbox, INTERNET, PORT + 1))
                        .as("another port")
                        .isEqualTo("ECONNREFUSED");
                assertThat(connect(sandbox, "192.168.77.2", PORT))
                        .as("rebinding")
                        .isEqualTo("ECONNREFUSED");
                assertThat(connect(sandbox, INTERNET, 53))
                        .as("another resolver")
                        .isEqualTo("ECONNREFUSED");
                assertThat(asked).doesNotContain("tunnel.evil.example").contains(WEB);

                engine.networks().setEgress(sandbox.id(), EgressPolicy.parse("allow other.example.com"));
                assertThat(connect(sandbox, INTERNET, PORT))
                        .as("another policy")
                        .isEqualTo("ECONNREFUSED");
                assertThat(ask(sandbox, WEB)).containsEntry(WEB, NO_SUCH_NAME);
            }
        });
    }

    /** The sandbox belongs to this process, and another one gives it another policy: this one's resolver goes by it. */
    @Test
    void anotherProcessMayChangeThePolicy() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = engine.create(spec("bridge", "deny").build())) {
                assertThat(ask(sandbox, WEB)).containsEntry(WEB, NO_SUCH_NAME);
                try (OtherProcess other = world.host.inside(OtherProcess::start)) {
                    other.tell("egress", sandbox.id(), "allow " + WEB + ":tcp:7000");
                    await("the other policy", () -> !ask(sandbox, WEB).get(WEB).equals(NO_SUCH_NAME));
                    assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(NetworkWorld.HOST);
                    other.tell("egress", sandbox.id(), "allow " + WEB + ":tcp:7000-7001");
                    await("what it was told, under the third policy", () -> {
                        ask(sandbox, WEB);
                        return connect(sandbox, INTERNET, PORT).equals(NetworkWorld.HOST);
                    });
                    other.tell("egress", sandbox.id(), "deny");
                    assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo("ECONNREFUSED");
                    await("no name", () -> ask(sandbox, WEB).get(WEB).equals(NO_SUCH_NAME));
                }
            }
        });
    }

    @Test
    void theStandardPolicyKnowsAllNamesButNoPrivateAddresses() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = engine.create(spec("bridge", "public").build())) {
                assertThat(ask(
                                sandbox,
                                WEB,
                                "rebind.example.com",
                                "metadata.example.com",
                                "nope.example.com",
                                "router"))
                        .containsEntry(WEB, INTERNET)
                        .containsEntry("rebind.example.com", NO_ADDRESS)
                        .containsEntry("metadata.example.com", NO_ADDRESS)
                        .containsEntry("nope.example.com", NO_SUCH_NAME)
                        .containsEntry("router", NO_SUCH_NAME);
            }
        });
    }

    /** Asks a name server for A of a name, by UDP and by TCP: the code, the number of answers. */
    private static final String RAW = """
            import socket, struct, sys
            server, name = sys.argv[1:]
            query = struct.pack('>6H', 77, 256, 1, 0, 0, 0) + b''.join(bytes([len(p)]) + p.encode() for p in name.split('.'))
            query += struct.pack('>BHH', 0, 1, 1)
            family = socket.AF_INET6 if ':' in server else socket.AF_INET
            def show(answer):
                id, flags, questions, answers = struct.unpack('>4H', answer[:8])
                print(id, flags & 15, answers)
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.settimeout(20)
            udp.connect((server, 53))
            udp.send(query)
            show(udp.recv(2000))
            tcp = socket.create_connection((server, 53), 20)
            tcp.sendall(struct.pack('>H', len(query)) + query)
            show(tcp.recv(2000)[2:])
            """;

    @Test
    void theGatewayAnswersOnBothAddressesByUdpAndTcp() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = engine.create(spec("bridge", "allow " + WEB).build())) {
                Networks.Info network = engine.networks().list().stream()
                        .filter(info -> info.name().equals("bridge"))
                        .findFirst()
                        .orElseThrow();
                for (InetAddress gateway : List.of(network.gateway(), network.gateway6())) {
                    String server = gateway.getHostAddress();
                    ExecResult known = sandbox.exec("python3", "-c", RAW, server, WEB);
                    assertThat(known.stdout()).as(known.stderr()).isEqualTo("77 0 1\n77 0 1\n");
                    ExecResult denied = sandbox.exec("python3", "-c", RAW, server, "a.tunnel.example");
                    assertThat(denied.stdout()).as(denied.stderr()).isEqualTo("77 3 0\n77 3 0\n");
                }
            }
        });
        assertThat(asked).doesNotContain("a.tunnel.example");
    }

    @Test
    void namesAreRepairedWithTheRest() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox =
                    engine.create(spec("bridge", "allow " + WEB + ":tcp:7000").build())) {
                try (Nftables nftables = Nftables.openIn(world.kernel, world.host.namespace())) {
                    nftables.commit(new NftBatch().deleteTable(new NftTable(NftFamily.INET, "cay")));
                }
                engine.networks().repair();
                assertThat(ask(sandbox, WEB)).containsEntry(WEB, INTERNET);
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(NetworkWorld.HOST);
            }
        });
    }

    @Test
    void neighboursKnowEachOtherByName() throws Exception {
        world.engine(engine -> {
            engine.networks().create("backend", Optional.empty());
            try (Sandbox one =
                            engine.create(spec("backend", "deny").hostname("db").build());
                    Sandbox other = engine.create(
                            spec("backend", "deny").hostname("web").build());
                    Sandbox stranger = engine.create(spec("bridge", "deny").build())) {
                String address = engine.networks().member(one.id()).address().getHostAddress();
                assertThat(ask(other, "db", "nobody"))
                        .containsEntry("db", address)
                        .containsEntry("nobody", NO_SUCH_NAME);
                assertThat(ask(stranger, "db")).containsEntry("db", NO_SUCH_NAME);
            } finally {
                engine.networks().remove("backend");
            }
        });
    }

    @Test
    void whatIsDeniedIsToldOf() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = engine.create(spec("bridge", "public").build());
                    DeniedConnections denied = engine.networks().followDenied()) {
                assertThat(connect(sandbox, "192.168.77.2", PORT)).isEqualTo("ECONNREFUSED");
                List<DeniedConnection> told = denied.next(Duration.ofSeconds(30));
                assertThat(told).isNotEmpty();
                DeniedConnection first = told.getFirst();
                assertThat(first.sandbox()).isEqualTo(sandbox.id());
                assertThat(first.protocol()).isEqualTo("tcp");
                assertThat(first.address()).isEqualTo(address("192.168.77.2"));
                assertThat(first.port()).hasValue(PORT);
                assertThat(first.rule()).contains("default");
                assertThat(engine.networks().denied()).contains(first);
            }
        });
    }

    private static SandboxSpec detached(String name, String... policy) {
        return spec("bridge", policy)
                .name(name)
                .lifetime(Lifetime.untilRemoved())
                .build();
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void await(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.holds()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    @Test
    void detachedSandboxesHaveAProcessForIt() throws Exception {
        String name = "names-" + ProcessHandle.current().pid();
        world.engine(engine -> {
            engine.create(detached(name, "allow " + WEB + ":tcp:7000"));
            assertThat(NetworkWorld.netd()).isPresent();
        });
        // Its maker is gone.
        world.engine(engine -> {
            try {
                Sandbox sandbox = engine.open(name);
                assertThat(ask(sandbox, WEB)).containsEntry(WEB, INTERNET);
                assertThat(ask(sandbox, "other.example.com")).containsEntry("other.example.com", NO_SUCH_NAME);
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(NetworkWorld.HOST);

                ProcessHandle first = NetworkWorld.netd().orElseThrow();
                first.destroyForcibly();
                first.onExit().get();
                assertThat(ask(sandbox, "other.example.com").get("other.example.com"))
                        .isNotEqualTo(INTERNET);
                assertThat(connect(sandbox, "192.168.77.2", PORT))
                        .as("nothing opens")
                        .isEqualTo("ECONNREFUSED");
                assertThat(connect(sandbox, INTERNET, PORT + 1)).isEqualTo("ECONNREFUSED");

                assertThat(ask(sandbox, WEB).get(WEB)).as("nobody answers").isNotEqualTo(INTERNET);
                engine.sweep();
                ProcessHandle second = NetworkWorld.netd().orElseThrow();
                assertThat(ask(sandbox, WEB)).as("taken over").containsEntry(WEB, INTERNET);
                second.destroyForcibly();
                second.onExit().get();
                assertThat(ask(engine.open(name), WEB))
                        .as("and by the next command")
                        .containsEntry(WEB, INTERNET);
                engine.networks().setEgress(sandbox.id(), EgressPolicy.denyAll());
                assertThat(ask(sandbox, WEB)).containsEntry(WEB, NO_SUCH_NAME);
            } finally {
                engine.open(name).remove();
            }
            await("it ends with the last one", () -> NetworkWorld.netd().isEmpty());
            assertThat(Files.exists(LEASES.resolve("netd.socket"))).isFalse();
        });
    }

    @Test
    void manyAtOnceStartOneProcess() throws Exception {
        String name = "crowd-" + ProcessHandle.current().pid() + "-";
        world.engine(engine -> {
            List<Thread> makers = new ArrayList<>();
            List<Throwable> failures = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 4; i++) {
                String one = name + i;
                makers.add(Thread.ofPlatform().start(() -> {
                    try {
                        world.host.inside(() -> engine.create(detached(one, "allow " + WEB)));
                    } catch (Exception | AssertionError e) {
                        failures.add(e);
                    }
                }));
            }
            for (Thread maker : makers) {
                maker.join();
            }
            assertThat(failures).isEmpty();
            for (int i = 0; i < 4; i++) {
                assertThat(ask(engine.open(name + i), WEB)).containsEntry(WEB, INTERNET);
            }
            for (int i = 0; i < 4; i++) {
                engine.open(name + i).remove();
            }
            await("it ends with the last one", () -> NetworkWorld.netd().isEmpty());
        });
    }
}
