package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.cay.linux.Errno;
import dev.cay.linux.HostKernel;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.LoggedPacket;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.PacketLog;
import dev.cay.linux.netlink.Rtnetlink;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What rules log is read as it comes. */
@ExtendWith(RootLane.class)
class PacketLogTest {
    private static final int GROUP = 60123;
    private static final long PATIENCE = 30_000_000_000L;
    private static final NftTable TABLE = new NftTable(NftFamily.INET, "cay");
    private static final NftChain OUTPUT = new NftChain(
            TABLE, "output", Optional.of(new NftChain.Base(NftChain.Hook.OUTPUT, 0, NftChain.Kind.FILTER, true)));

    private HostKernel kernel;
    private NetlinkLab lab;

    @BeforeEach
    void build() throws Exception {
        kernel = new HostKernel();
        lab = NetlinkLab.create(kernel);
        try (Rtnetlink rtnetlink = lab.rtnetlink();
                Nftables nftables = Nftables.openIn(kernel, lab.namespace())) {
            int loopback = rtnetlink.link("lo").orElseThrow().index();
            rtnetlink.execute(
                    InterfaceAddress.of(loopback, address("192.0.2.1"), 32).add(),
                    InterfaceAddress.of(loopback, address("2001:db8::1"), 128).add());
            nftables.commit(new NftBatch()
                    .addTable(TABLE)
                    .addChain(OUTPUT)
                    .addRule(NftRule.in(OUTPUT)
                            .protocol(Protocol.TCP)
                            .is(NftField.DESTINATION_PORT, NftValue.u16(7000))
                            .logged(GROUP, "sandbox-1 rule 3", 0)
                            .reject(NftExpression.Reject.Answer.TCP_RESET))
                    .addRule(NftRule.in(OUTPUT)
                            .protocol(Protocol.UDP)
                            .is(NftField.DESTINATION_PORT, NftValue.u16(7000))
                            .logged(GROUP, "flood", 64)
                            .accept()));
        }
    }

    @AfterEach
    void close() {
        lab.close();
        kernel.close();
    }

    private static List<LoggedPacket> read(PacketLog log, int count) throws Exception {
        List<LoggedPacket> packets = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE;
        while (packets.size() < count && System.nanoTime() < deadline) {
            packets.addAll(log.read(1_000_000_000));
        }
        return packets;
    }

    @Test
    void deniedConnectionsOfBothFamilies() throws Exception {
        try (PacketLog log = PacketLog.openIn(kernel, lab.namespace(), GROUP)) {
            assertThat(log.read(0)).isEmpty();
            assertThat(lab.attempt(address("192.0.2.1"), 7000)).isEqualTo("Connection refused");
            assertThat(lab.attempt(address("2001:db8::1"), 7000)).isEqualTo("Connection refused");

            List<LoggedPacket> packets = read(log, 2);
            assertThat(packets).hasSize(2);
            assertThat(packets.getFirst().destination()).isEqualTo(address("192.0.2.1"));
            assertThat(packets.getLast().destination()).isEqualTo(address("2001:db8::1"));
            for (LoggedPacket packet : packets) {
                assertThat(packet.prefix()).isEqualTo("sandbox-1 rule 3");
                assertThat(packet.protocol()).isEqualTo(6);
                assertThat(packet.destinationPort()).hasValue(7000);
                assertThat(packet.sourcePort()).isPresent();
            }
            assertThat(log.lost()).isZero();
        }
    }

    @Test
    void aGroupHasOneListenerAndIsFreeAfterIt() throws Exception {
        try (PacketLog log = PacketLog.openIn(kernel, lab.namespace(), GROUP)) {
            assertThat(log).hasToString("group 60123 of the packet log");
            assertThatExceptionOfType(NetlinkException.class)
                    .isThrownBy(() -> PacketLog.openIn(kernel, lab.namespace(), GROUP))
                    .matches(e -> e.is(Errno.EPERM));
        }
        PacketLog.openIn(kernel, lab.namespace(), GROUP).close();
    }

    @Test
    void whatComesTooFastIsCounted() throws Exception {
        int sent = 20_000;
        try (PacketLog log = PacketLog.openIn(kernel, lab.namespace(), GROUP)) {
            lab.inside(() -> {
                try (DatagramSocket socket = new DatagramSocket()) {
                    byte[] bytes = new byte[1000];
                    for (int i = 0; i < sent; i++) {
                        socket.send(new DatagramPacket(bytes, bytes.length, address("192.0.2.1"), 7000));
                    }
                }
                return true;
            });
            long read = 0;
            long deadline = System.nanoTime() + PATIENCE;
            // The last ones may be among the lost: only one that comes later tells of them.
            while (read + log.lost() < sent && System.nanoTime() < deadline) {
                List<LoggedPacket> packets = log.read(100_000_000);
                read += packets.stream()
                        .filter(packet -> packet.prefix().equals("flood"))
                        .count();
                if (packets.isEmpty()) {
                    lab.attempt(address("192.0.2.1"), 7000);
                }
            }
            assertThat(read + log.lost()).isGreaterThanOrEqualTo(sent);
            assertThat(read).isPositive();
            assertThat(log.lost()).isPositive();
        }
    }
}
