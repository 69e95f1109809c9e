package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.netlink.MacAddress;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class DhcpMessageTest {
    private static final MacAddress STATION = MacAddress.parse("02:ca:00:00:00:01");
    private static final int ROUNDS = 20_000;

    private static InetAddress ip(int... parts) {
        return DhcpMessage.address(bytes(parts));
    }

    private static byte[] bytes(int... parts) {
        byte[] bytes = new byte[parts.length];
        for (int i = 0; i < parts.length; i++) {
            bytes[i] = (byte) parts[i];
        }
        return bytes;
    }

    private static Map<Integer, byte[]> ordinary() {
        Map<Integer, byte[]> options = new HashMap<>();
        options.put(DhcpMessage.TYPE, bytes(DhcpMessage.ACK));
        options.put(DhcpMessage.SERVER, bytes(10, 0, 0, 1));
        options.put(DhcpMessage.MASK, bytes(255, 255, 255, 0));
        options.put(DhcpMessage.ROUTER, bytes(10, 0, 0, 1, 10, 0, 0, 9));
        options.put(DhcpMessage.NAME_SERVER, bytes(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4));
        options.put(DhcpMessage.LEASE_TIME, bytes(0, 0, 14, 16));
        return options;
    }

    private static DhcpMessage message(Map<Integer, byte[]> options) {
        return new DhcpMessage(true, 0xcafe, true, ip(0, 0, 0, 0), ip(10, 0, 0, 77), STATION, options);
    }

    private static DhcpMessage again(DhcpMessage message) {
        byte[] bytes = message.encoded();
        return DhcpMessage.parse(bytes, bytes.length).orElseThrow();
    }

    private static Optional<DhcpLease> lease(int option, byte... value) {
        Map<Integer, byte[]> options = ordinary();
        options.put(option, value);
        return DhcpLease.of(message(options));
    }

    @Test
    void whatIsWrittenIsRead() {
        DhcpMessage message = again(message(ordinary()));
        assertThat(message.reply()).isTrue();
        assertThat(message.transaction()).isEqualTo(0xcafe);
        assertThat(message.broadcast()).isTrue();
        assertThat(message.yours()).isEqualTo(ip(10, 0, 0, 77));
        assertThat(message.station()).isEqualTo(STATION);
        assertThat(message.type()).isEqualTo(DhcpMessage.ACK);
        assertThat(message.encoded()).hasSizeGreaterThanOrEqualTo(300);
    }

    /** As RFC 2131 has it: op, htype, hlen, flags, chaddr and the cookie where they belong. */
    @Test
    void theBytesAreThoseOfTheStandard() {
        ByteBuffer bytes = ByteBuffer.wrap(message(ordinary()).encoded());
        assertThat(bytes.getInt(0)).isEqualTo(0x02010600);
        assertThat(bytes.getInt(4)).isEqualTo(0xcafe);
        assertThat(bytes.getShort(10) & 0xffff).isEqualTo(0x8000);
        assertThat(bytes.getInt(16)).isEqualTo(0x0a00004d);
        assertThat(bytes.getInt(28)).isEqualTo(0x02ca0000);
        assertThat(bytes.getInt(236)).isEqualTo(0x63825363);
    }

    @Test
    void aLeaseIsWhatTheServerSays() {
        DhcpLease lease = DhcpLease.of(again(message(ordinary()))).orElseThrow();
        assertThat(lease.address().address()).isEqualTo(ip(10, 0, 0, 77));
        assertThat(lease.address().prefix()).isEqualTo(24);
        assertThat(lease.address().gateway()).contains(ip(10, 0, 0, 1));
        assertThat(lease.address().nameServers()).hasSize(3);
        assertThat(lease.end()).isEqualTo(Duration.ofHours(1));
        assertThat(lease.renewal()).isEqualTo(Duration.ofMinutes(30));
        assertThat(lease.rebinding()).isEqualTo(Duration.ofSeconds(3150));
        Map<Integer, byte[]> options = ordinary();
        options.put(DhcpMessage.RENEWAL_TIME, bytes(0, 0, 0, 10));
        options.put(DhcpMessage.REBINDING_TIME, bytes(0, 0, 0, 20));
        DhcpLease other = DhcpLease.of(message(options)).orElseThrow();
        assertThat(List.of(other.renewal(), other.rebinding()))
                .containsExactly(Duration.ofSeconds(10), Duration.ofSeconds(20));
        assertThat(lease(DhcpMessage.LEASE_TIME, bytes(255, 255, 255, 255))
                        .orElseThrow()
                        .renewal())
                .isGreaterThan(Duration.ofDays(1000));
    }

    @Test
    void whatNobodyCouldLiveWithIsNoLease() {
        for (int needed : List.of(DhcpMessage.SERVER, DhcpMessage.MASK, DhcpMessage.LEASE_TIME)) {
            Map<Integer, byte[]> options = ordinary();
            options.remove(needed);
            assertThat(DhcpLease.of(message(options))).isEmpty();
        }
        assertThat(lease(DhcpMessage.MASK, bytes(255, 0, 255, 0))).isEmpty();
        assertThat(lease(DhcpMessage.LEASE_TIME, bytes(0, 0, 0, 0))).isEmpty();
        assertThat(lease(DhcpMessage.LEASE_TIME, bytes(1))).isEmpty();
        assertThat(lease(DhcpMessage.SERVER, bytes(1, 2, 3))).isEmpty();
        assertThat(lease(DhcpMessage.ROUTER, bytes(10, 0, 0, 77))).isEmpty();
        assertThat(lease(DhcpMessage.NAME_SERVER, bytes(0, 0, 0, 0))).isEmpty();
        for (int[] address :
                new int[][] {{0, 0, 0, 0}, {10, 0, 0, 0}, {10, 0, 0, 255}, {127, 0, 0, 1}, {224, 0, 0, 1}}) {
            assertThat(DhcpLease.of(new DhcpMessage(true, 1, false, ip(0, 0, 0, 0), ip(address), STATION, ordinary())))
                    .isEmpty();
        }
    }

    /** Times that make no sense do not make us ask without an end. */
    @Test
    void timesAreInOrder() {
        Random random = new Random(Long.getLong("cay.seed", 41));
        for (int i = 0; i < ROUNDS; i++) {
            Map<Integer, byte[]> options = ordinary();
            for (int time : List.of(DhcpMessage.LEASE_TIME, DhcpMessage.RENEWAL_TIME, DhcpMessage.REBINDING_TIME)) {
                options.put(
                        time,
                        ByteBuffer.allocate(4)
                                .putInt(random.nextInt() >>> random.nextInt(32))
                                .array());
            }
            DhcpLease.of(message(options)).ifPresent(lease -> {
                assertThat(lease.renewal()).isPositive().isLessThanOrEqualTo(lease.rebinding());
                assertThat(lease.rebinding()).isLessThanOrEqualTo(lease.end());
            });
        }
    }

    @Test
    void whateverComesIsAMessageOrNone() {
        Random random = new Random(Long.getLong("cay.seed", 42));
        byte[] good = message(ordinary()).encoded();
        for (int i = 0; i < ROUNDS; i++) {
            byte[] bytes = Arrays.copyOf(good, random.nextInt(DhcpMessage.SIZE));
            for (int n = random.nextInt(8); n > 0 && bytes.length > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            DhcpMessage.parse(bytes, bytes.length).ifPresent(message -> {
                assertThat(message.addresses(DhcpMessage.NAME_SERVER).size()).isLessThan(DhcpMessage.SIZE);
                assertThat(DhcpLease.of(message)).isNotNull();
            });
        }
        assertThat(DhcpMessage.parse(good, 239)).isEmpty();
        assertThat(DhcpMessage.parse(good, 0)).isEmpty();
    }
}
