package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The end of an exchange: how a request, or a dump, has ended, from {@code NLMSG_ERROR} or {@code NLMSG_DONE}.
 *
 * @param errno 0 if it succeeded
 * @param text what the kernel says of it, may be empty
 * @param offset of the attribute in the request that it does not like
 */
record Answer(int errno, String text, OptionalInt offset) {
    private static final int NLM_F_CAPPED = 0x100;
    private static final int NLM_F_ACK_TLVS = 0x200;
    private static final int NLMSGERR_ATTR_MSG = 1;
    private static final int NLMSGERR_ATTR_OFFS = 2;
    private static final int NLMSGERR_ATTR_MISS_TYPE = 5;

    /**
     * {@code struct nlmsgerr { int error; struct nlmsghdr msg; }}, the request's body if it is not capped, attributes.
     */
    static Answer ofError(Frame frame) throws ProtocolException {
        int errno = -frame.body().u32(0);
        if (errno < 0) {
            throw new ProtocolException("netlink: not an error number: " + errno);
        }
        if ((frame.flags() & NLM_F_ACK_TLVS) == 0) {
            return plain(errno);
        }
        int request = NetlinkMessage.NLMSG_HDRLEN;
        if ((frame.flags() & NLM_F_CAPPED) == 0) {
            request = frame.body().u32(4);
            if (request < NetlinkMessage.NLMSG_HDRLEN || request > frame.body().length() - 4) {
                throw new ProtocolException("netlink: an error about a request of " + request + " bytes");
            }
        }
        return extended(errno, frame.body(), 4 + MessageWriter.align(request));
    }

    /** An error number, and attributes behind it. */
    static Answer ofDone(Frame frame) throws ProtocolException {
        if (frame.body().length() < 4) {
            return plain(0);
        }
        int errno = -frame.body().u32(0);
        if (errno <= 0) {
            return plain(0); // some protocols say here how many they had
        }
        return (frame.flags() & NLM_F_ACK_TLVS) == 0 ? plain(errno) : extended(errno, frame.body(), 4);
    }

    private static Answer plain(int errno) {
        return new Answer(errno, "", OptionalInt.empty());
    }

    private static Answer extended(int errno, Payload body, int position) throws ProtocolException {
        if (position > body.length()) {
            return plain(errno);
        }
        List<Payload.Attribute> attributes = body.attributes(position);
        Optional<Payload> message = Payload.find(attributes, NLMSGERR_ATTR_MSG);
        Optional<Payload> missing = Payload.find(attributes, NLMSGERR_ATTR_MISS_TYPE);
        Optional<Payload> offset = Payload.find(attributes, NLMSGERR_ATTR_OFFS);
        String text = "";
        if (message.isPresent()) {
            text = message.get().text();
        } else if (missing.isPresent()) {
            text = "attribute " + missing.get().u32(0) + " is missing";
        }
        return new Answer(
                errno, text, offset.isPresent() ? OptionalInt.of(offset.get().u32(0)) : OptionalInt.empty());
    }
}
