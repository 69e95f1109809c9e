package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkTest {
    @ParameterizedTest
    @CsvSource({
        "10.0.42.5/24, 10.0.42.0/24",
        "10.1.2.3, 10.1.2.3",
        "255.255.255.255/0, 0.0.0.0/0",
        "FD00:0:0:1::5/64, fd00:0:0:1::/64",
        "::/0, ::/0",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "1:0:2:0:0:3:0:0/128, 1:0:2::3:0:0"
    })
    void blocksAreNormalised(String text, String canonical) {
        assertThat(Cidr.parse(text)).hasToString(canonical);
        assertThat(Cidr.parse(canonical)).isEqualTo(Cidr.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "10",
                "10.0.0",
                "010.0.0.1",
                "10.0.0.1/",
                "10.0.0.1/033",
                "10.0.0.1/33",
                "::/129",
                "a::b::c",
                "1.2.3.4 "
            })
    void whatIsNoBlockIsRefused(String text) {
        assertThatThrownBy(() -> Cidr.parse(text)).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void addressesAreReadAsTheyAreWritten() {
        Seeded.run(random -> {
            for (int i = 0; i < 1000; i++) {
                byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
                random.nextBytes(bytes);
                for (int j = random.nextInt(16); j > 0; j--) {
                    bytes[random.nextInt(bytes.length)] = 0;
                }
                bytes[0] |= 1; // not IPv4 in the clothes of IPv6
                String text = Addresses.text(Addresses.of(bytes));
                assertThat(Addresses.parse(text)).as(text).contains(Addresses.of(bytes));
                int prefix = random.nextInt(bytes.length * 8 + 1);
                Cidr block = new Cidr(Addresses.of(bytes), prefix);
                assertThat(block.contains(Addresses.of(bytes))).isTrue();
                assertThat(Cidr.parse(block.toString())).isEqualTo(block);
                if (prefix > 0) {
                    byte[] other = bytes.clone();
                    int bit = random.nextInt(prefix);
                    other[bit / 8] ^= (byte) (0x80 >> bit % 8);
                    assertThat(block.contains(Addresses.of(other))).isFalse();
                }
            }
        });
    }

    /** In the packet filter they are elements of a set, which may not overlap. */
    @Test
    void blocksOfListsDoNotOverlap() {
        for (List<Cidr> list : List.of(AddressGroup.reserved(), EgressPolicy.httpsResolvers())) {
            for (Cidr one : list) {
                assertThat(list).filteredOn(other -> other.contains(one)).containsExactly(one);
            }
        }
        for (AddressGroup group : AddressGroup.values()) {
            for (Cidr one : group.blocks()) {
                assertThat(group == AddressGroup.ANY
                                || AddressGroup.reserved().stream().anyMatch(block -> block.contains(one)))
                        .as("%s of %s", one, group)
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "8080:80, 127.0.0.1:8080:80/tcp",
        "0.0.0.0:53:5353/udp, 0.0.0.0:53:5353/udp",
        "192.168.1.5:1:65535/tcp, 192.168.1.5:1:65535/tcp",
        "[::]:443:443, [::]:443:443/tcp"
    })
    void publishedPorts(String text, String canonical) {
        assertThat(PublishedPort.parse(text)).hasToString(canonical);
        assertThat(PublishedPort.parse(canonical)).isEqualTo(PublishedPort.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "80",
                ":80",
                "80:",
                "0:80",
                "80:0",
                "65536:80",
                "80:80/icmp",
                "x:80:80",
                "::80:80",
                "[::1]:80:80",
                "224.0.0.1:80:80",
                "[fe80::1]:80:80",
                "1.2.3:80:80",
                "80:80/",
                "080:80",
                "1:2:3:4"
            })
    void whatIsNoPublishedPortIsRefused(String text) {
        assertThatThrownBy(() -> PublishedPort.parse(text)).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void portsConflictWhereOneWouldTakeConnectionsOfTheOther() {
        PublishedPort any = PublishedPort.parse("0.0.0.0:80:80");
        assertThat(any.conflictsWith(PublishedPort.parse("80:8080"))).isTrue();
        assertThat(any.conflictsWith(PublishedPort.parse("81:80"))).isFalse();
        assertThat(any.conflictsWith(PublishedPort.parse("80:80/udp"))).isFalse();
        assertThat(any.conflictsWith(PublishedPort.parse("[::]:80:80"))).isFalse();
        assertThat(PublishedPort.parse("80:80").conflictsWith(PublishedPort.parse("127.0.0.2:80:80")))
                .isFalse();
        assertThatThrownBy(() -> Network.bridge().withPorts(List.of(any, PublishedPort.parse("80:81"))))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("127.0.0.1:80:81/tcp");
    }

    @Test
    void names() {
        for (String name : Arrays.asList("", "none", "host", "a b", "a/b", "sixteen-letters-", "ä")) {
            assertThatThrownBy(() -> Network.named(name)).isInstanceOf(SandboxException.InvalidSpec.class);
        }
        assertThat(Network.named("fifteen_letters").egress()).isEqualTo(EgressPolicy.publicOnly());
        assertThat(Network.bridge().name()).isEqualTo("bridge");
        assertThatThrownBy(() ->
                        Network.bridge().withAddress(Addresses.parse("fd00::1").orElseThrow()))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
