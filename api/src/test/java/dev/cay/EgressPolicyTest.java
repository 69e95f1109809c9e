package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.AddressGroup.Owner;
import dev.cay.EgressPolicy.Destination;
import dev.cay.EgressRule.Action;
import dev.cay.EgressRule.Protocol;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EgressPolicyTest {
    private static InetAddress address(String text) {
        return Addresses.parse(text).orElseThrow();
    }

    private static Destination tcp(String address, int port, String... domains) {
        return new Destination(address(address), Protocol.TCP, OptionalInt.of(port), Owner.OTHER, Set.of(domains));
    }

    private static Action decide(EgressPolicy policy, Destination destination) {
        return policy.explain(destination).action();
    }

    private static EgressPolicy lines(String... lines) {
        return EgressPolicy.parse(String.join("\n", lines));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "8.8.8.8",
                "93.184.216.34",
                "1.2.3.4",
                "172.32.0.1",
                "100.128.0.1",
                "2606:2800:220:1::1",
                "2a00::1"
            })
    void untrustedCodeReachesTheInternet(String address) {
        assertThat(decide(EgressPolicy.publicOnly(), tcp(address, 443))).isEqualTo(Action.ALLOW);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.1",
                "10.255.255.255",
                "100.64.0.1",
                "127.0.0.1",
                "169.254.1.1",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "192.0.0.192",
                "168.63.129.16",
                "0.0.0.0",
                "224.0.0.1",
                "255.255.255.255",
                "198.18.0.1",
                "203.0.113.9",
                "::1",
                "::",
                "fe80::1",
                "fd00::1",
                "fc00::1",
                "fd00:ec2::254",
                "ff02::1",
                "64:ff9b::a00:1",
                "2002:a00:1::1",
                "2001:0:1::1",
                "2001:db8::1",
                "fec0::1"
            })
    void andNothingOfWhatIsAround(String address) {
        EgressPolicy.Decision decision = EgressPolicy.publicOnly().explain(tcp(address, 80));
        assertThat(decision.action()).isEqualTo(Action.DENY);
        assertThat(decision.rule()).isEmpty();
    }

    @Test
    void aPublicAddressOfThisMachineIsNotPublic() {
        Destination own =
                new Destination(address("93.184.216.34"), Protocol.TCP, OptionalInt.of(22), Owner.HOST, Set.of());
        assertThat(decide(EgressPolicy.publicOnly(), own)).isEqualTo(Action.DENY);
        assertThat(decide(lines("allow host:tcp:22", "allow public"), own)).isEqualTo(Action.ALLOW);
        assertThat(decide(EgressPolicy.allowAll(), own)).isEqualTo(Action.ALLOW);
    }

    @Test
    void neighboursAreThoseOfTheOwnNetwork() {
        Destination neighbour =
                new Destination(address("10.9.0.3"), Protocol.TCP, OptionalInt.of(5432), Owner.NEIGHBOUR, Set.of());
        assertThat(decide(EgressPolicy.publicOnly(), neighbour)).isEqualTo(Action.ALLOW);
        assertThat(decide(EgressPolicy.publicOnly(), tcp("10.9.0.3", 5432))).isEqualTo(Action.DENY);
        assertThat(decide(EgressPolicy.denyAll(), neighbour)).isEqualTo(Action.DENY);
        assertThat(decide(lines("allow network:tcp:5432"), neighbour)).isEqualTo(Action.ALLOW);
        assertThat(decide(lines("allow network:tcp:80"), neighbour)).isEqualTo(Action.DENY);
        assertThat(decide(lines("deny network", "allow private"), neighbour)).isEqualTo(Action.DENY);
        assertThat(decide(lines("allow private"), neighbour)).isEqualTo(Action.ALLOW);
    }

    @Test
    void theFirstRuleThatSpeaksOfItDecides() {
        EgressPolicy policy =
                lines("allow 10.0.0.5:tcp:443", "deny 10.0.0.0/8", "default allow", "allow 10.0.0.6", "deny any:udp");
        assertThat(policy.explain(tcp("10.0.0.5", 443)).rule()).hasValue(0);
        assertThat(policy.explain(tcp("10.0.0.5", 80)).rule()).hasValue(1);
        assertThat(decide(policy, tcp("10.0.0.6", 80))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("11.0.0.6", 80))).isEqualTo(Action.ALLOW);
        Destination udp = new Destination(address("11.0.0.6"), Protocol.UDP, OptionalInt.of(1), Owner.OTHER, Set.of());
        assertThat(policy.explain(udp).reason()).isEqualTo("rule 4 says 'deny any:udp'");
    }

    @Test
    void portsAndProtocols() {
        EgressPolicy policy = lines("allow any:tcp:80,8000-8100", "allow any:icmp");
        assertThat(decide(policy, tcp("1.2.3.4", 8050))).isEqualTo(Action.ALLOW);
        assertThat(decide(policy, tcp("1.2.3.4", 8101))).isEqualTo(Action.DENY);
        Destination ping =
                new Destination(address("1.2.3.4"), Protocol.ICMP, OptionalInt.empty(), Owner.OTHER, Set.of());
        assertThat(decide(policy, ping)).isEqualTo(Action.ALLOW);
    }

    @Test
    void domainsAreTheAddressesThatTheSandboxWasToldForThem() {
        EgressPolicy policy = lines("allow *.example.com:tcp:443", "deny secret.org", "allow example.org");
        assertThat(decide(policy, tcp("1.2.3.4", 443, "a.b.Example.COM."))).isEqualTo(Action.ALLOW);
        assertThat(decide(policy, tcp("1.2.3.4", 80, "a.example.com"))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("1.2.3.4", 443))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("1.2.3.4", 443, "example.com")))
                .as("only below it")
                .isEqualTo(Action.DENY);
        assertThat(policy.explainName("www.example.com").action()).isEqualTo(Action.ALLOW);
        assertThat(policy.explainName("badexample.com").action()).isEqualTo(Action.DENY);
        assertThat(policy.explainName("SECRET.org.").rule()).hasValue(1);
    }

    @Test
    void whereRulesNameDomainsOtherNameServersAreOutOfReach() {
        EgressPolicy policy =
                EgressPolicy.allowAll().withFirst(List.of(EgressRule.parse(Action.DENY, "ads.example.com")));
        assertThat(decide(policy, tcp("9.9.9.9", 53))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("9.9.9.9", 853))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("9.9.9.9", 443))).isEqualTo(Action.DENY);
        assertThat(decide(policy, tcp("9.9.8.9", 443))).isEqualTo(Action.ALLOW);
        assertThat(decide(EgressPolicy.allowAll(), tcp("9.9.9.9", 53))).isEqualTo(Action.ALLOW);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "com",
                "*.com",
                "-a.example.com",
                "a-.example.com",
                "a..b",
                "*example.com",
                "a.*.com",
                "1.2.3",
                "1.2.3.4.5",
                "01.2.3.4",
                "1.2.3.256",
                "10.0.0.0/33",
                "fd00::/129",
                "fd00::1%eth0",
                "::ffff:1.2.3.4",
                "example.com:80",
                "example.com:tcp:0",
                "example.com:tcp:65536",
                "example.com:tcp:9-8",
                "example.com:any:80",
                "example.com:icmp:1",
                "example.com:tcp:80:90",
                "example.com:tcp:",
                "[fd00::1",
                "[fd00::1]x",
                "fd00::1:tcp:80",
                "a b.com"
            })
    void whatIsNoTargetIsRefused(String text) {
        assertThatThrownBy(() -> EgressRule.parse(Action.ALLOW, text)).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void namesAreNotTooLong() {
        String label = "a".repeat(63);
        String longest = String.join(".", label, label, label, "a".repeat(61));
        assertThat(new EgressTarget.Domain(longest).name()).hasSize(253);
        assertThatThrownBy(() -> new EgressTarget.Domain(longest + "a"))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> new EgressTarget.Domain(label + "a.com"))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void linesThatSayNothingAreRefusedByTheirNumber() {
        for (String line :
                List.of("default maybe", "dns", "allow", "allow a.b c.d", "connections 0", "bandwidth x", "x y")) {
            assertThatThrownBy(() -> lines("# a comment", "", line))
                    .isInstanceOf(SandboxException.InvalidSpec.class)
                    .hasMessageStartingWith("line 3 of the policy: ");
        }
        assertThatThrownBy(() -> EgressPolicy.denyAll().withConnections(0))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> EgressPolicy.denyAll().withBandwidth(Size.bytes(1)))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void presetsHaveNames() {
        assertThat(EgressPolicy.parse("public\n")).isEqualTo(EgressPolicy.publicOnly());
        assertThat(EgressPolicy.parse("deny")).isEqualTo(EgressPolicy.denyAll());
        assertThat(EgressPolicy.parse("all")).isEqualTo(EgressPolicy.allowAll());
        assertThat(EgressPolicy.parse("")).isEqualTo(EgressPolicy.denyAll());
    }

    @Test
    void aPolicyIsReadAsItIsWritten() {
        Seeded.run(random -> {
            for (int i = 0; i < 500; i++) {
                EgressPolicy policy = random(random);
                assertThat(EgressPolicy.parse(policy.toString())).isEqualTo(policy);
            }
        });
    }

    /** The same decision, made in another way: by the last rule, from the end to the beginning. */
    @Test
    void decisionsAgreeWithASimplerReading() {
        Seeded.run(random -> {
            for (int i = 0; i < 2000; i++) {
                EgressPolicy policy = random(random);
                Destination destination = destination(random);
                Action expected = policy.fallback();
                for (int rule = policy.rules().size() - 1; rule >= 0; rule--) {
                    EgressPolicy alone = new EgressPolicy(
                            Action.DENY,
                            List.of(withAction(policy.rules().get(rule), Action.ALLOW)),
                            false,
                            false,
                            OptionalInt.empty(),
                            java.util.Optional.empty());
                    boolean foreign = EgressPolicy.isForeignResolver(destination) && alone.namesDomains();
                    if (!foreign && decide(alone, destination) == Action.ALLOW) {
                        expected = policy.rules().get(rule).action();
                    }
                }
                if (policy.namesDomains() && EgressPolicy.isForeignResolver(destination)) {
                    expected = Action.DENY;
                }
                assertThat(decide(policy, destination))
                        .as("%s%n%s", policy, destination)
                        .isEqualTo(expected);
            }
        });
    }

    private static EgressRule withAction(EgressRule rule, Action action) {
        return new EgressRule(action, rule.target(), rule.protocol(), rule.ports());
    }

    private static EgressPolicy random(Random random) {
        List<EgressRule> rules = new ArrayList<>();
        for (int i = random.nextInt(6); i > 0; i--) {
            Protocol protocol = Protocol.values()[random.nextInt(4)];
            boolean ports = protocol == Protocol.TCP || protocol == Protocol.UDP;
            int port = 1 + random.nextInt(65_000);
            rules.add(new EgressRule(
                    Action.values()[random.nextInt(2)],
                    target(random),
                    protocol,
                    ports && random.nextBoolean()
                            ? List.of(
                                    new EgressRule.Ports(port, port + random.nextInt(500)),
                                    new EgressRule.Ports(53, 53))
                            : List.of()));
        }
        return new EgressPolicy(
                Action.values()[random.nextInt(2)],
                rules,
                random.nextBoolean(),
                random.nextBoolean(),
                random.nextBoolean() ? OptionalInt.empty() : OptionalInt.of(1 + random.nextInt(1000)),
                random.nextBoolean()
                        ? java.util.Optional.empty()
                        : java.util.Optional.of(Size.bytes(1024 + random.nextInt(Integer.MAX_VALUE))));
    }

    private static EgressTarget target(Random random) {
        switch (random.nextInt(3)) {
            case 0:
                InetAddress any = address(random);
                return new EgressTarget.Block(new Cidr(any, random.nextInt(any.getAddress().length * 8 + 1)));
            case 1:
                return new EgressTarget.Group(AddressGroup.values()[random.nextInt(AddressGroup.values().length)]);
            default:
                return new EgressTarget.Domain((random.nextBoolean() ? "*." : "") + "d" + random.nextInt(3) + ".com");
        }
    }

    private static InetAddress address(Random random) {
        byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
        random.nextBytes(bytes);
        if (random.nextBoolean()) {
            bytes[0] = (byte) (bytes.length == 4 ? 10 : 0xfd);
        }
        return Addresses.of(bytes);
    }

    private static Destination destination(Random random) {
        Protocol protocol = Protocol.values()[1 + random.nextInt(3)];
        OptionalInt port = protocol == Protocol.ICMP
                ? OptionalInt.empty()
                : OptionalInt.of(random.nextBoolean() ? 53 : 1 + random.nextInt(65_535));
        Set<String> domains = random.nextBoolean() ? Set.of() : Set.of("d1.com", "x.d" + random.nextInt(3) + ".com");
        return new Destination(address(random), protocol, port, Owner.values()[random.nextInt(3)], domains);
    }
}
