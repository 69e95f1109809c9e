package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.List;

/**
 * One message of an answer: {@code struct nlmsghdr { __u32 nlmsg_len; __u16 nlmsg_type, nlmsg_flags; __u32 nlmsg_seq,
 * nlmsg_pid; }} and what follows it.
 */
record Frame(int type, int flags, int sequence, Payload body) {
    static final int NLMSG_NOOP = 1;
    static final int NLMSG_ERROR = 2;
    static final int NLMSG_DONE = 3;

    /** All messages of a datagram. */
    static List<Frame> parse(byte[] datagram) throws ProtocolException {
        Payload all = new Payload(datagram);
        List<Frame> frames = new ArrayList<>();
        for (int at = 0; all.length() - at >= NetlinkMessage.NLMSG_HDRLEN; ) {
            int size = all.u32(at);
            if (size < NetlinkMessage.NLMSG_HDRLEN || size > all.length() - at) {
                throw new ProtocolException("netlink: a message of " + Integer.toUnsignedString(size) + " bytes at "
                        + at + " of " + all.length());
            }
            int body = at + NetlinkMessage.NLMSG_HDRLEN;
            frames.add(new Frame(
                    all.u16(at + 4),
                    all.u16(at + 6),
                    all.u32(at + 8),
                    new Payload(datagram, body, size - NetlinkMessage.NLMSG_HDRLEN)));
            at += MessageWriter.align(size);
        }
        if (frames.isEmpty()) {
            throw new ProtocolException("netlink: a datagram of " + all.length() + " bytes");
        }
        return frames;
    }

    boolean interrupted() {
        return (flags & NetlinkMessage.NLM_F_DUMP_INTR) != 0;
    }
}
