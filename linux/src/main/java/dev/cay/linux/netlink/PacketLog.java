package dev.cay.linux.netlink;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.NetlinkOps;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * The packets that rules log to a group, as they come: {@code linux/netfilter/nfnetlink_log.h}. A group of a network namespace has
 * one listener, and its packets are nobody's while it has none. What waits to be read has a bound; beyond it packets are lost, and
 * counted. One thread reads; any may ask for the count.
 */
public final class PacketLog implements AutoCloseable {
    private static final int NFNL_SUBSYS_ULOG = 4;
    private static final int NFULNL_MSG_PACKET = 0;
    private static final int NFULNL_MSG_CONFIG = 1;
    private static final int NFULA_CFG_CMD = 1;
    private static final int NFULA_CFG_MODE = 2;
    private static final int NFULA_CFG_TIMEOUT = 4;
    private static final int NFULA_CFG_QTHRESH = 5;
    private static final int NFULA_CFG_FLAGS = 6;
    private static final int NFULNL_CFG_CMD_BIND = 1;
    private static final int NFULNL_COPY_PACKET = 2;
    private static final int NFULNL_CFG_F_SEQ = 1;
    private static final int NFULA_IFINDEX_INDEV = 4;
    private static final int NFULA_PAYLOAD = 9;
    private static final int NFULA_PREFIX = 10;
    private static final int NFULA_SEQ = 12;

    /** Enough for the headers of any packet, and the ports behind them. */
    private static final int MAXIMUM_COPY = 128;

    /** How long packets may wait for more, in hundredths of a second, and how many. */
    private static final int MAXIMUM_WAIT = 5;

    private static final int MAXIMUM_WAITING = 16;
    private static final int MAXIMUM_RECEIVES = 16;
    private static final int MAXIMUM_UNREAD = 1 << 19;

    private final NetlinkSocket socket;
    private final int group;

    /** The number of the next packet; 0, which comes again only after 2³², before the first. */
    private int expected;

    private boolean begun;
    private final LongAdder lost = new LongAdder();

    private PacketLog(NetlinkSocket socket, int group) {
        this.socket = socket;
        this.group = group;
    }

    /**
     * Listens to a group of the network namespace that this process lives in.
     *
     * @param group 0 to 65535
     * @throws NetlinkException with EPERM if somebody else does, or this process may not
     */
    public static PacketLog open(Kernel kernel, int group) throws IOException {
        return listen(kernel, NetlinkSocket.open(kernel, NetlinkSocket.Protocol.NETFILTER), group);
    }

    /** The same in another network namespace. */
    public static PacketLog openIn(Kernel kernel, Fd namespace, int group) throws IOException {
        return listen(kernel, NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.NETFILTER), group);
    }

    private static PacketLog listen(Kernel kernel, NetlinkSocket socket, int group) throws IOException {
        try {
            kernel.run(OpList.of(NetlinkOps.receiveBuffer(Arg.of(socket.descriptor()), MAXIMUM_UNREAD)
                    .tolerating(Errno.EPERM)));
            socket.execute(binding(group));
            return new PacketLog(socket, group);
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** One message: the kernel makes the listener first, and lets no packet in before the rest of it is done. */
    static NetlinkMessage binding(int group) {
        if (group < 0 || group > 0xffff) {
            throw new IllegalArgumentException("not a group of the packet log: " + group);
        }
        // struct nfgenmsg, whose res_id is the group; struct nfulnl_msg_config_cmd; struct nfulnl_msg_config_mode
        MessageWriter body = new MessageWriter()
                .u8(0)
                .u8(0)
                .networkU16(group)
                .attribute8(NFULA_CFG_CMD, NFULNL_CFG_CMD_BIND)
                .attribute(NFULA_CFG_MODE, new byte[] {0, 0, 0, (byte) MAXIMUM_COPY, NFULNL_COPY_PACKET, 0})
                .network32(NFULA_CFG_TIMEOUT, MAXIMUM_WAIT)
                .network32(NFULA_CFG_QTHRESH, MAXIMUM_WAITING)
                .network16(NFULA_CFG_FLAGS, NFULNL_CFG_F_SEQ);
        return new NetlinkMessage(
                "NFULNL_MSG_CONFIG", "group " + group, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0, body);
    }

    /**
     * Waits for packets.
     *
     * @param nanoseconds the longest to wait, or {@link Poll#FOREVER}
     * @return those that are there, in their order; empty when the time is over, or only packets came that cannot be read
     * @throws SyscallException if the socket does not work
     */
    public List<LoggedPacket> read(long nanoseconds) throws IOException {
        if (Poll.await(nanoseconds, Poll.Interest.reading(socket.descriptor())) == 0) {
            return List.of();
        }
        List<LoggedPacket> packets = new ArrayList<>();
        for (Frame frame : socket.receive(MAXIMUM_RECEIVES).frames()) {
            if (frame.type() == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET)) {
                try {
                    packet(frame).ifPresent(packets::add);
                } catch (ProtocolException e) {
                    lost.increment(); // whoever sent it made something that is no packet
                }
            }
        }
        return packets;
    }

    /** How many packets could not be told of. */
    public long lost() {
        return lost.sum();
    }

    private Optional<LoggedPacket> packet(Frame frame) throws ProtocolException {
        List<Payload.Attribute> attributes = frame.body().attributes(NftMessages.NFGENMSG_SIZE);
        Optional<Payload> number = Payload.find(attributes, NFULA_SEQ);
        if (number.isPresent()) {
            count(number.get().network32());
        }
        Optional<Payload> packet = Payload.find(attributes, NFULA_PAYLOAD);
        if (packet.isEmpty()) {
            return Optional.empty();
        }
        Optional<Payload> prefix = Payload.find(attributes, NFULA_PREFIX);
        Optional<Payload> input = Payload.find(attributes, NFULA_IFINDEX_INDEV);
        return Optional.of(LoggedPacket.read(
                prefix.isPresent() ? prefix.get().text() : "",
                input.isPresent() ? input.get().network32() : 0,
                packet.get()));
    }

    /** The kernel numbers the packets of a listener; what is missing is lost. */
    private void count(int number) {
        int gap = number - expected;
        if (begun && gap > 0) {
            lost.add(gap);
        }
        begun = true;
        expected = number + 1;
    }

    @Override
    public String toString() {
        return "group " + group + " of the packet log";
    }

    /** Whoever reads must have ended. */
    @Override
    public void close() {
        socket.close();
    }
}
