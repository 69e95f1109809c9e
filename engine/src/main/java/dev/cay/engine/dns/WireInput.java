package dev.cay.engine.dns;

import java.util.Arrays;

/** Reads a message octet by octet; whatever is not there is a {@link MalformedMessageException}. Not thread-safe. */
final class WireInput {
    private static final int POINTER = 0xc0;

    /** A name that was compressed by one that means well follows one pointer a label at most; it has up to 127 labels. */
    private static final int MAXIMUM_POINTERS = 128;

    private final byte[] bytes;
    private final int end;
    private int position;

    WireInput(byte[] bytes, int length) {
        this.bytes = bytes;
        end = length;
    }

    int position() {
        return position;
    }

    int remaining() {
        return end - position;
    }

    private int octet(int at) throws MalformedMessageException {
        if (at >= end) {
            throw new MalformedMessageException("cut off at " + end);
        }
        return bytes[at] & 0xff;
    }

    int u8() throws MalformedMessageException {
        return octet(position++);
    }

    int u16() throws MalformedMessageException {
        return u8() << 8 | u8();
    }

    long u32() throws MalformedMessageException {
        return (long) u16() << 16 | u16();
    }

    byte[] bytes(int length) throws MalformedMessageException {
        if (length > remaining()) {
            throw new MalformedMessageException(length + " octets expected, " + remaining() + " there");
        }
        byte[] copy = Arrays.copyOfRange(bytes, position, position + length);
        position += length;
        return copy;
    }

    /** A name, which may go on where an earlier one does: pointers lead backwards only, so that it comes to an end. */
    DnsName name() throws MalformedMessageException {
        byte[] name = new byte[DnsName.MAXIMUM_LENGTH];
        int length = 0;
        int at = position;
        int earliest = position;
        int pointers = 0;
        while (true) {
            int label = octet(at);
            if ((label & POINTER) == POINTER) {
                int target = (label & ~POINTER) << 8 | octet(at + 1);
                if (target >= earliest || ++pointers > MAXIMUM_POINTERS) {
                    throw new MalformedMessageException("a pointer to " + target + " at " + at);
                }
                if (pointers == 1) {
                    position = at + 2;
                }
                earliest = target;
                at = target;
            } else if (label > DnsName.MAXIMUM_LABEL) {
                throw new MalformedMessageException("a label of kind " + (label >> 6));
            } else if (length + 1 + label > DnsName.MAXIMUM_LENGTH) {
                throw new MalformedMessageException("a name that is too long");
            } else {
                octet(at + label);
                System.arraycopy(bytes, at, name, length, label + 1);
                length += label + 1;
                at += label + 1;
                if (label == 0) {
                    if (pointers == 0) {
                        position = at;
                    }
                    return DnsName.ofWire(name, length);
                }
            }
        }
    }
}
