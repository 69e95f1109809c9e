package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Arg;
import dev.cay.linux.NetlinkOps;
import dev.cay.linux.Op;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One request to the kernel. Made by {@link LinkMessages}, {@link InterfaceAddress}, {@link Route}, {@link Neighbour};
 * immutable. A {@link NetlinkSocket} sends it, or {@link #send} makes it part of a list that runs elsewhere.
 */
public final class NetlinkMessage {
    static final int NLM_F_REQUEST = 1;
    static final int NLM_F_ACK = 4;
    static final int NLM_F_DUMP_INTR = 0x10;
    static final int NLM_F_DUMP = 0x300;
    static final int NLM_F_REPLACE = 0x100;
    static final int NLM_F_EXCL = 0x200;
    static final int NLM_F_CREATE = 0x400;
    static final int NLM_F_APPEND = 0x800;
    static final int NLMSG_HDRLEN = 16;

    private final String name;
    private final String object;
    private final int type;
    private final int flags;
    private final byte[] body;
    private final List<NetlinkOps.Slot> descriptors;
    private final NavigableMap<Integer, Object> parts;

    /**
     * @param name of the message's type in the kernel's headers
     * @param object what it is about, for the reader of an error message
     */
    NetlinkMessage(String name, String object, int type, int flags, MessageWriter body) {
        this(name, object, type, flags, body.bytes(), body.descriptors(), body.parts());
    }

    private NetlinkMessage(
            String name,
            String object,
            int type,
            int flags,
            byte[] body,
            List<NetlinkOps.Slot> descriptors,
            NavigableMap<Integer, Object> parts) {
        this.name = requireNonNull(name, "name is null");
        this.object = requireNonNull(object, "object is null");
        this.type = type;
        this.flags = flags | NLM_F_REQUEST;
        this.body = body;
        this.descriptors = descriptors;
        this.parts = parts;
    }

    /** The name of its type in the kernel's headers: {@code RTM_NEWLINK}. */
    public String name() {
        return name;
    }

    /** What it is about: the name of a link, an address. */
    public String object() {
        return object;
    }

    /** The same with more flags. */
    NetlinkMessage with(int moreFlags) {
        return new NetlinkMessage(name, object, type, flags | moreFlags, body, descriptors, parts);
    }

    /** What the part is about in which a byte of the message stands. */
    Optional<Object> part(int offset) {
        return Optional.ofNullable(parts.floorEntry(offset - NLMSG_HDRLEN)).map(Map.Entry::getValue);
    }

    int flags() {
        return flags;
    }

    int type() {
        return type;
    }

    Payload body() {
        return new Payload(body);
    }

    private int size() {
        return NLMSG_HDRLEN + MessageWriter.align(body.length);
    }

    /**
     * The operation that sends messages in one datagram; the kernel does them in order, and goes on after one that
     * fails. The call succeeds whatever becomes of them: that is in the answers. A message that names a descriptor can
     * be sent by this process only, not by a list that is spawned.
     *
     * @param socket of {@link NetlinkSocket#opening}
     * @param firstSequence the number of the first message; those that follow count on
     */
    public static Op send(Arg socket, List<NetlinkMessage> messages, int firstSequence) {
        int size = messages.stream().mapToInt(NetlinkMessage::size).reduce(0, Math::addExact);
        ByteBuffer datagram = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        List<NetlinkOps.Slot> slots = new ArrayList<>();
        int sequence = firstSequence;
        for (NetlinkMessage message : messages) {
            int start = datagram.position();
            datagram.putInt(NLMSG_HDRLEN + message.body.length)
                    .putShort((short) message.type)
                    .putShort((short) message.flags)
                    .putInt(sequence++)
                    .putInt(0)
                    .put(message.body)
                    .position(start + message.size());
            for (NetlinkOps.Slot slot : message.descriptors) {
                slots.add(new NetlinkOps.Slot(start + NLMSG_HDRLEN + slot.offset(), slot.fd()));
            }
        }
        return NetlinkOps.send(socket, describe(messages), datagram.array(), slots);
    }

    private static String describe(List<NetlinkMessage> messages) {
        int shown = 3;
        return messages.stream().limit(shown).map(NetlinkMessage::toString).collect(Collectors.joining(", "))
                + (messages.size() > shown ? " and " + (messages.size() - shown) + " more" : "");
    }

    @Override
    public String toString() {
        return object.isEmpty() ? name : name + "(" + object + ")";
    }
}
