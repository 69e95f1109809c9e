package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LoggedPacketTest {
    /** TCP from 10.88.0.2:40000 to 192.0.2.2:22, with options of IP. */
    private static final String IPV4 = "4600002c 1c464000 40060000 0a580002 c0000202 01010100 9c400016";

    /** UDP from fd00::2 to 2001:db8::1, hop-by-hop options, destination options, the first fragment. */
    private static final String IPV6 =
            "60000000 00200040 fd000000000000000000000000000002 20010db8000000000000000000000001"
                    + " 3c00010400000000 2c00010400000000 1100000100000000 00350050";

    private static byte[] hex(String text) {
        return HexFormat.of().parseHex(text.replace(" ", ""));
    }

    private static LoggedPacket read(byte[] packet) throws ProtocolException {
        return LoggedPacket.read("word", 7, new Payload(packet));
    }

    @Test
    void packetsOfBothVersions() throws ProtocolException {
        assertThat(read(hex(IPV4)))
                .isEqualTo(new LoggedPacket(
                        "word",
                        6,
                        InetAddress.ofLiteral("10.88.0.2"),
                        InetAddress.ofLiteral("192.0.2.2"),
                        OptionalInt.of(40000),
                        OptionalInt.of(22),
                        7));
        assertThat(read(hex(IPV6)))
                .isEqualTo(new LoggedPacket(
                        "word",
                        17,
                        InetAddress.ofLiteral("fd00::2"),
                        InetAddress.ofLiteral("2001:db8::1"),
                        OptionalInt.of(53),
                        OptionalInt.of(80),
                        7));
    }

    @Test
    void fragmentsAndShortPacketsHaveNoPorts() throws ProtocolException {
        byte[] fragment = hex(IPV4);
        fragment[7] = 1;
        assertThat(read(fragment).destinationPort()).isEmpty();
        assertThat(read(Arrays.copyOf(hex(IPV4), 26)).destinationPort()).isEmpty();
        assertThatExceptionOfType(ProtocolException.class).isThrownBy(() -> read(Arrays.copyOf(hex(IPV4), 19)));
        assertThatExceptionOfType(ProtocolException.class).isThrownBy(() -> read(new byte[] {0x50}));
        assertThatExceptionOfType(ProtocolException.class).isThrownBy(() -> read(new byte[0]));
    }

    @Test
    void damagedPacketsAreReadOrRefused() {
        long seed = Long.getLong("cay.seed", 1);
        Random random = new Random(seed);
        for (String text : List.of(IPV4, IPV6)) {
            for (int round = 0; round < 5000; round++) {
                byte[] packet = hex(text);
                byte[] damaged = Arrays.copyOf(packet, random.nextInt(packet.length + 8));
                for (int i = random.nextInt(4); i > 0 && damaged.length > 0; i--) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
                }
                try {
                    read(damaged);
                } catch (ProtocolException e) {
                    assertThat(e).as("seed " + seed).hasMessageStartingWith("netlink: ");
                }
            }
        }
    }

    @Test
    void groups() {
        assertThat(PacketLog.binding(65535)).hasToString("NFULNL_MSG_CONFIG(group 65535)");
        assertThatIllegalArgumentException().isThrownBy(() -> PacketLog.binding(65536));
    }
}
