package dev.cay.engine.kernels;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.tukaani.xz.SingleXZInputStream;

/** How kernels, modules and packages are compressed. */
final class Codec {
    /** Of a decompressor: an xz stream can ask for more than any kernel needs. */
    private static final int MAXIMUM_MEMORY_KIB = 256 << 10;

    private static final int LZ4_LEGACY = 0x02214c18;
    private static final int ZSTD = 0x28b52ffd;
    private static final int XZ = 0xfd377a58;
    private static final int GZIP = 0x1f8b;

    private Codec() {}

    /** Whether what begins so ends with a checksum and its size (RFC 1952); kernels put the size behind all others. */
    static boolean isGzip(byte[] start) {
        return start.length > 1 && (start[0] & 0xFF) == GZIP >>> 8 && (start[1] & 0xFF) == (GZIP & 0xFF);
    }

    /**
     * The uncompressed content. What is compressed is told by how it begins; what is not is passed on as it is.
     *
     * @param limit how many bytes may come out; more is an exception
     * @throws BadKernelException if it is compressed in a way that is not known here
     */
    static InputStream open(InputStream source, String what, long limit) throws IOException {
        BufferedInputStream in = new BufferedInputStream(source, 64 * 1024);
        in.mark(4);
        byte[] start = in.readNBytes(4);
        in.reset();
        int magic = 0;
        for (int i = 0; i < 4; i++) {
            magic = magic << 8 | (i < start.length ? start[i] & 0xFF : 0);
        }
        return new Limited(decompressor(in, magic, what), what, limit);
    }

    private static InputStream decompressor(InputStream in, int magic, String what) throws IOException {
        if (magic == LZ4_LEGACY) {
            return new Lz4LegacyInput(in);
        }
        if (magic == ZSTD) {
            return new ZstdInputStreamNoFinalizer(in);
        }
        if (magic == XZ) {
            return new SingleXZInputStream(in, MAXIMUM_MEMORY_KIB);
        }
        if (magic >>> 16 == GZIP) {
            return new GZIPInputStream(in, 64 * 1024);
        }
        if (magic >>> 8 == 0x425a68) {
            throw new BadKernelException(what + " is compressed by bzip2, which is not supported");
        }
        if (magic >>> 8 == 0x5d0000) {
            throw new BadKernelException(what + " is compressed by lzma, which is not supported");
        }
        if (magic == 0x894c5a4f) {
            throw new BadKernelException(what + " is compressed by lzo, which is not supported");
        }
        return in;
    }

    /** Lets no more through than it may: a few kilobytes can become any number. */
    private static final class Limited extends FilterInputStream {
        private final String what;
        private final long limit;
        private long done;

        Limited(InputStream in, String what, long limit) {
            super(in);
            this.what = what;
            this.limit = limit;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int count = in.read(target, offset, length);
            done += Math.max(count, 0);
            if (done > limit) {
                throw new BadKernelException(what + " becomes more than " + (limit >> 20) + " MiB");
            }
            return count;
        }

        @Override
        public long skip(long count) throws IOException {
            return readNBytes((int) Math.min(count, 64 * 1024)).length;
        }

        @Override
        public boolean markSupported() {
            return false;
        }
    }
}
