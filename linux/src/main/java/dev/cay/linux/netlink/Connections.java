package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** The connections that the kernel keeps track of, in one network namespace. Thread-safe. */
public final class Connections implements AutoCloseable {
    private static final int NFNL_SUBSYS_CTNETLINK = 1;
    private static final int IPCTNL_MSG_CT_GET = 1;
    private static final int IPCTNL_MSG_CT_DELETE = 2;
    private static final int IPCTNL_MSG_CT_GET_STATS = 5;
    private static final int CTA_STATS_GLOBAL_ENTRIES = 1;
    private static final int CTA_TUPLE_ORIG = 1;
    private static final int CTA_TUPLE_REPLY = 2;
    private static final int CTA_ID = 12;
    private static final int CTA_FILTER = 25;
    private static final int CTA_TUPLE_IP = 1;
    private static final int CTA_IP_V4_SRC = 1;
    private static final int CTA_IP_V6_SRC = 3;
    private static final int CTA_FILTER_ORIG_FLAGS = 1;
    private static final int CTA_FILTER_REPLY_FLAGS = 2;

    /** The kernel's own header keeps it to itself: a filter's tuple has a source address. */
    private static final int FILTER_SOURCE = 1;

    /** So many are all looked at, rather than let the kernel walk through its table for each address. */
    private static final int MAXIMUM_LISTED = 10_000;

    private final NetlinkSocket socket;

    /** @param socket of {@link NetlinkSocket.Protocol#NETFILTER}; closed with this */
    public Connections(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Of the network namespace that this process lives in. */
    public static Connections open(Kernel kernel) throws SyscallException {
        return new Connections(NetlinkSocket.open(kernel, NetlinkSocket.Protocol.NETFILTER));
    }

    /** Of another network namespace. */
    public static Connections openIn(Kernel kernel, Fd namespace) throws SyscallException {
        return new Connections(NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.NETFILTER));
    }

    /** How many there are. */
    public int count() throws IOException {
        Frame answer = socket.ask(message("IPCTNL_MSG_CT_GET_STATS", "", IPCTNL_MSG_CT_GET_STATS, NftMessages.head(0)));
        return Payload.reading(() -> Payload.need(
                        answer.body().attributes(NftMessages.NFGENMSG_SIZE),
                        CTA_STATS_GLOBAL_ENTRIES,
                        "number of connections")
                .network32());
    }

    /**
     * Forgets all that addresses have begun and all that has been answered by them, so that nothing that still comes is taken
     * for a part of them.
     *
     * @return how many there were
     */
    public int forget(Collection<InetAddress> addresses) throws IOException {
        return forget(addresses, MAXIMUM_LISTED);
    }

    /** The same; the kernel is asked for each address if there are more connections than these. */
    public int forget(Collection<InetAddress> addresses, int listed) throws IOException {
        if (addresses.isEmpty()) {
            return 0;
        }
        List<Frame> frames = new ArrayList<>();
        if (count() <= listed) {
            frames.addAll(socket.dump(message("IPCTNL_MSG_CT_GET", "", IPCTNL_MSG_CT_GET, NftMessages.head(0))));
        } else {
            for (InetAddress address : addresses) {
                for (int tuple : new int[] {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY}) {
                    frames.addAll(socket.dump(message(
                            "IPCTNL_MSG_CT_GET", address.getHostAddress(), IPCTNL_MSG_CT_GET, filter(address, tuple))));
                }
            }
        }
        int forgotten = 0;
        for (Frame frame : frames) {
            forgotten += forget(frame, addresses) ? 1 : 0;
        }
        return forgotten;
    }

    private boolean forget(Frame frame, Collection<InetAddress> addresses) throws IOException {
        List<Payload.Attribute> attributes = Payload.reading(() -> frame.body().attributes(NftMessages.NFGENMSG_SIZE));
        Optional<Payload> original = Payload.find(attributes, CTA_TUPLE_ORIG);
        Optional<Payload> reply = Payload.find(attributes, CTA_TUPLE_REPLY);
        Optional<Payload> id = Payload.find(attributes, CTA_ID);
        if (original.isEmpty()
                || reply.isEmpty()
                || id.isEmpty()
                || !addresses.contains(source(original.get())) && !addresses.contains(source(reply.get()))) {
            return false;
        }
        MessageWriter body = NftMessages.head(frame.body().u8(0))
                .nested(CTA_TUPLE_ORIG, original.get().bytes())
                .attribute(CTA_ID, id.get().bytes());
        try {
            socket.execute(message(
                    "IPCTNL_MSG_CT_DELETE", source(original.get()).getHostAddress(), IPCTNL_MSG_CT_DELETE, body));
            return true;
        } catch (NetlinkException e) {
            if (e.is(Errno.ENOENT)) { // it has just ended by itself
                return false;
            }
            throw e;
        }
    }

    private static InetAddress source(Payload tuple) throws ProtocolException {
        List<Payload.Attribute> ip =
                Payload.need(tuple.attributes(), CTA_TUPLE_IP, "addresses").attributes();
        Optional<Payload> ipv4 = Payload.find(ip, CTA_IP_V4_SRC);
        return ipv4.isPresent()
                ? ipv4.get().address()
                : Payload.need(ip, CTA_IP_V6_SRC, "source").address();
    }

    private static MessageWriter filter(InetAddress address, int tuple) {
        int source = address.getAddress().length == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
        boolean original = tuple == CTA_TUPLE_ORIG;
        return NftMessages.head(Families.family(address))
                .nest(tuple, part -> part.nest(CTA_TUPLE_IP, ip -> ip.attribute(source, address.getAddress())))
                .nest(
                        CTA_FILTER,
                        flags -> flags.attribute32(CTA_FILTER_ORIG_FLAGS, original ? FILTER_SOURCE : 0)
                                .attribute32(CTA_FILTER_REPLY_FLAGS, original ? 0 : FILTER_SOURCE));
    }

    private static NetlinkMessage message(String name, String object, int message, MessageWriter body) {
        return new NetlinkMessage(name, object, NFNL_SUBSYS_CTNETLINK << 8 | message, 0, body);
    }

    @Override
    public void close() {
        socket.close();
    }
}
