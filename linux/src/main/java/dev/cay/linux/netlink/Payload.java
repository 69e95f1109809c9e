package dev.cay.linux.netlink;

import dev.cay.linux.Printable;
import java.net.InetAddress;
import java.net.ProtocolException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Bytes of an answer: a body, or the value of one of its attributes. Every access checks that the bytes are there; an
 * answer that is not as it has to be is a {@link ProtocolException}.
 */
final class Payload {
    private static final int NLA_HDRLEN = 4;
    private static final int NLA_TYPE_MASK = ~0xc000;

    private final byte[] array;
    private final int offset;
    private final int length;

    /** @throws IllegalArgumentException if these are not bytes of the array */
    Payload(byte[] array, int offset, int length) {
        if (offset < 0 || length < 0 || length > array.length - offset) {
            throw new IllegalArgumentException(offset + " + " + length + " of " + array.length);
        }
        this.array = array;
        this.offset = offset;
        this.length = length;
    }

    Payload(byte[] array) {
        this(array, 0, array.length);
    }

    /** An attribute: its type without the flags, and its value. */
    record Attribute(int type, Payload value) {}

    int length() {
        return length;
    }

    /** Some of the bytes. */
    Payload part(int position, int size) throws ProtocolException {
        at(position, size);
        return new Payload(array, offset + position, size);
    }

    private ByteBuffer at(int position, int size) throws ProtocolException {
        if (position < 0 || size > length - position) {
            throw new ProtocolException(
                    "netlink: " + size + " bytes expected at " + position + " of " + length + " bytes");
        }
        return ByteBuffer.wrap(array, offset + position, size).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    int u8(int position) throws ProtocolException {
        return at(position, 1).get(0) & 0xff;
    }

    int u16(int position) throws ProtocolException {
        return at(position, 2).getShort(0) & 0xffff;
    }

    int networkU16(int position) throws ProtocolException {
        return at(position, 2).order(ByteOrder.BIG_ENDIAN).getShort(0) & 0xffff;
    }

    int u32(int position) throws ProtocolException {
        return at(position, 4).getInt(0);
    }

    long u64(int position) throws ProtocolException {
        return at(position, 8).getLong(0);
    }

    int network32() throws ProtocolException {
        return at(0, 4).order(ByteOrder.BIG_ENDIAN).getInt(0);
    }

    long network64() throws ProtocolException {
        return at(0, 8).order(ByteOrder.BIG_ENDIAN).getLong(0);
    }

    byte[] bytes() {
        return Arrays.copyOfRange(array, offset, offset + length);
    }

    /** A C string; control characters, which have no business in any name, become question marks. */
    String text() {
        int end = 0;
        while (end < length && array[offset + end] != 0) {
            end++;
        }
        return Printable.text(new String(array, offset, end, StandardCharsets.UTF_8));
    }

    /** An IPv4 address or an IPv6 address, according to the length. */
    InetAddress address() throws ProtocolException {
        try {
            return Families.address(bytes());
        } catch (UnknownHostException e) {
            ProtocolException failure = new ProtocolException("netlink: an address of " + length + " bytes");
            failure.initCause(e);
            throw failure;
        }
    }

    /** All attributes from a position on, in their order. */
    List<Attribute> attributes(int position) throws ProtocolException {
        List<Attribute> attributes = new ArrayList<>();
        // A last attribute may lack its padding, and the kernel may pad the end of a message.
        for (int at = position; length - at >= NLA_HDRLEN; ) {
            int size = u16(at);
            if (size < NLA_HDRLEN || size > length - at) {
                throw new ProtocolException("netlink: an attribute of " + size + " bytes at " + at + " of " + length);
            }
            attributes.add(new Attribute(
                    u16(at + 2) & NLA_TYPE_MASK, new Payload(array, offset + at + NLA_HDRLEN, size - NLA_HDRLEN)));
            at += MessageWriter.align(size);
        }
        return attributes;
    }

    List<Attribute> attributes() throws ProtocolException {
        return attributes(0);
    }

    /** The value of the last attribute of a type, from a position on. */
    Optional<Payload> attribute(int position, int type) throws ProtocolException {
        return find(attributes(position), type);
    }

    Optional<Payload> attribute(int type) throws ProtocolException {
        return attribute(0, type);
    }

    static Optional<Payload> find(List<Attribute> attributes, int type) {
        return attributes.reversed().stream()
                .filter(attribute -> attribute.type() == type)
                .map(Attribute::value)
                .findFirst();
    }

    static Payload need(List<Attribute> attributes, int type, String what) throws ProtocolException {
        return find(attributes, type).orElseThrow(() -> new ProtocolException("netlink: no " + what + " in an answer"));
    }

    /** What reads an answer. */
    interface Reading<T> {
        T read() throws ProtocolException;
    }

    /** What our types refuse to hold cannot have been in an answer. */
    static <T> T reading(Reading<T> reading) throws ProtocolException {
        try {
            return reading.read();
        } catch (IllegalArgumentException e) {
            ProtocolException failure = new ProtocolException("netlink: " + e.getMessage());
            failure.initCause(e);
            throw failure;
        }
    }
}
