package dev.cay.engine.names;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Cidr;
import dev.cay.DeniedConnection;
import dev.cay.EgressPolicy;
import dev.cay.engine.dns.Zone;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What policies say about names and their addresses. */
class LeaseZoneTest {
    private static final InetAddress CLIENT = address("10.88.0.2");
    private static final NetworkDefinition MUTUAL = network("backend", true);
    private static final NetworkDefinition APART = network("bridge", false);

    @TempDir
    private Path base;

    private final List<String> applied = new ArrayList<>();
    private final List<InetAddress> changed = new ArrayList<>();
    private NetworkStore store;
    private DenialLog log;
    private LeaseZone zone;

    private static InetAddress address(String text) {
        return InetAddress.ofLiteral(text);
    }

    private static NetworkDefinition network(String name, boolean mutual) {
        return new NetworkDefinition(name, Cidr.parse("10.88.0.0/16"), Cidr.parse("fd00:1:2::/64"), "cay0", mutual);
    }

    @BeforeEach
    void open() throws IOException {
        store = NetworkStore.open(base.resolve("definitions"), base.resolve("leases"));
        log = DenialLog.open(base.resolve("log"));
        NameFilter filter = new NameFilter() {
            @Override
            public void answer(Lease lease, int port) {}

            @Override
            public void guard(NetworkDefinition network) {}

            @Override
            public void entrust(Stub first) {}

            @Override
            public void tend() {}

            @Override
            public void close() {}

            @Override
            public void apply(Lease lease, String name, List<InetAddress> addresses, Duration time) {
                addresses.forEach(address -> applied.add(
                        lease.sandbox() + " " + name + " " + address.getHostAddress() + " " + time.toSeconds()));
            }
        };
        zone = new LeaseZone(store, filter, new Denials(log), changed::add);
    }

    private Lease serve(NetworkDefinition network, int number, String policy, String... names) throws IOException {
        InetAddress address = address("10.88.0." + number);
        Lease lease = new Lease(
                "box" + number,
                "",
                network.name(),
                address,
                network.address6(address),
                "veth" + number,
                List.of(names),
                Optional.of(EgressPolicy.parse(policy)),
                List.of(),
                OptionalInt.empty());
        store.put(lease);
        zone.put(network, lease);
        return lease;
    }

    private List<InetAddress> admit(String name, String... addresses) throws IOException {
        List<InetAddress> asked = new ArrayList<>();
        for (String text : addresses) {
            asked.add(address(text));
        }
        return zone.admit(CLIENT, name, asked, Duration.ofSeconds(30)).addresses();
    }

    /** Who changes a policy tells the zone, which must not go back to what it had read a moment before. */
    @Test
    void aPolicyThatHasBeenToldIsInForceAtOnce() throws IOException {
        for (int i = 0; i < 10; i++) {
            serve(APART, 2, "allow example.com:tcp:443");
            assertThat(zone.decide(CLIENT, "example.com")).isEqualTo(new Zone.Forwarded());
            serve(APART, 2, "allow other.example.com:tcp:443");
            assertThat(zone.decide(CLIENT, "example.com")).isInstanceOf(Zone.Denied.class);
        }
    }

    @Test
    void strangersAndNamesThatNoRuleAllows() throws IOException {
        assertThat(zone.decide(CLIENT, "example.com")).isEqualTo(new Zone.Stranger());
        Lease lease = serve(APART, 2, "allow example.com:tcp:443");

        assertThat(zone.decide(CLIENT, "example.com")).isEqualTo(new Zone.Forwarded());
        assertThat(zone.decide(lease.address6(), "example.com")).isEqualTo(new Zone.Forwarded());
        assertThat(zone.decide(CLIENT, "tunnel.evil.com")).isInstanceOf(Zone.Denied.class);
        zone.remove(lease);
        assertThat(zone.decide(CLIENT, "example.com")).isEqualTo(new Zone.Stranger());
    }

    @Test
    void whatARuleNamesIsAppliedBeforeItIsTold() throws IOException {
        serve(APART, 2, "allow example.com:tcp:443");

        assertThat(admit("example.com", "93.184.216.34")).hasSize(1);
        assertThat(applied).containsExactly("box2 example.com 93.184.216.34 240");
    }

    @Test
    void whatAppliesForLongEnoughIsNotAppliedAgain() throws IOException {
        serve(APART, 2, "allow example.com:tcp:443");
        for (int i = 0; i < 5; i++) {
            admit("example.com", "93.184.216.34");
        }
        assertThat(applied).hasSize(1);
        serve(APART, 2, "allow example.com:tcp:80");
        admit("example.com", "93.184.216.34");
        assertThat(applied).as("under another policy").hasSize(2);
    }

    @Test
    void theKernelsMemoryIsNotFilledWithAddresses() throws IOException {
        serve(APART, 2, "allow *.example.com");
        String[] many = new String[100];
        for (int i = 0; i < many.length; i++) {
            many[i] = "93.184.216." + i;
        }
        assertThat(admit("a.example.com", many)).hasSize(32);
        int names = 0;
        try {
            while (names < 10_000) {
                admit("n" + names + ".example.com", "93.184.216.34");
                names++;
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("4096");
        }
        assertThat(names).isBetween(4000, 4096);
    }

    @Test
    void aRuleForANameOpensNothingPrivate() throws IOException {
        serve(APART, 2, "allow *.example.com");

        assertThat(admit("a.example.com", "10.0.0.1", "169.254.169.254", "127.0.0.1", "93.184.216.34", "192.168.1.1"))
                .containsExactly(address("93.184.216.34"));
        assertThat(admit("b.example.com", "fd00::1", "::1", "fe80::1")).isEmpty();
        assertThat(applied).hasSize(1);
    }

    @Test
    void unlessARuleAllowsTheAddressItself() throws IOException {
        serve(APART, 2, "allow intern.example.com\nallow 10.1.0.0/16:tcp:443\ndeny private\ndefault allow");

        assertThat(admit("intern.example.com", "10.1.2.3", "10.2.0.1")).containsExactly(address("10.1.2.3"));
        assertThat(admit("other.example.com", "10.1.2.3", "10.2.0.1")).containsExactly(address("10.1.2.3"));
    }

    @Test
    void rebindingUnderTheStandardPolicy() throws IOException {
        serve(APART, 2, "public");

        assertThat(admit("rebind.evil.com", "192.168.0.1", "93.184.216.34", "169.254.169.254"))
                .containsExactly(address("93.184.216.34"));
        assertThat(applied).isEmpty();
        serve(APART, 2, "all");
        assertThat(admit("rebind.evil.com", "192.168.0.1")).hasSize(1);
    }

    @Test
    void thePolicyThatIsWrittenCounts() throws IOException {
        Lease lease = serve(APART, 2, "allow example.com");
        store.put(lease.withEgress(EgressPolicy.denyAll()));
        assertThat(admit("example.com", "93.184.216.34"))
                .as("told, but not opened")
                .hasSize(1);
        assertThat(applied).isEmpty();
        store.release(lease);
        assertThat(admit("example.com", "93.184.216.34")).isEmpty();
    }

    @Test
    void whatSomebodyElseChangesIsHeardOf() throws Exception {
        Lease lease = serve(APART, 2, "allow example.com");
        assertThat(zone.decide(CLIENT, "example.com")).isInstanceOf(Zone.Forwarded.class);
        store.put(lease.withEgress(EgressPolicy.parse("allow other.com")));
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (zone.decide(CLIENT, "other.com") instanceof Zone.Denied && System.nanoTime() < deadline) {
            Thread.sleep(5);
        }
        assertThat(zone.decide(CLIENT, "other.com")).isInstanceOf(Zone.Forwarded.class);
        assertThat(zone.decide(CLIENT, "example.com")).isInstanceOf(Zone.Denied.class);
        assertThat(changed).as("what they were told is forgotten").contains(lease.address(), lease.address6());
    }

    @Test
    void neighboursOfANetworkOfItsOwn() throws IOException {
        serve(MUTUAL, 2, "deny", "web");
        Lease other = serve(MUTUAL, 3, "deny", "DB", "db-1");

        assertThat(zone.decide(CLIENT, "db")).isEqualTo(new Zone.Local(List.of(other.address(), other.address6())));
        assertThat(zone.decide(CLIENT, "db-1")).isInstanceOf(Zone.Local.class);
        assertThat(zone.name(CLIENT, other.address6())).contains("DB");
        assertThat(zone.decide(CLIENT, "nobody")).isInstanceOf(Zone.Denied.class);
        serve(APART, 4, "deny", "alone");
        assertThat(zone.decide(address("10.88.0.4"), "alone")).isInstanceOf(Zone.Denied.class);
        assertThat(zone.name(address("10.88.0.4"), other.address())).isEmpty();
    }

    @Test
    void whatWasDeniedIsWrittenDownAndNotTooMuchOfIt() throws IOException {
        serve(APART, 2, "deny", "web");
        for (int i = 0; i < 300; i++) {
            zone.kept(CLIENT, "evil.com", "no rule");
        }
        List<DeniedConnection> denied = log.all();
        assertThat(denied).hasSizeBetween(100, 150);
        assertThat(denied.getFirst().domain()).contains("evil.com");
        assertThat(denied.getFirst().sandbox()).isEqualTo("box2");
        assertThat(denied.getFirst().address()).isEqualTo(address("10.88.0.1"));
        assertThat(denied.getFirst().protocol()).isEqualTo("dns");
    }
}
