package dev.cay.engine.archive;

import dev.cay.engine.archive.TarException.Reason;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

/**
 * The 512 bytes before an entry: ustar of POSIX.1-1988, and what came before and beside it. See tar(5) of libarchive and "Tar
 * Internals" of GNU tar. Reused from entry to entry.
 */
final class HeaderBlock {
    static final int LENGTH = 512;

    /** Where things stand. A number is octal digits up to a space or NUL, or base 256 if the first bit is set (GNU). */
    enum Field {
        NAME(0, 100),
        MODE(100, 8),
        UID(108, 8),
        GID(116, 8),
        SIZE(124, 12),
        MTIME(136, 12),
        CHECKSUM(148, 8),
        TYPE(156, 1),
        LINK(157, 100),
        MAGIC(257, 8),
        MAJOR(329, 8),
        MINOR(337, 8),
        PREFIX(345, 155);

        private final int offset;
        private final int length;

        Field(int offset, int length) {
            this.offset = offset;
            this.length = length;
        }

        int length() {
            return length;
        }

        private int end() {
            return offset + length;
        }

        /** Whether a number can be written in octal digits. */
        boolean holds(long number) {
            return number >= 0 && number < 1L << 3 * (length - 1);
        }
    }

    private static final byte[] USTAR = "ustar\00000".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] STAR = "tar\0".getBytes(StandardCharsets.US_ASCII);

    /** The version that follows is not looked at: writers differ. */
    private static final int MAGIC_LENGTH = 6;

    /** Star keeps times behind a shorter prefix. */
    private static final int STAR_PREFIX = 131;

    private final byte[] bytes = new byte[LENGTH];

    /** To be filled, or written. */
    byte[] bytes() {
        return bytes;
    }

    boolean isZero() {
        for (byte b : bytes) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** Some old writers took bytes as signed. */
    void verify() throws TarException {
        long expected = octal(Field.CHECKSUM);
        if (expected < 0 || expected != sum(0xFF) && expected != sum(~0)) {
            throw new TarException(Reason.BAD_CHECKSUM, "its header is damaged, or is none");
        }
    }

    private int sum(int mask) {
        int sum = ' ' * Field.CHECKSUM.length;
        for (byte b : bytes) {
            sum += b & mask;
        }
        for (int i = Field.CHECKSUM.offset; i < Field.CHECKSUM.end(); i++) {
            sum -= bytes[i] & mask;
        }
        return sum;
    }

    byte type() {
        return bytes[Field.TYPE.offset];
    }

    /** The name with its prefix, which GNU has not: it keeps other things there. */
    ByteString name() {
        if (!isUstar() || bytes[Field.PREFIX.offset] == 0) {
            return text(Field.NAME);
        }
        int start = Field.PREFIX.offset;
        boolean star = Arrays.equals(bytes, LENGTH - STAR.length, LENGTH, STAR, 0, STAR.length);
        int prefix = end(start, star ? STAR_PREFIX : Field.PREFIX.length) - start;
        int name = end(Field.NAME.offset, Field.NAME.length) - Field.NAME.offset;
        byte[] joined = Arrays.copyOfRange(bytes, start, start + prefix + 1 + name);
        joined[prefix] = '/';
        System.arraycopy(bytes, Field.NAME.offset, joined, prefix + 1, name);
        return ByteString.of(joined);
    }

    private boolean isUstar() {
        int magic = Field.MAGIC.offset;
        return Arrays.equals(bytes, magic, magic + MAGIC_LENGTH, USTAR, 0, MAGIC_LENGTH);
    }

    ByteString text(Field field) {
        return ByteString.of(bytes, field.offset, end(field.offset, field.length));
    }

    private int end(int start, int maximum) {
        int end = start;
        while (end < start + maximum && bytes[end] != 0) {
            end++;
        }
        return end;
    }

    long number(Field field) throws TarException {
        if (bytes[field.offset] < 0) {
            return binary(field);
        }
        long number = octal(field);
        if (number < 0) {
            throw bad(field);
        }
        return number;
    }

    /** A number that must not be negative, nor above the maximum. */
    long number(Field field, long maximum) throws TarException {
        long number = number(field);
        if (number < 0 || number > maximum) {
            throw bad(field);
        }
        return number;
    }

    /** What is not filled in counts as 0, and what is no number as -1. */
    private long octal(Field field) {
        int at = field.offset;
        while (at < field.end() && bytes[at] == ' ') {
            at++;
        }
        long number = 0;
        for (; at < field.end() && bytes[at] >= '0' && bytes[at] <= '7'; at++) {
            number = number << 3 | bytes[at] - '0';
        }
        return at == field.end() || bytes[at] == ' ' || bytes[at] == 0 ? number : -1;
    }

    /** Two's complement, the most significant byte first, without the bit that says so. */
    private long binary(Field field) throws TarException {
        long number = (byte) (bytes[field.offset] << 1) >> 1;
        for (int i = field.offset + 1; i < field.end(); i++) {
            if (number << 8 >> 8 != number) {
                throw bad(field);
            }
            number = number << 8 | bytes[i] & 0xFF;
        }
        return number;
    }

    private TarException bad(Field field) {
        return new TarException(Reason.BAD_NUMBER, "its " + field.name().toLowerCase(Locale.ROOT) + " is not possible");
    }

    void clear() {
        Arrays.fill(bytes, (byte) 0);
    }

    /** Writes as much as there is room for. */
    void put(Field field, ByteString text) {
        text.slice(0, Math.min(text.length(), field.length)).copyTo(bytes, field.offset);
    }

    /** Writes a number that the field holds. */
    void put(Field field, long number) {
        long rest = number;
        for (int i = field.end() - 2; i >= field.offset; i--) {
            bytes[i] = (byte) ('0' + (rest & 7));
            rest >>= 3;
        }
    }

    /** Makes a ustar header of the fields. */
    void seal(char type) {
        bytes[Field.TYPE.offset] = (byte) type;
        System.arraycopy(USTAR, 0, bytes, Field.MAGIC.offset, USTAR.length);
        put(Field.CHECKSUM, sum(0xFF));
    }
}
