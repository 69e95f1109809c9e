package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.cay.engine.microvm.GuestAddressing.Address;
import dev.cay.engine.microvm.GuestAddressing.Fixed;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class GuestAddressingTest {
    private static InetAddress ip(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    @Test
    void aCommandLineIsReadAsTheKernelReadsIt() {
        Fixed found = GuestAddressing.parse(
                        "console=ttyS0 ip=192.168.7.20::192.168.7.1:255.255.255.0::eth0:off panic=-1\n")
                .orElseThrow();
        assertThat(found.device()).contains("eth0");
        assertThat(found.ipv4())
                .contains(new Address(ip("192.168.7.20"), 24, Optional.of(ip("192.168.7.1")), List.of()));
        assertThat(found.mtu()).isEqualTo(1500);
        assertThat(found.gateways()).containsExactly("192.168.7.1");
        assertThat(found.nameServers()).isEmpty();
        assertThat(GuestAddressing.parse("ip=10.0.0.2::10.0.0.1:255.255.255.252::eth1:none"))
                .isPresent();
        assertThat(GuestAddressing.parse("console=ttyS0 skip=1 xip=1 zip=::::::\n"))
                .isEmpty();
        assertThat(GuestAddressing.parse("")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ip=",
                "ip=dhcp",
                "ip=::10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.0.0.2:::255.255.255.0::eth0:off",
                "ip=10.0.0.2::10.0.0.1:::eth0:off",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0:::off",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:dhcp",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off:1.1.1.1",
                "ip=10.0.0.2:10.0.0.3:10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0:name:eth0:off",
                "ip=10.0.0.2::10.0.0.1:255.0.255.0::eth0:off",
                "ip=10.0.0.2::10.0.0.1:0.0.0.0::eth0:off",
                "ip=10.0.0.2::10.0.1.1:255.255.255.0::eth0:off",
                "ip=10.0.0.2::10.0.0.2:255.255.255.0::eth0:off",
                "ip=10.0.0.0::10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.0.0.255::10.0.0.1:255.255.255.0::eth0:off",
                "ip=127.0.0.2::127.0.0.1:255.0.0.0::eth0:off",
                "ip=224.0.0.2::224.0.0.1:255.0.0.0::eth0:off",
                "ip=010.0.0.2::10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.2::10.0.0.1:255.255.255.0::eth0:off",
                "ip=host::10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.0.0.256::10.0.0.1:255.255.255.0::eth0:off",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0::../../x:off",
                "ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off ip=10.0.0.3::10.0.0.1:255.255.255.0::eth0:off",
            })
    void aFieldThatIsMissingOrWrongIsAnError(String line) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GuestAddressing.parse(line))
                .withMessageStartingWith("no guest has ");
    }

    @Test
    void addressesAreChecked() {
        Optional<InetAddress> none = Optional.empty();
        Address both = new Address(ip("fd00::2"), 64, Optional.of(ip("fd00::1")), List.of(ip("fd00::53")));
        Fixed fixed = new Fixed(Optional.empty(), Optional.empty(), 1280, Optional.empty(), Optional.of(both));
        assertThat(fixed.nameServers()).containsExactly("fd00:0:0:0:0:0:0:53");
        new Address(ip("10.0.0.0"), 31, Optional.of(ip("10.0.0.1")), List.of()); // RFC 3021
        for (String wrong : List.of("0.0.0.0", "::", "ff02::1", "::1", "240.0.0.1", "0.1.2.3")) {
            assertThatIllegalArgumentException().isThrownBy(() -> new Address(ip(wrong), 30, none, List.of()));
        }
        assertThatIllegalArgumentException().isThrownBy(() -> new Address(ip("10.0.0.2"), 33, none, List.of()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Address(ip("10.0.0.2"), 24, Optional.of(ip("fd00::1")), List.of()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Address(ip("10.0.0.2"), 24, none, List.of(ip("0.0.0.0"))));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Fixed(Optional.empty(), Optional.empty(), 1279, Optional.empty(), Optional.of(both)));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Fixed(Optional.empty(), Optional.empty(), 1500, Optional.of(both), Optional.empty()));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new Fixed(Optional.empty(), Optional.empty(), 1500, Optional.empty(), Optional.empty()));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        new Fixed(Optional.of("a/b"), Optional.empty(), 1500, Optional.empty(), Optional.of(both)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GuestAddressing.Port(List.of("10.0.0.1\nnameserver 6.6.6.6")));
    }
}
