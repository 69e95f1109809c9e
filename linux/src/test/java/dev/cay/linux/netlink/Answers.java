package dev.cay.linux.netlink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What a kernel could say, byte by byte. */
final class Answers {
    static final int NLM_F_CAPPED = 0x100;
    static final int NLM_F_ACK_TLVS = 0x200;

    private final List<byte[]> frames = new ArrayList<>();

    /** A message with any body. */
    Answers frame(int type, int flags, int sequence, byte[] body) {
        int size = 16 + body.length;
        frames.add(ByteBuffer.allocate(MessageWriter.align(size))
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(size)
                .putShort((short) type)
                .putShort((short) flags)
                .putInt(sequence)
                .putInt(4711)
                .put(body)
                .array());
        return this;
    }

    /** An acknowledgement, or the refusal of a request. */
    Answers error(int sequence, int errno) {
        return frame(Frame.NLMSG_ERROR, NLM_F_CAPPED, sequence, body(errno, new byte[0]));
    }

    /** A refusal with words; the offset of what is wrong, or -1. */
    Answers error(int sequence, int errno, String text, int offset) {
        MessageWriter attributes = new MessageWriter();
        if (!text.isEmpty()) {
            attributes.text(1, text);
        }
        if (offset >= 0) {
            attributes.attribute32(2, offset);
        }
        return frame(Frame.NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, sequence, body(errno, attributes.bytes()));
    }

    private static byte[] body(int errno, byte[] attributes) {
        return ByteBuffer.allocate(20 + attributes.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(-errno)
                .putInt(16)
                .position(20)
                .put(attributes)
                .array();
    }

    /** The end of a dump. */
    Answers done(int flags, int sequence, int errno) {
        return frame(
                Frame.NLMSG_DONE,
                flags,
                sequence,
                new MessageWriter().u32(-errno).bytes());
    }

    byte[] datagram() {
        ByteBuffer all = ByteBuffer.allocate(
                frames.stream().mapToInt(frame -> frame.length).sum());
        frames.forEach(all::put);
        return all.array();
    }
}
