package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.Lab.sh;
import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.HOST6;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.INTERNET6;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.LAN6;
import static dev.cay.it.NetworkWorld.METADATA;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static dev.cay.it.NetworkWorld.probe;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.ExecSpec;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Who reaches whom: the truth behind {@link EgressPolicy#explain}. */
@ExtendWith(RootLane.class)
class NetworkPolicyTest {
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

    private static Networks.Info network(Sandboxes engine) {
        return engine.networks().list().stream()
                .filter(info -> info.name().equals("bridge"))
                .findFirst()
                .orElseThrow();
    }

    private static EgressPolicy lines(String... lines) {
        return EgressPolicy.parse(String.join("\n", lines));
    }

    /** All places of the world, over both protocols. */
    private static String[] everywhere(Networks.Info network) {
        List<String> targets = new ArrayList<>();
        for (String place : List.of(INTERNET, INTERNET6, LAN, LAN6, METADATA, HOST, HOST6)) {
            targets.add("tcp," + place + "," + PORT);
            targets.add("udp," + place + "," + PORT);
        }
        targets.add("tcp," + network.gateway().getHostAddress() + "," + PORT);
        targets.add("tcp," + network.gateway6().getHostAddress() + "," + PORT);
        return targets.toArray(String[]::new);
    }

    /** The same places for who asks for an echo. */
    private static List<String> places(Networks.Info network) {
        return List.of(
                INTERNET,
                INTERNET6,
                LAN,
                LAN6,
                METADATA,
                HOST,
                HOST6,
                network.gateway().getHostAddress(),
                network.gateway6().getHostAddress());
    }

    private void echoes(Sandboxes engine, Sandbox sandbox, int expected) throws Exception {
        Map<String, String> answers = world.ping(sandbox, places(network(engine)));
        agrees(engine, sandbox, answers);
        assertThat(answers.values()).filteredOn(NetworkPolicyTest::reached).hasSize(expected);
    }

    private static boolean reached(String answer) {
        return answer.contains(".") || answer.contains(":");
    }

    /** Whatever is tried fails at once or comes through, and does so as {@code explain} says. */
    private static void agrees(Sandboxes engine, Sandbox sandbox, Map<String, String> answers) {
        answers.forEach((target, answer) -> {
            String[] parts = target.split(",");
            String address = parts[1].contains(":") ? "[" + parts[1] + "]" : parts[1];
            EgressPolicy.Decision decision = engine.networks()
                    .explain(sandbox.id(), address + (parts[0].equals("icmp") ? "" : ":" + parts[2]) + "/" + parts[0]);
            assertThat(answer).as("%s: %s", target, decision).isNotEqualTo("timeout");
            assertThat(reached(answer))
                    .as("%s: %s, %s", target, answer, decision)
                    .isEqualTo(decision.action() == EgressRule.Action.ALLOW);
        });
    }

    @Test
    void eachPolicyReachesWhatItSays() throws Exception {
        world.engine(engine -> {
            try (Sandbox untrusted = box(engine, EgressPolicy.publicOnly())) {
                Networks.Info network = network(engine);
                String[] everywhere = everywhere(network);
                Map<String, String> answers = probe(untrusted, everywhere);
                agrees(engine, untrusted, answers);
                assertThat(answers).containsEntry("tcp," + INTERNET + ",7000", HOST);
                assertThat(answers)
                        .containsEntry(
                                "udp," + INTERNET6 + ",7000", address(HOST6).getHostAddress());
                assertThat(answers.values())
                        .filteredOn(NetworkPolicyTest::reached)
                        .hasSize(4);
                echoes(engine, untrusted, 2);

                try (Sandbox nothing = box(engine, EgressPolicy.denyAll())) {
                    answers = probe(nothing, everywhere);
                    agrees(engine, nothing, answers);
                    assertThat(answers.values()).noneMatch(NetworkPolicyTest::reached);
                    assertThat(answers).containsEntry("tcp," + INTERNET + ",7000", "ECONNREFUSED");
                    echoes(engine, nothing, 0);
                }
                try (Sandbox all = box(engine, EgressPolicy.allowAll())) {
                    answers = probe(all, everywhere);
                    agrees(engine, all, answers);
                    assertThat(answers.values()).allMatch(NetworkPolicyTest::reached);
                    echoes(engine, all, 9);
                }
                EgressPolicy some = lines(
                        "deny any:udp",
                        "allow " + LAN + ":tcp:7000",
                        "allow " + METADATA + ":tcp:80",
                        "allow [" + LAN6 + "]",
                        "allow host:tcp:6999-7001",
                        "deny 93.184.0.0/16:tcp:7000",
                        "allow public");
                try (Sandbox mixed = box(engine, some)) {
                    answers = probe(mixed, everywhere);
                    agrees(engine, mixed, answers);
                    assertThat(answers.values())
                            .filteredOn(NetworkPolicyTest::reached)
                            .hasSize(7);
                    echoes(engine, mixed, 3);
                }
                StringBuilder many = new StringBuilder("default deny\n");
                for (int i = 1; i <= 60; i++) {
                    many.append("allow 10.")
                            .append(i)
                            .append(".0.0/16:tcp:")
                            .append(7000 + i)
                            .append('\n');
                    many.append("allow [fd10:").append(i).append("::/32]:udp\n");
                }
                many.append("allow ")
                        .append(LAN)
                        .append(":tcp:7000\nallow [")
                        .append(LAN6)
                        .append("]:udp:7000-7001\n");
                try (Sandbox long_ = box(engine, EgressPolicy.parse(many.toString()))) {
                    answers = probe(long_, everywhere);
                    agrees(engine, long_, answers);
                    assertThat(answers.values())
                            .filteredOn(NetworkPolicyTest::reached)
                            .hasSize(2);
                }
            }
        });
    }

    /** Where rules name domains, questions that go past the sandbox's own resolver are a tunnel. */
    @Test
    void otherResolversAreOutOfReachWhereRulesNameDomains() throws Exception {
        String known = "1.1.1.1";
        try (Rtnetlink here = world.host.rtnetlink();
                Rtnetlink there = world.internet.rtnetlink()) {
            there.execute(InterfaceAddress.of(2, address(known), 32).add());
            here.execute(Route.via(
                            new IpPrefix(address(known), 32),
                            address(INTERNET),
                            here.link("internet").orElseThrow().index())
                    .add());
        }
        List<String> targets = new ArrayList<>();
        for (int port : new int[] {53, 443, 853}) {
            world.serve(world.internet, port, INTERNET, INTERNET6, known);
            for (String place : List.of(INTERNET, INTERNET6, known)) {
                targets.addAll(List.of("tcp," + place + "," + port, "udp," + place + "," + port));
            }
        }
        world.engine(engine -> {
            try (Sandbox open = box(engine, EgressPolicy.publicOnly());
                    Sandbox named = box(engine, lines("allow *.example.com", "allow public"))) {
                Map<String, String> answers = probe(open, targets.toArray(String[]::new));
                agrees(engine, open, answers);
                assertThat(answers.values()).allMatch(NetworkPolicyTest::reached);

                answers = probe(named, targets.toArray(String[]::new));
                agrees(engine, named, answers);
                answers.values().removeIf(answer -> !reached(answer));
                assertThat(answers.keySet())
                        .as("the web, where nobody is known to answer questions over it")
                        .containsExactlyInAnyOrder(
                                "tcp," + INTERNET + ",443",
                                "udp," + INTERNET + ",443",
                                "tcp," + INTERNET6 + ",443",
                                "udp," + INTERNET6 + ",443");
            }
        });
    }

    @Test
    void addressesNamesAndRoutesAreInPlace() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = engine.create(SandboxSpec.host()
                    .hostname("lab.example")
                    .network(Network.bridge())
                    .build())) {
                Networks.Member member = engine.networks().member(sandbox.id());
                String ip = member.address().getHostAddress();
                assertThat(network(engine).subnet().contains(member.address())).isTrue();
                assertThat(sh(
                                sandbox,
                                "cat /etc/hostname; grep lab.example /etc/hosts | cut -d' ' -f1; cat /etc/resolv.conf"))
                        .isEqualTo(
                                "lab.example\n" + ip + "\n" + member.address6().getHostAddress() + "\nnameserver "
                                        + network(engine).gateway().getHostAddress());
                assertThat(sh(sandbox, "cat /sys/class/net/eth0/address; ls /sys/class/net | tr '\\n' ' '"))
                        .matches("02:ca:0a(:[0-9a-f]{2}){3}\neth0 lo");
            }
            assertThat(network(engine).members()).isEmpty();
        });
    }

    @Test
    void neighboursReachEachOtherOnANamedNetworkOnly() throws Exception {
        world.engine(engine -> {
            engine.networks().create("lan", java.util.Optional.empty());
            engine.networks().create("other", java.util.Optional.empty());
            try (Sandbox one = engine.create(on("lan", EgressPolicy.publicOnly()));
                    Sandbox stranger = engine.create(on("other", EgressPolicy.publicOnly()));
                    Sandbox alone = engine.create(on("bridge", EgressPolicy.publicOnly()))) {
                List<String> targets = new ArrayList<>();
                List<String> places = new ArrayList<>(List.of(LAN, LAN6));
                for (Sandbox server : List.of(one, stranger, alone)) {
                    Networks.Member member = engine.networks().member(server.id());
                    for (String address : List.of(
                            member.address().getHostAddress(), member.address6().getHostAddress())) {
                        answering(server, address);
                        places.add(address);
                        targets.addAll(List.of("tcp," + address + "," + PORT, "udp," + address + "," + PORT));
                    }
                }
                targets.addAll(List.of("tcp," + LAN + "," + PORT, "udp," + LAN6 + "," + PORT));
                // Those of each network that get there over TCP and UDP, and by an echo, under each policy.
                neighbours(engine, "lan", EgressPolicy.publicOnly(), targets, places, 4, 2);
                neighbours(engine, "lan", EgressPolicy.denyAll(), targets, places, 0, 0);
                neighbours(engine, "lan", lines("allow network:tcp:6999-7001"), targets, places, 2, 0);
                neighbours(engine, "lan", lines("allow network:icmp", "allow private:udp"), targets, places, 3, 2);
                neighbours(engine, "lan", lines("deny network", "default allow"), targets, places, 2, 2);
                neighbours(engine, "other", EgressPolicy.publicOnly(), targets, places, 4, 2);
                neighbours(engine, "bridge", EgressPolicy.publicOnly(), targets, places, 0, 0);
            } finally {
                engine.networks().remove("lan");
                engine.networks().remove("other");
            }
        });
    }

    private static SandboxSpec on(String network, EgressPolicy policy) {
        return SandboxSpec.host()
                .network(Network.named(network).withEgress(policy))
                .build();
    }

    /** Says on the port, over both protocols, who asked. */
    private static void answering(Sandbox sandbox, String address) throws Exception {
        String serve = """
                import select, socket, sys
                family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
                tcp = socket.socket(family); tcp.bind((sys.argv[1], 7000)); tcp.listen()
                udp = socket.socket(family, socket.SOCK_DGRAM); udp.bind((sys.argv[1], 7000))
                print('on', flush=True)
                while True:
                    for ready in select.select([tcp, udp], [], [])[0]:
                        if ready is tcp: c, a = tcp.accept(); c.send(a[0].encode()); c.close()
                        else: d, a = udp.recvfrom(100); udp.sendto(a[0].encode(), a)
                """;
        assertThat(Lab.line(sandbox.start(ExecSpec.of("python3", "-c", serve, address))
                        .stdout()))
                .isEqualTo("on");
    }

    private void neighbours(
            Sandboxes engine,
            String network,
            EgressPolicy policy,
            List<String> targets,
            List<String> places,
            int reached,
            int echoes)
            throws Exception {
        try (Sandbox sandbox = engine.create(on(network, policy))) {
            Map<String, String> answers = probe(sandbox, targets.toArray(String[]::new));
            agrees(engine, sandbox, answers);
            assertThat(answers.values())
                    .as("%s: %s: %s", network, policy, answers)
                    .filteredOn(NetworkPolicyTest::reached)
                    .hasSize(reached);
            answers = world.ping(sandbox, places);
            agrees(engine, sandbox, answers);
            assertThat(answers.values())
                    .as("%s: %s: %s", network, policy, answers)
                    .filteredOn(NetworkPolicyTest::reached)
                    .hasSize(echoes);
        }
    }

    @Test
    void anotherPolicyIsInForceAtOnce() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly())) {
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                engine.networks().setEgress(sandbox.id(), lines("allow " + LAN, "deny example.com"));
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo("ECONNREFUSED");
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("192.168.77.1");
                engine.networks().setEgress(sandbox.id(), EgressPolicy.denyAll());
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
                assertThat(engine.networks().egress(sandbox.id())).isEqualTo(EgressPolicy.denyAll());
            }
        });
    }

    @Test
    void nothingIsLeft() throws Exception {
        String links = world.host.output("ip", "-o", "link");
        String before = world.host.output(
                "sh",
                "-c",
                "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/send_redirects /proc/sys/net/ipv6/conf/all/forwarding");
        world.engine(engine -> {
            try (Sandbox sandbox = box(engine, EgressPolicy.publicOnly())) {
                assertThat(world.host.output("ip", "-o", "link"))
                        .contains(network(engine).bridge())
                        .contains("cay" + sandbox.id());
                assertThat(world.host.output("cat", "/proc/sys/net/ipv4/ip_forward"))
                        .isEqualTo("1\n");
            }
        });
        assertThat(world.host.output("ip", "-o", "link").replaceAll("\\(.*?\\)", ""))
                .isEqualTo(links.replaceAll("\\(.*?\\)", ""));
        assertThat(
                        world.host.output(
                                "sh",
                                "-c",
                                "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/all/send_redirects /proc/sys/net/ipv6/conf/all/forwarding"))
                .isEqualTo(before);
    }
}
