package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Rtnetlink;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A process that changes networks, ports or policies is killed before each list of system calls and before each change of a file: after
 * a sweep the kernel has what is written, no more and no less.
 */
@ExtendWith(RootLane.class)
class NetworkKillTest {
    private static final NftTable OURS = new NftTable(NftFamily.INET, "cay");
    private static final int ENOUGH = 80;
    private static final String SUBNET = "10.77.0.0/24";

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

    /** What is done before each attempt, by somebody who lives, and what has to hold after it. */
    private interface Step {
        void make() throws Exception;
    }

    /** Has an order done by processes that die at each of its steps in turn; how many there are. */
    private int dying(Sandboxes engine, String order, String name, String more, Step before, Step after)
            throws Exception {
        List<String> words = List.of(order, name, more);
        return dying(engine, words, false, before, after) + dying(engine, words, true, before, after);
    }

    private int dying(Sandboxes engine, List<String> words, boolean files, Step before, Step after) throws Exception {
        Map<String, String> environment = files
                ? Map.of("LD_PRELOAD", FatalShim.library().toString(), "CAY_FATAL_PLACE", "/cay/networks/")
                : Map.of();
        int steps = 0;
        try (OtherProcess.Succession others = new OtherProcess.Succession(
                () -> world.host.inside(() -> OtherProcess.start(List.of(), environment)))) {
            for (boolean killed = true; killed; ) {
                steps++;
                assertThat(steps).as("steps of %s", words).isLessThan(ENOUGH);
                before.make();
                try (OtherProcess other = others.next()) {
                    if (files) {
                        other.tell("look", "/cay-it-fatal-" + steps);
                    } else {
                        other.tell("engine");
                        other.tell("die-at", Integer.toString(steps));
                    }
                    other.order(words.toArray(String[]::new));
                    killed =
                            other.answer().filter(text -> text.startsWith("ok")).isEmpty();
                }
                assertThat(engine.sweep().failures()).isEmpty();
                try {
                    after.make();
                } catch (AssertionError e) {
                    throw new AssertionError(words + ", killed before " + (files ? "file " : "list ") + steps, e);
                }
            }
        }
        return steps;
    }

    @Test
    void aPolicyOrPortIsChangedWholeOrNotAtAll() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox =
                    engine.create(SandboxSpec.host().network(Network.bridge()).build())) {
                String id = sandbox.id();
                Networks networks = engine.networks();
                Step agrees = () -> {
                    String swept = table();
                    networks.repair();
                    assertThat(swept).isEqualTo(table());
                };
                int steps = dying(
                        engine,
                        "egress",
                        id,
                        "allow " + LAN,
                        () -> networks.setEgress(id, EgressPolicy.publicOnly()),
                        agrees);
                assertThat(steps).as("of a policy").isGreaterThan(10);
                assertThat(connect(sandbox, LAN, PORT)).as("the last one lived").isEqualTo("192.168.77.1");
                networks.setEgress(id, EgressPolicy.publicOnly());

                String port = "127.0.0.1:7443:443";
                steps = dying(engine, "publish", id, port, () -> unpublishAll(networks, id), agrees);
                assertThat(steps).as("of a port").isGreaterThan(10);
                steps = dying(
                        engine,
                        "unpublish",
                        id,
                        port,
                        () -> {
                            unpublishAll(networks, id);
                            networks.publish(id, PublishedPort.parse(port));
                        },
                        agrees);
                assertThat(steps).as("of a port that goes").isGreaterThan(10);
                assertThat(networks.member(id).ports()).isEmpty();
                assertThat(connect(sandbox, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(sandbox, LAN, PORT)).isEqualTo("ECONNREFUSED");
            }
        });
    }

    private static void unpublishAll(Networks networks, String id) {
        networks.member(id).ports().forEach(port -> networks.unpublish(id, port));
    }

    @Test
    void aNetworkIsThereOrNot() throws Exception {
        world.engine(engine -> {
            // Somebody lives here: so what dead ones leave does not go because nobody is left.
            try (Sandbox living =
                    engine.create(SandboxSpec.host().network(Network.bridge()).build())) {
                Networks networks = engine.networks();
                String before = table();
                List<String> bridges = bridges();
                Step gone = () -> {
                    if (networks.list().stream().anyMatch(info -> info.name().equals("lan"))) {
                        networks.remove("lan");
                    }
                    assertThat(table()).isEqualTo(before);
                    assertThat(bridges()).isEqualTo(bridges);
                };
                dying(engine, "network-create", "lan", SUBNET, () -> {}, gone);
                int steps = dying(
                        engine,
                        "network-remove",
                        "lan",
                        "",
                        () -> {
                            networks.create("lan", Optional.of(Cidr.parse(SUBNET)));
                            try (Sandboxes another =
                                    Sandboxes.local()) { // gives it a bridge, and keeps nothing ready for it
                                another.create(SandboxSpec.host()
                                                .network(Network.named("lan"))
                                                .build())
                                        .close();
                            }
                        },
                        gone);
                assertThat(steps).as("of a network that goes").isGreaterThan(10);
                assertThat(connect(living, INTERNET, PORT)).isEqualTo(HOST);
            }
        });
    }

    private List<String> bridges() throws Exception {
        try (Rtnetlink host = world.host.rtnetlink()) {
            return host.links().stream()
                    .filter(link -> link.kind().equals("bridge"))
                    .map(Link::name)
                    .sorted()
                    .toList();
        }
    }

    /** All that decides: chains with their rules, sets with their elements. */
    private String table() throws Exception {
        try (Nftables nftables = Nftables.openIn(world.kernel, world.host.namespace())) {
            List<String> lines = new ArrayList<>();
            for (NftChain chain : nftables.chains(OURS)) {
                List<String> rules = new ArrayList<>();
                nftables.rules(chain)
                        .forEach(rule -> rules.add(rule.expressions().toString()));
                lines.add(chain + " " + rules);
            }
            for (NftSet set : nftables.sets(OURS)) {
                TreeSet<String> elements = new TreeSet<>();
                for (NftElement element : nftables.elements(set)) {
                    elements.add(element.key() + " " + element.data());
                }
                lines.add(set + " " + elements);
            }
            lines.sort(null);
            return String.join("\n", lines).replaceAll("Counter\\[[^]]*]", "Counter");
        }
    }
}
