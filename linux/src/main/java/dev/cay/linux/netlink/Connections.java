package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/** The connections that the kernel keeps track of, in one network namespace. Thread-safe. */
public final class Connections implements AutoCloseable {
    private static final int NFNL_SUBSYS_CTNETLINK = 1;
    private static final int IPCTNL_MSG_CT_GET = 1;
    private static final int IPCTNL_MSG_CT_DELETE = 2;
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

    private final NetlinkSocket socket;

    /** @param socket of {@link NetlinkSocket.Protocol#NETFILTER}; closed with this */
    public Connections(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Of the network namespace that this process lives in. */
    public static Connections open(Kernel kernel) throws SyscallException {
        return new Connections(NetlinkSocket.open(kernel, NetlinkSocket.Protocol.NETFILTER));
    }

    /**
     * Forgets all that an address has begun and all that has been answered by it, so that nothing that still comes is taken
     * for a part of them.
     *
     * @return how many there were
     */
    public int forget(InetAddress address) throws IOException {
        return forget(address, CTA_TUPLE_ORIG) + forget(address, CTA_TUPLE_REPLY);
    }

    private int forget(InetAddress address, int tuple) throws IOException {
        int forgotten = 0;
        for (Frame frame :
                socket.dump(message("IPCTNL_MSG_CT_GET", address, IPCTNL_MSG_CT_GET, filter(address, tuple)))) {
            List<Payload.Attribute> attributes =
                    Payload.reading(() -> frame.body().attributes(NftMessages.NFGENMSG_SIZE));
            Optional<Payload> original = Payload.find(attributes, CTA_TUPLE_ORIG);
            Optional<Payload> id = Payload.find(attributes, CTA_ID);
            if (original.isPresent() && id.isPresent()) {
                MessageWriter body = NftMessages.head(Families.family(address))
                        .nested(CTA_TUPLE_ORIG, original.get().bytes())
                        .attribute(CTA_ID, id.get().bytes());
                try {
                    socket.execute(message("IPCTNL_MSG_CT_DELETE", address, IPCTNL_MSG_CT_DELETE, body));
                    forgotten++;
                } catch (NetlinkException e) {
                    if (!e.is(Errno.ENOENT)) { // it has just ended by itself
                        throw e;
                    }
                }
            }
        }
        return forgotten;
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

    private static NetlinkMessage message(String name, InetAddress address, int message, MessageWriter body) {
        return new NetlinkMessage(name, address.getHostAddress(), NFNL_SUBSYS_CTNETLINK << 8 | message, 0, body);
    }

    @Override
    public void close() {
        socket.close();
    }
}
