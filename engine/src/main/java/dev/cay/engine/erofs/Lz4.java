package dev.cay.engine.erofs;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Compresses into the LZ4 block format (lz4_Block_format.md), quickly rather than well: one candidate for each match, found by
 * the hash of four bytes. Not thread-safe; takes memory once.
 */
final class Lz4 {
    /** How much can be compressed at once: all offsets fit their 16 bits. */
    static final int MAXIMUM_INPUT = 64 * 1024;

    private static final int MINIMUM_MATCH = 4;

    /** The last bytes are literals, and the last match begins so long before the end: the format's rules. */
    private static final int LAST_LITERALS = 5;

    private static final int MATCH_END = 12;
    private static final int HASH_BITS = 13;
    private static final int HASH_FACTOR = 0x9E3779B1;
    private static final int SKIP_SHIFT = 6;
    private static final int LONG_COUNT = 15;
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final int[] table = new int[1 << HASH_BITS];
    private byte[] source;
    private byte[] target;
    private int written;

    /**
     * Compresses.
     *
     * @param limit how many bytes the result may have
     * @return how many it has; -1 if they would be more
     */
    int compress(byte[] input, int length, byte[] output, int limit) {
        if (length > MAXIMUM_INPUT || limit > output.length) {
            throw new IllegalArgumentException("too much");
        }
        source = input;
        target = output;
        written = 0;
        // In variables of its own: fields would be read anew at each position.
        int[] seen = table;
        byte[] bytes = input;
        Arrays.fill(seen, -1);
        int anchor = 0;
        int position = 1;
        if (length > MATCH_END) {
            seen[hash(bytes, 0)] = 0;
        }
        while (true) {
            int match = -1;
            int tries = 1 << SKIP_SHIFT;
            while (position <= length - MATCH_END) {
                int value = (int) INT.get(bytes, position);
                int slot = value * HASH_FACTOR >>> 32 - HASH_BITS;
                match = seen[slot];
                seen[slot] = position;
                if (match >= 0 && (int) INT.get(bytes, match) == value) {
                    break;
                }
                match = -1;
                position += tries++ >>> SKIP_SHIFT;
            }
            if (match < 0) {
                return last(anchor, length, limit) ? written : -1;
            }
            while (position > anchor && match > 0 && bytes[position - 1] == bytes[match - 1]) {
                position--;
                match--;
            }
            int count = MINIMUM_MATCH + same(position + MINIMUM_MATCH, match + MINIMUM_MATCH, length - LAST_LITERALS);
            if (!sequence(anchor, position, position - match, count - MINIMUM_MATCH, limit)) {
                return -1;
            }
            position += count;
            anchor = position;
            if (position <= length - MATCH_END) {
                seen[hash(bytes, position - 2)] = position - 2;
            }
        }
    }

    private static int hash(byte[] bytes, int position) {
        return (int) INT.get(bytes, position) * HASH_FACTOR >>> 32 - HASH_BITS;
    }

    /** How many bytes from two positions on are the same, before the end. */
    private int same(int later, int earlier, int end) {
        int start = later;
        while (later + Long.BYTES <= end) {
            long difference = (long) LONG.get(source, later) ^ (long) LONG.get(source, earlier);
            if (difference != 0) {
                return later - start + (Long.numberOfTrailingZeros(difference) >>> 3);
            }
            later += Long.BYTES;
            earlier += Long.BYTES;
        }
        while (later < end && source[later] == source[earlier]) {
            later++;
            earlier++;
        }
        return later - start;
    }

    private boolean sequence(int from, int to, int offset, int count, int limit) {
        int literals = to - from;
        if (written + 1 + literals + literals / 255 + 1 + 2 + count / 255 + 1 > limit) {
            return false;
        }
        int token = written++;
        target[token] = (byte) (Math.min(literals, LONG_COUNT) << 4 | Math.min(count, LONG_COUNT));
        literals(from, literals);
        target[written++] = (byte) offset;
        target[written++] = (byte) (offset >>> 8);
        count(count);
        return true;
    }

    private boolean last(int from, int to, int limit) {
        int literals = to - from;
        if (written + 1 + literals + literals / 255 + 1 > limit) {
            return false;
        }
        target[written++] = (byte) (Math.min(literals, LONG_COUNT) << 4);
        literals(from, literals);
        return true;
    }

    private void literals(int from, int literals) {
        count(literals);
        System.arraycopy(source, from, target, written, literals);
        written += literals;
    }

    private void count(int count) {
        if (count < LONG_COUNT) {
            return;
        }
        int rest = count - LONG_COUNT;
        for (; rest >= 255; rest -= 255) {
            target[written++] = (byte) 255;
        }
        target[written++] = (byte) rest;
    }

    /**
     * Undoes it.
     *
     * @param packed may begin with zeros, which no block does
     * @param length of what comes out
     * @throws IOException if it is damaged
     */
    static byte[] expand(byte[] packed, int length) throws IOException {
        byte[] output = new byte[length];
        int in = 0;
        while (in < packed.length && packed[in] == 0) {
            in++;
        }
        int out = 0;
        try {
            while (in < packed.length) {
                int token = packed[in++] & 0xFF;
                int literals = token >>> 4;
                for (int more = literals == LONG_COUNT ? 255 : 0; more == 255; literals += more) {
                    more = packed[in++] & 0xFF;
                }
                System.arraycopy(packed, in, output, out, literals);
                in += literals;
                out += literals;
                if (in == packed.length) {
                    break;
                }
                int offset = packed[in] & 0xFF | (packed[in + 1] & 0xFF) << 8;
                in += 2;
                int count = token & LONG_COUNT;
                for (int more = count == LONG_COUNT ? 255 : 0; more == 255; count += more) {
                    more = packed[in++] & 0xFF;
                }
                for (int i = 0; i < count + MINIMUM_MATCH; i++) {
                    output[out] = output[out - offset];
                    out++;
                }
            }
        } catch (IndexOutOfBoundsException e) {
            throw new IOException("a cluster is damaged", e);
        }
        if (out != length) {
            throw new IOException("a cluster is damaged");
        }
        return output;
    }
}
