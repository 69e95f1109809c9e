package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What holds when somebody lies, interferes or dies. */
@ExtendWith(RootLane.class)
class NetworkGuardsTest {
    private static final NftTable OURS = new NftTable(NftFamily.INET, "cay");

    private NetworkWorld world;

    @BeforeEach
    void build() throws Exception {
        need("python3");
        world = NetworkWorld.create();
    }

    @AfterEach
    void close() throws Exception {
        world.close();
    }

    private static Sandbox box(Sandboxes engine, EgressPolicy policy) {
        return engine.create(
                SandboxSpec.host().network(Network.bridge().withEgress(policy)).build());
    }

    private Nftables filter() throws Exception {
        return Nftables.openIn(world.kernel, world.host.namespace());
    }

    /** As root of the machine in its network namespace: more than anybody in a sandbox can ever do. */
    @Test
    void nobodyCanSpeakForAnother() throws Exception {
        world.engine(engine -> {
            try (Sandbox liar = box(engine, EgressPolicy.allowAll());
                    Sandbox victim = box(engine, EgressPolicy.publicOnly());
                    NetlinkLab inside = NetlinkLab.of(
                            world.kernel, liar.info().firstProcess().orElseThrow());
                    Rtnetlink links = inside.rtnetlink()) {
                Networks.Member other = engine.networks().member(victim.id());
                MacAddress own = links.link("eth0").orElseThrow().address().orElseThrow();
                assertThat(connect(liar, LAN, PORT)).isEqualTo("192.168.77.1");
                assertThat(connect(victim, INTERNET, PORT)).isEqualTo(HOST);

                links.execute(InterfaceAddress.of(2, other.address(), 32).add());
                assertThat(from(inside, other.address().getHostAddress()))
                        .as("its address")
                        .isEqualTo("failed");
                assertThat(connect(victim, INTERNET, PORT))
                        .as("it hears its answers")
                        .isEqualTo(HOST);

                MacAddress station = new MacAddress(0x02ca_0000_0000L | number(other));
                links.execute(LinkMessages.change(2, LinkSettings.none().withAddress(station)));
                links.execute(Route.via(new IpPrefix(address("93.184.215.0"), 24), gateway(engine), 2)
                        .withOnLink()
                        .add());
                assertThat(from(inside, other.address().getHostAddress()))
                        .as("its address and its station")
                        .isEqualTo("failed");
                assertThat(connect(victim, INTERNET, PORT))
                        .as("it hears its answers")
                        .isEqualTo(HOST);

                links.execute(LinkMessages.change(2, LinkSettings.none().withAddress(own)));
                assertThat(connect(victim, INTERNET, PORT)).isEqualTo(HOST);
            }
        });
    }

    private static java.net.InetAddress gateway(Sandboxes engine) {
        return engine.networks().list().stream()
                .filter(network -> network.name().equals("bridge"))
                .findFirst()
                .orElseThrow()
                .gateway();
    }

    private static long number(Networks.Member member) {
        long number = 0;
        for (byte octet : member.address().getAddress()) {
            number = number << 8 | octet & 0xff;
        }
        return number;
    }

    private static String from(NetlinkLab inside, String source) throws Exception {
        return inside.inside(() -> {
            try (java.net.Socket socket = new java.net.Socket()) {
                socket.bind(new java.net.InetSocketAddress(address(source), 0));
                socket.connect(new java.net.InetSocketAddress(address(INTERNET), PORT), 700);
                return "connected";
            } catch (java.io.IOException e) {
                return "failed";
            }
        });
    }

    @Test
    void withoutItsPolicyASandboxDoesNotStart() throws Exception {
        world.engine(engine -> {
            try (Sandbox first = box(engine, EgressPolicy.publicOnly());
                    Nftables nftables = filter()) {
                // Somebody has put something else in the place of our table.
                nftables.commit(new NftBatch().deleteTable(OURS).addTable(OURS));
                assertThatThrownBy(() -> box(engine, EgressPolicy.publicOnly()))
                        .isInstanceOf(SandboxException.class)
                        .hasMessageContaining("NFT_MSG");
                assertThat(engine.networks().repair()).isNotEmpty();
                try (Sandbox second = box(engine, EgressPolicy.publicOnly())) {
                    assertThat(connect(second, INTERNET, PORT)).isEqualTo(HOST);
                }
                assertThat(connect(first, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(first, LAN, PORT)).isEqualTo("ECONNREFUSED");
            }
        });
    }

    @Test
    void whatSomebodyElseRemovesIsRepaired() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly());
                    Nftables nftables = filter()) {
                nftables.commit(new NftBatch().deleteTable(OURS));
                assertThat(engine.networks().repair()).isNotEmpty();
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");

                nftables.commit(new NftBatch().deleteTable(OURS));
                try (Sandbox next = box(engine, EgressPolicy.denyAll())) {
                    assertThat(connect(next, INTERNET, PORT))
                            .as("repaired on the way")
                            .isEqualTo("ECONNREFUSED");
                }
            }
        });
    }

    /** All of the packet filter is gone, by the command that people use, and nothing opens. */
    @Test
    void afterAFlushNothingOpens() throws Exception {
        need("nft");
        world.engine(engine -> {
            try (Sandboxes another = Sandboxes.local();
                    Sandbox sandbox = box(engine, EgressPolicy.publicOnly());
                    Sandbox others = box(another, EgressPolicy.publicOnly());
                    Nftables nftables = filter()) {
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(others, INTERNET, PORT)).isEqualTo(HOST);
                world.host.output("nft", "flush", "ruleset");
                assertThat(nftables.table(OURS)).isEmpty();
                String gateway = gateway(engine).getHostAddress();
                assertThat(NetworkWorld.probe(
                                        sandbox,
                                        Duration.ofSeconds(1),
                                        "tcp," + LAN + ",7000",
                                        "udp," + LAN + ",7000",
                                        "tcp," + NetworkWorld.LAN6 + ",7000",
                                        "udp," + NetworkWorld.METADATA + ",7000",
                                        "tcp," + gateway + ",7000",
                                        "udp," + HOST + ",7000")
                                .values())
                        .containsOnly("timeout");
                assertThat(NetworkWorld.probe(others, Duration.ofSeconds(1), "tcp," + LAN + ",7000")
                                .values())
                        .containsOnly("timeout");

                assertThat(engine.networks().repair()).isNotEmpty();
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
            }
        });
        try (Nftables nftables = filter()) {
            assertThat(nftables.tables()).isEmpty();
        }
    }

    /** Detached sandboxes have nobody but a small process to stand for their rules: killed, it takes nothing with it. */
    @Test
    void whoKillsNetdAndFlushesHasOpenedNothing() throws Exception {
        need("nft");
        String name = "walled-" + ProcessHandle.current().pid();
        world.engine(engine -> {
            Sandbox sandbox = engine.create(SandboxSpec.host()
                    .name(name)
                    .detached()
                    .network(Network.bridge())
                    .build());
            try (Nftables nftables = filter()) {
                String gateway = gateway(engine).getHostAddress();
                for (int i = 0; i < 2; i++) { // the second netd has given its own wall to the sandbox
                    assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                    ProcessHandle netd = NetworkWorld.netd().orElseThrow();
                    netd.destroyForcibly();
                    netd.onExit().get();
                    world.host.output("nft", "flush", "ruleset");
                    assertThat(nftables.tables())
                            .singleElement()
                            .extracting(NftTable::name)
                            .asString()
                            .startsWith("cay-wall-");
                    assertThat(NetworkWorld.probe(
                                            sandbox,
                                            Duration.ofSeconds(1),
                                            "tcp," + LAN + ",7000",
                                            "udp," + LAN + ",7000",
                                            "tcp," + NetworkWorld.LAN6 + ",7000",
                                            "udp," + NetworkWorld.LAN6 + ",7000",
                                            "udp," + NetworkWorld.METADATA + ",7000",
                                            "tcp," + gateway + ",7000",
                                            "udp," + HOST + ",7000")
                                    .values())
                            .containsOnly("timeout");
                    assertThat(NetworkWorld.netd()).isEmpty();

                    assertThat(engine.networks().repair()).isNotEmpty();
                    assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
                }
            } finally {
                sandbox.remove();
            }
        });
        try (Nftables nftables = filter()) {
            long deadline = System.nanoTime() + 20_000_000_000L; // the last netd is about to end
            while (!nftables.tables().isEmpty()) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                Thread.sleep(20);
            }
        }
    }

    @Test
    void aBridgeThatSomebodyRemovesIsMadeAgain() throws Exception {
        world.engine(engine -> {
            try (Sandbox one = box(engine, EgressPolicy.publicOnly())) {
                String bridge = engine.networks().list().stream()
                        .filter(network -> network.name().equals(Network.BRIDGE))
                        .findFirst()
                        .orElseThrow()
                        .bridge();
                for (String harm : List.of("link delete " + bridge, "link set " + bridge + " down")) {
                    world.host.output(("ip " + harm).split(" "));
                    assertThat(engine.networks().repair()).contains("the bridge " + bridge);
                    assertThat(connect(one, INTERNET, PORT)).isEqualTo(HOST);
                    assertThat(connect(one, LAN, PORT)).isEqualTo("ECONNREFUSED");
                }
                world.host.output("ip", "link", "delete", bridge);
                try (Sandbox next = box(engine, EgressPolicy.publicOnly())) {
                    assertThat(connect(next, INTERNET, PORT)).isEqualTo(HOST);
                    assertThat(connect(one, INTERNET, PORT))
                            .as("made again on the way")
                            .isEqualTo(HOST);
                }
            }
        });
    }

    @Test
    void worksBesideChainsThatLetNothingPass() throws Exception {
        NftTable docker = new NftTable(NftFamily.IPV4, "filter");
        NftChain forward = new NftChain(
                docker,
                "FORWARD",
                Optional.of(new NftChain.Base(NftChain.Hook.FORWARD, 0, NftChain.Kind.FILTER, false)));
        NftChain input = new NftChain(
                docker, "INPUT", Optional.of(new NftChain.Base(NftChain.Hook.INPUT, 0, NftChain.Kind.FILTER, false)));
        try (Nftables nftables = filter()) {
            nftables.commit(new NftBatch().addTable(docker).addChain(forward).addChain(input));
            world.engine(engine -> {
                try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly())) {
                    assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                    assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
                    assertThat(nftables.rules(forward)).isNotEmpty();
                }
            });
            assertThat(nftables.rules(forward)).isEmpty();
            assertThat(nftables.rules(input)).isEmpty();
            assertThat(nftables.chains(docker)).containsExactlyInAnyOrder(forward, input);
        }
    }

    /** Somebody tries all the time, by both protocols of both families. */
    @Test
    void aPolicyIsExchangedWithoutAnOpenMoment() throws Exception {
        String probe = """
                import socket, sys
                def attempt(number, reached):
                    for place in sys.argv[2:]:
                        s = socket.socket(udp[place].family); s.settimeout(2)
                        reached['tcp', place] += s.connect_ex((place, 7000)) == 0
                        s.close()
                        for action in (lambda: udp[place].send(b'?'), lambda: udp[place].recv(100)):
                            try: reached['udp', place] += isinstance(action(), bytes)
                            except OSError: pass
                udp = {}
                for place in sys.argv[2:]:
                    udp[place] = socket.socket(socket.AF_INET6 if ':' in place else socket.AF_INET, socket.SOCK_DGRAM)
                    udp[place].connect((place, 7000)); udp[place].setblocking(False)
                reached = {(protocol, place): 0 for protocol in ('tcp', 'udp') for place in sys.argv[2:]}
                for i in range(int(sys.argv[1])):
                    attempt(i, reached)
                    if i == 20: print('on', flush=True)
                print(*[count > 0 for count in reached.values()], flush=True)
                """;
        String[] hidden = {
            "allow 10.0.0.0/8\nallow 11.0.0.0/8\nallow 12.0.0.0/8\nallow 13.0.0.0/8:tcp:1-9\nallow *.example.com",
            "allow public\nallow [fd88::/16]\nallow 192.168.78.0/24:udp",
            "default allow\ndeny private\nconnections 1000",
        };
        world.engine(engine -> {
            try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly());
                    Execution trying =
                            sandbox.start(ExecSpec.of("python3", "-c", probe, "3000", LAN, NetworkWorld.LAN6))) {
                assertThat(Lab.line(trying.stdout())).isEqualTo("on");
                for (int i = 0; i < 60; i++) {
                    engine.networks().setEgress(sandbox.id(), EgressPolicy.parse(hidden[i % hidden.length]));
                }
                assertThat(Lab.line(trying.stdout())).isEqualTo("False False False False");

                engine.networks().setEgress(sandbox.id(), EgressPolicy.allowAll());
                assertThat(sandbox.exec("python3", "-c", probe, "200", LAN, NetworkWorld.LAN6)
                                .stdout())
                        .as("it sees what is open")
                        .contains("True True True True");
            }
        });
    }

    @Test
    void connectionsAndBandwidthAreLimited() throws Exception {
        String connections = """
                import socket, sys
                made = []
                for i in range(8):
                    s = socket.socket(); s.settimeout(4)
                    made.append(s) if s.connect_ex((sys.argv[1], 7000)) == 0 else s.close()
                print(len(made))
                """;
        String flood = """
                import socket, sys
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for i in range(3000): s.sendto(b'x' * 1000, (sys.argv[1], 7005))
                """;
        world.engine(engine -> {
            try (Sandbox sandbox =
                    box(engine, EgressPolicy.publicOnly().withConnections(5).withBandwidth(Size.kib(64)))) {
                assertThat(sandbox.exec("python3", "-c", connections, INTERNET)
                                .stdout()
                                .trim())
                        .isEqualTo("5");
                sandbox.exec("python3", "-c", flood, INTERNET);
                try (Nftables nftables = filter()) {
                    long dropped = nftables.rules(OURS.chain("u-" + sandbox.id()))
                            .getFirst()
                            .counter()
                            .orElseThrow()
                            .packets();
                    assertThat(dropped)
                            .as("3 MB at once, of which 320 KiB may come so")
                            .isGreaterThan(1000);
                }
                engine.networks().setEgress(sandbox.id(), EgressPolicy.publicOnly());
                assertThat(sandbox.exec("python3", "-c", connections, INTERNET)
                                .stdout()
                                .trim())
                        .isEqualTo("8");
            }
        });
    }

    /** As firewalld does when it is told to: its table goes and comes again, and lets nothing pass. */
    @Test
    void whoeverLoadsHisRulesAgainIsInTheWayForAMoment() throws Exception {
        NftTable theirs = new NftTable(NftFamily.INET, "firewalld");
        NftChain forward = new NftChain(
                theirs,
                "filter_FORWARD",
                Optional.of(new NftChain.Base(NftChain.Hook.FORWARD, 10, NftChain.Kind.FILTER, false)));
        NftBatch load = new NftBatch().addTable(theirs).addChain(forward);
        world.engine(engine -> {
            try (Nftables nftables = filter();
                    Sandbox sandbox = box(engine, EgressPolicy.publicOnly())) {
                for (int i = 0; i < 2; i++) {
                    nftables.commit(load); // it begins when the sandbox is there already
                    long deadline = System.nanoTime() + 30_000_000_000L;
                    while (!connect(sandbox, INTERNET, PORT).equals(HOST)) {
                        assertThat(System.nanoTime()).as("way is made").isLessThan(deadline);
                    }
                    assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
                    engine.networks().repair();
                    assertThat(nftables.rules(forward))
                            .as("no more than it needs")
                            .hasSize(2);
                    nftables.commit(new NftBatch().deleteTable(theirs));
                }
                nftables.commit(load);
                engine.networks().repair();
                assertThat(connect(sandbox, INTERNET, PORT)).as("at once").isEqualTo(HOST);
                nftables.commit(new NftBatch().deleteTable(theirs));
            }
        });
    }

    @Test
    void whatIsDeniedIsTold() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly());
                    EventStream events = engine.events();
                    DeniedConnections news = engine.networks().followDenied()) {
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
                List<DeniedConnection> denied = new ArrayList<>();
                long deadline = System.nanoTime() + 20_000_000_000L;
                while (denied.isEmpty() && System.nanoTime() < deadline) {
                    denied.addAll(news.next(Duration.ofMillis(200)));
                }
                assertThat(denied).isNotEmpty();
                assertThat(denied.getFirst().sandbox()).isEqualTo(sandbox.id());
                assertThat(denied.getFirst().address()).isEqualTo(address(LAN));
                assertThat(denied.getFirst().port()).hasValue(PORT);
                assertThat(denied.getFirst().rule()).contains("no rule speaks of it");
                assertThat(events.next(Duration.ofSeconds(20))).anySatisfy(event -> {
                    assertThat(event.kind()).isEqualTo(SandboxEvent.Kind.DENIED);
                    assertThat(event.id()).isEqualTo(sandbox.id());
                    assertThat(event.detail()).startsWith("tcp " + LAN + ":" + PORT + ": no rule speaks of it");
                });
            }
        });
    }
}
