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
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
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

    private static boolean reached(String answer) {
        return answer.contains(".") || answer.contains(":");
    }

    /** Whatever is tried fails at once or comes through, and does so as {@code explain} says. */
    private static void agrees(Sandboxes engine, Sandbox sandbox, Map<String, String> answers) {
        answers.forEach((target, answer) -> {
            String[] parts = target.split(",");
            String address = parts[1].contains(":") ? "[" + parts[1] + "]" : parts[1];
            EgressPolicy.Decision decision =
                    engine.networks().explain(sandbox.id(), address + ":" + parts[2] + "/" + parts[0]);
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

                try (Sandbox nothing = box(engine, EgressPolicy.denyAll())) {
                    answers = probe(nothing, everywhere);
                    agrees(engine, nothing, answers);
                    assertThat(answers.values()).noneMatch(NetworkPolicyTest::reached);
                    assertThat(answers).containsEntry("tcp," + INTERNET + ",7000", "ECONNREFUSED");
                }
                try (Sandbox all = box(engine, EgressPolicy.allowAll())) {
                    answers = probe(all, everywhere);
                    agrees(engine, all, answers);
                    assertThat(answers.values()).allMatch(NetworkPolicyTest::reached);
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
        String serve = "python3 -c \"import socket; s = socket.create_server(('', 7001))\n"
                + "while True: c, a = s.accept(); c.send(a[0].encode()); c.close()\"";
        world.engine(engine -> {
            engine.networks().create("lan", java.util.Optional.empty());
            try {
                for (String name : List.of("bridge", "lan")) {
                    Network network = Network.named(name).withEgress(EgressPolicy.allowAll());
                    SandboxSpec spec = SandboxSpec.host().network(network).build();
                    try (Sandbox one = engine.create(spec);
                            Sandbox other = engine.create(spec)) {
                        Networks.Member member = engine.networks().member(one.id());
                        String from =
                                engine.networks().member(other.id()).address().getHostAddress();
                        one.start(dev.cay.ExecSpec.of("sh", "-c", serve));
                        sh(
                                one,
                                "until python3 -c \"import socket; socket.create_connection(('127.0.0.1', 7001))\""
                                        + " 2>/dev/null; do sleep 0.05; done");
                        assertThat(connect(other, member.address().getHostAddress(), 7001))
                                .as(name)
                                .isEqualTo(name.equals("lan") ? from : "ECONNREFUSED");
                    }
                }
            } finally {
                engine.networks().remove("lan");
            }
        });
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
                "sh", "-c", "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding");
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
        assertThat(world.host.output(
                        "sh", "-c", "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"))
                .isEqualTo(before);
    }
}
