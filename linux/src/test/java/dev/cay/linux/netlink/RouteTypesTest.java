package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Links, addresses, routes and neighbours as data: what they refuse, and that they are read as they are written. */
class RouteTypesTest {
    private static InetAddress address(String literal) {
        return InetAddress.ofLiteral(literal);
    }

    @Test
    void ethernetAddresses() {
        MacAddress mac = MacAddress.parse("02:CA:00:00:00:ff");

        assertThat(mac).hasToString("02:ca:00:00:00:ff");
        assertThat(mac.bytes()).containsExactly(2, 0xca, 0, 0, 0, 0xff);
        assertThat(MacAddress.of(mac.bytes())).isEqualTo(mac);
        assertThatThrownBy(() -> MacAddress.parse("02:ca:00:00:00")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> MacAddress.of(new byte[7])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new MacAddress(1L << 48)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0123456789abcdef", "a b", "a/b", "..", ".", "a:b", "a\0b", "v%d", "ääääääää"})
    void namesThatTheKernelRefusesOrExpands(String name) {
        assertThatThrownBy(() -> LinkSettings.named(name)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> LinkMessages.delete(name)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void settingsThatMakeNoSense() {
        LinkSettings eth0 = LinkSettings.named("eth0");
        assertThatThrownBy(() -> eth0.withMtu(67)).hasMessageContaining("mtu");
        assertThatThrownBy(() -> eth0.withMtu(65536)).hasMessageContaining("mtu");
        assertThatThrownBy(() -> eth0.withIndex(0)).hasMessageContaining("index");
        assertThatThrownBy(() -> eth0.withMaster(-1)).hasMessageContaining("master");
        assertThatThrownBy(() -> LinkMessages.create(eth0.withLinkLocal(false), LinkKind.Bridge.PLAIN))
                .hasMessageContaining("linkLocal");
        assertThatThrownBy(() -> LinkMessages.change(3, eth0.withIndex(4))).hasMessageContaining("index");
        assertThatThrownBy(() -> LinkMessages.change(0, eth0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new LinkKind.Veth(eth0.withUp(true), Optional.empty()))
                .hasMessageContaining("peer");
    }

    @Test
    void blocksOfAddresses() {
        IpPrefix block = new IpPrefix(address("10.88.0.0"), 13);
        assertThat(block.first()).isEqualTo(address("10.88.0.0"));
        assertThat(block.last()).isEqualTo(address("10.95.255.255"));
        assertThat(block.contains(address("10.90.1.1"))).isTrue();
        assertThat(block.contains(address("10.96.0.0"))).isFalse();
        assertThat(block.contains(address("fd00::1"))).isFalse();
        assertThat(block).hasToString("10.88.0.0/13");
        assertThatThrownBy(() -> new IpPrefix(address("10.0.42.5"), 24)).hasMessageContaining("bits set");
        assertThatThrownBy(() -> new IpPrefix(address("10.0.0.0"), 33)).isInstanceOf(IllegalArgumentException.class);
        assertThat(IpPrefix.containing(address("10.0.42.5"), 24)).hasToString("10.0.42.0/24");
        assertThat(IpPrefix.containing(address("ff::1"), 128).last()).isEqualTo(address("ff::1"));
    }

    /** First and last of any block are what arithmetic says. */
    @Test
    void anyBlock() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 1000; round++) {
            byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
            random.nextBytes(bytes);
            int bits = 8 * bytes.length;
            int length = random.nextInt(bits + 1);
            BigInteger size = BigInteger.ONE.shiftLeft(bits - length);
            BigInteger number = new BigInteger(1, bytes);
            BigInteger first = number.subtract(number.mod(size));

            InetAddress address = raw(bytes);
            IpPrefix block = IpPrefix.containing(address, length);
            assertThat(new BigInteger(1, block.first().getAddress()))
                    .as("seed %d", seed)
                    .isEqualTo(first);
            assertThat(new BigInteger(1, block.last().getAddress()))
                    .as("seed %d", seed)
                    .isEqualTo(first.add(size).subtract(BigInteger.ONE));
            assertThat(block.contains(address)).as("seed %d", seed).isTrue();
        }
    }

    private static InetAddress raw(byte[] bytes) {
        try {
            return Families.address(bytes);
        } catch (java.net.UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whatIsAddedIsReadAsItWas() throws ProtocolException {
        InterfaceAddress four = InterfaceAddress.of(3, address("10.0.0.1"), 24);
        InterfaceAddress six = new InterfaceAddress(4, address("fd00::1"), 64, true, true);
        Route route = Route.via(new IpPrefix(address("::"), 0), address("fe80::1"), 7)
                .withOnLink()
                .withMetric(9);
        Route refusing = Route.refusing(new IpPrefix(address("10.0.0.0"), 8), Route.Kind.BLACKHOLE);
        Neighbour neighbour = Neighbour.permanent(2, address("10.0.0.2"), MacAddress.parse("02:00:00:00:00:01"));

        assertThat(InterfaceAddress.parse(four.add().body()))
                .isEqualTo(new InterfaceAddress(3, address("10.0.0.1"), 24, false, false));
        assertThat(InterfaceAddress.parse(six.add().body())).isEqualTo(six);
        assertThat(Route.parse(route.add().body())).contains(route);
        assertThat(Route.parse(refusing.add().body())).contains(refusing);
        assertThat(Neighbour.parse(neighbour.set().body())).contains(neighbour);
        assertThat(route).hasToString("0:0:0:0:0:0:0:0/0 via fe80:0:0:0:0:0:0:1 on 7");
        assertThat(six.add()).hasToString("RTM_NEWADDR(fd00:0:0:0:0:0:0:1/64 on 4)");
    }

    @Test
    void ipv4AddressesInTheFormOfIpv6StayWhatTheyAre() throws ProtocolException {
        byte[] mapped = new byte[16];
        mapped[10] = (byte) 0xff;
        mapped[11] = (byte) 0xff;
        Route route = Route.refusing(new IpPrefix(raw(mapped), 96), Route.Kind.UNREACHABLE);

        assertThat(Route.parse(route.add().body())).contains(route);
        assertThat(route).hasToString("0:0:0:0:0:ffff:0:0/96");
    }

    @Test
    void addressesAndRoutesThatMakeNoSense() {
        assertThatThrownBy(() -> InterfaceAddress.of(0, address("10.0.0.1"), 24))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> InterfaceAddress.of(1, address("10.0.0.1"), 33))
                .hasMessageContaining("prefixLength");
        assertThatThrownBy(() -> Route.via(new IpPrefix(address("10.0.0.0"), 8), address("fd00::1"), 1))
                .hasMessageContaining("gateway");
        assertThatThrownBy(() -> new Neighbour(1, address("10.0.0.1"), Optional.empty(), true).set())
                .hasMessageContaining("station");
    }
}
