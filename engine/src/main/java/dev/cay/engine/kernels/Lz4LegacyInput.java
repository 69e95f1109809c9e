package dev.cay.engine.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/**
 * Reads the LZ4 legacy frame format, in which kernels are compressed: a magic number, then blocks of at most 8 MiB, each behind its
 * compressed size (lz4_Frame_format.md, lz4_Block_format.md). It ends with its source.
 */
final class Lz4LegacyInput extends InputStream {
    private static final int BLOCK = 8 << 20;

    /** Of a block that cannot be compressed: LZ4_compressBound. */
    private static final int MAXIMUM_COMPRESSED = BLOCK + BLOCK / 255 + 16;

    private static final int MAGIC = 0x184c2102;

    private final InputStream source;
    private final byte[] block = new byte[BLOCK];
    private byte[] compressed = {};
    private int inputEnd;
    private int position;
    private int limit;
    private boolean ended;

    Lz4LegacyInput(InputStream source) throws IOException {
        this.source = source;
        if (number(source.readNBytes(4)) != MAGIC) {
            throw new BadKernelException("it is no LZ4 legacy frame");
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, target.length);
        if (length == 0) {
            return 0;
        }
        while (position == limit) {
            if (ended || !next()) {
                ended = true;
                return -1;
            }
        }
        int count = Math.min(length, limit - position);
        System.arraycopy(block, position, target, offset, count);
        position += count;
        return count;
    }

    private boolean next() throws IOException {
        byte[] header = source.readNBytes(4);
        if (header.length == 0) {
            return false;
        }
        int size = number(header);
        if (header.length < 4 || size <= 0 || size > MAXIMUM_COMPRESSED) {
            throw damaged();
        }
        if (compressed.length < size) {
            compressed = new byte[size];
        }
        inputEnd = source.readNBytes(compressed, 0, size);
        if (inputEnd < size) {
            throw damaged();
        }
        position = 0;
        limit = 0;
        limit = decompress();
        return true;
    }

    private int decompress() throws IOException {
        int in = 0;
        int out = 0;
        while (in < inputEnd) {
            int token = compressed[in++] & 0xFF;
            int literals = token >>> 4;
            if (literals == 15) {
                int more;
                do {
                    more = byteAt(in++);
                    literals += more;
                } while (more == 255);
            }
            if (literals < 0 || literals > inputEnd - in || literals > BLOCK - out) {
                throw damaged();
            }
            System.arraycopy(compressed, in, block, out, literals);
            in += literals;
            out += literals;
            if (in == inputEnd) {
                return out; // the last sequence has literals only
            }
            int distance = byteAt(in) | byteAt(in + 1) << 8;
            in += 2;
            int length = (token & 15) + 4;
            if (length == 19) {
                int more;
                do {
                    more = byteAt(in++);
                    length += more;
                } while (more == 255);
            }
            if (distance == 0 || distance > out || length < 0 || length > BLOCK - out) {
                throw damaged();
            }
            copy(out, distance, length);
            out += length;
        }
        throw damaged();
    }

    /** The two may overlap: then what has just been written is copied again. */
    private void copy(int at, int distance, int length) {
        if (distance >= length) {
            System.arraycopy(block, at - distance, block, at, length);
            return;
        }
        for (int i = at; i < at + length; i++) {
            block[i] = block[i - distance];
        }
    }

    private int byteAt(int index) throws IOException {
        if (index >= inputEnd) {
            throw damaged();
        }
        return compressed[index] & 0xFF;
    }

    private static IOException damaged() {
        return new BadKernelException("its LZ4 blocks are damaged");
    }

    private static int number(byte[] bytes) {
        int number = 0;
        for (int i = 0; i < bytes.length; i++) {
            number |= (bytes[i] & 0xFF) << 8 * i;
        }
        return number;
    }

    @Override
    public void close() throws IOException {
        source.close();
    }
}
