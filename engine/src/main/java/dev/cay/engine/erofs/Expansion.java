package dev.cay.engine.erofs;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import dev.cay.engine.erofs.LayerException.Reason;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An archive as it comes, uncompressed: plain, gzip (RFC 1952, any number of members) or zstd (RFC 8878, any number of frames).
 * Counts and digests what comes out, and stops when it is more than the limits allow. Not thread-safe.
 */
final class Expansion extends InputStream {
    private static final int BUFFER = 64 * 1024;

    private final Source source;
    private final InputStream decompressor;
    private final InputStream expanded;
    private final boolean compressed;
    private final LayerLimits limits;
    private final MessageDigest digest;
    private long size;

    /** @param source is not closed */
    Expansion(InputStream source, LayerLimits limits) throws IOException {
        this.source = new Source(source);
        this.limits = limits;
        byte[] magic = this.source.peek(4);
        if (starts(magic, 0x1F, 0x8B)) {
            decompressor = gzip();
        } else if (starts(magic, 0x28, 0xB5, 0x2F, 0xFD) || isSkippableFrame(magic)) {
            decompressor = zstd();
        } else if (starts(magic, 0xFD, '7', 'z', 'X') || starts(magic, 'B', 'Z', 'h')) {
            throw new LayerException(
                    Reason.UNSUPPORTED_COMPRESSION, "it is compressed by xz or bzip2; layers are plain, gzip or zstd");
        } else {
            decompressor = this.source;
        }
        compressed = decompressor != this.source;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
        expanded = compressed ? new Readahead(decompressor) : decompressor;
    }

    private InputStream gzip() throws IOException {
        try {
            return new GZIPInputStream(source, BUFFER);
        } catch (ZipException | EOFException e) {
            throw damaged(e);
        }
    }

    private InputStream zstd() throws IOException {
        try {
            return new ZstdInputStreamNoFinalizer(source);
        } catch (IllegalCallerException | UnsatisfiedLinkError e) {
            throw new LayerException(
                    Reason.UNSUPPORTED_COMPRESSION,
                    "it is compressed by zstd, whose library cannot be loaded: " + e.getMessage(),
                    e);
        }
    }

    private static boolean starts(byte[] bytes, int... magic) {
        if (bytes.length < magic.length) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((bytes[i] & 0xFF) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    /** What some writers put before the first frame. */
    private static boolean isSkippableFrame(byte[] bytes) {
        return bytes.length == 4
                && (bytes[0] & 0xF0) == 0x50
                && starts(new byte[] {bytes[1], bytes[2], bytes[3]}, 0x2A, 0x4D, 0x18);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        int count = expand(target, offset, length);
        if (count > 0) {
            digest.update(target, offset, count);
            size += count;
            if (size > limits.size()) {
                throw new LayerException(Reason.TOO_LARGE, "the layer is more than " + limits.size() + " bytes");
            }
            if (compressed
                    && size > LayerLimits.EXPANSION_GRACE
                    && size / limits.expansion() > Math.max(1, source.taken())) {
                throw new LayerException(
                        Reason.EXPANDS_TOO_MUCH,
                        "the layer expands to more than " + limits.expansion() + " times its compressed size");
            }
        }
        return count;
    }

    private int expand(byte[] target, int offset, int length) throws IOException {
        if (!compressed) {
            return expanded.read(target, offset, length);
        }
        try {
            return expanded.read(target, offset, length);
        } catch (IOException e) {
            // What the source itself says (a connection was lost) is none of the archive's faults.
            if (e.equals(source.failure)) {
                throw e;
            }
            throw damaged(e);
        }
    }

    private static LayerException damaged(IOException cause) {
        return new LayerException(
                Reason.BAD_COMPRESSION, "what is compressed is damaged, or ends early: " + cause.getMessage(), cause);
    }

    /** Reads to the end, behind the archive: the digest is of all, and whoever verifies the compressed one wants all of it too. */
    void drain() throws IOException {
        byte[] buffer = new byte[BUFFER];
        while (read(buffer, 0, buffer.length) >= 0) {
            // counted and digested
        }
        while (source.read(buffer, 0, buffer.length) >= 0) {
            // behind the last member; the caller's affair
        }
    }

    /** How many bytes came out. */
    long size() {
        return size;
    }

    /** Of what came out, at the end. */
    String diffId() {
        return "sha256:" + HexFormat.of().formatHex(digest.digest());
    }

    @Override
    public void close() throws IOException {
        if (compressed) {
            expanded.close();
            decompressor.close(); // frees its memory; the source below closes nothing
        }
    }

    /** The compressed bytes: counts them, remembers how they failed, and says whether there are more. */
    private static final class Source extends BufferedInputStream {
        private final AtomicLong filled = new AtomicLong();
        private volatile IOException failure;

        Source(InputStream in) {
            super(in, BUFFER);
        }

        /** The first bytes, without taking them; fewer if there are no more. */
        byte[] peek(int count) throws IOException {
            mark(count);
            byte[] bytes = readNBytes(count);
            reset();
            filled.set(0);
            return bytes;
        }

        long taken() {
            return filled.get();
        }

        @Override
        public synchronized int read() throws IOException {
            try {
                int value = super.read();
                count(value < 0 ? 0 : 1);
                return value;
            } catch (IOException e) {
                throw failed(e);
            }
        }

        @Override
        public synchronized int read(byte[] target, int offset, int length) throws IOException {
            try {
                int count = super.read(target, offset, length);
                count(Math.max(0, count));
                return count;
            } catch (IOException e) {
                throw failed(e);
            }
        }

        /** Waits for it: GZIPInputStream asks so whether another member follows, and a connection may be slow to say. */
        @Override
        public synchronized int available() throws IOException {
            mark(1);
            int value = read();
            reset();
            count(value < 0 ? 0 : -1);
            return value < 0 ? 0 : 1;
        }

        /** By one thread at a time: before the readahead, by it, and after it. */
        private void count(int bytes) {
            filled.addAndGet(bytes);
        }

        private IOException failed(IOException e) {
            failure = e;
            return e;
        }

        @Override
        public void close() {
            // the caller's
        }
    }
}
