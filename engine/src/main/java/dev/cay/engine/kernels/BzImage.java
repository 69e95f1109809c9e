package dev.cay.engine.kernels;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A kernel as distributions install it: a loader, and the kernel proper compressed in it. Documentation/arch/x86/boot.rst, "The
 * Real-Mode Kernel Header"; all numbers are little endian.
 *
 * @param payload where the compressed kernel begins
 * @param length how long it is
 * @param release the kernel's own name for its version, as {@code uname -r} prints it
 */
record BzImage(long payload, long length, String release) {
    private static final int SECTOR = 512;
    private static final int SETUP_SECTORS = 0x1f1;
    private static final int MAGIC_AT = 0x202;
    private static final int VERSION = 0x206;
    private static final int KERNEL_VERSION = 0x20e;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24c;
    private static final int HEADER_END = 0x250;
    private static final int HDRS = 0x53726448;

    /** The first version of the protocol that tells where the payload is. */
    private static final int PAYLOAD_KNOWN = 0x0208;

    /** How much of the loader is read: its header and the kernel's version stand in it. */
    private static final int HEAD = 64 * 1024;

    /** Whether a file begins as one does. */
    static boolean isOne(ByteBuffer head) {
        return head.limit() >= HEADER_END && head.getInt(MAGIC_AT) == HDRS;
    }

    static BzImage read(Path file, KernelLimits limits) throws IOException {
        long size = Files.size(file);
        if (size > limits.image()) {
            throw new BadKernelException("it has more than " + (limits.image() >> 20) + " MiB");
        }
        return read(Elf.head(file, HEAD), size);
    }

    static BzImage read(ByteBuffer head, long size) throws BadKernelException {
        if (!isOne(head)) {
            throw new BadKernelException("it is no bzImage");
        }
        if (Short.toUnsignedInt(head.getShort(VERSION)) < PAYLOAD_KNOWN) {
            throw new BadKernelException("its boot protocol is older than 2.08 (Linux 2.6.26)");
        }
        int sectors = Byte.toUnsignedInt(head.get(SETUP_SECTORS));
        long code = (sectors == 0 ? 5L : sectors + 1L) * SECTOR;
        long payload = code + Integer.toUnsignedLong(head.getInt(PAYLOAD_OFFSET));
        long length = Integer.toUnsignedLong(head.getInt(PAYLOAD_LENGTH));
        if (length == 0 || payload > size || length > size - payload) {
            throw new BadKernelException("its header places the kernel outside of the file");
        }
        int version = Short.toUnsignedInt(head.getShort(KERNEL_VERSION));
        if (version == 0 || version + SECTOR >= head.limit()) {
            throw new BadKernelException("its header does not say which version it is");
        }
        return new BzImage(payload, length, release(head, version + SECTOR));
    }

    private static String release(ByteBuffer head, int at) throws BadKernelException {
        int end = at;
        while (end < head.limit() && head.get(end) > ' ') {
            end++;
        }
        byte[] text = new byte[end - at];
        head.get(at, text);
        return Release.check(new String(text, StandardCharsets.US_ASCII));
    }

    /** Writes the kernel proper, uncompressed, to a file. */
    void extract(Path file, Path target, KernelLimits limits) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            byte[] compressed = new byte[(int) length];
            ByteBuffer buffer = ByteBuffer.wrap(compressed).order(ByteOrder.LITTLE_ENDIAN);
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, payload + buffer.position()) < 0) {
                    throw new BadKernelException("it ends early");
                }
            }
            // The build puts the uncompressed size behind it (size_append of scripts/Makefile.lib).
            int end = Codec.isGzip(compressed) ? compressed.length : Math.max(0, compressed.length - Integer.BYTES);
            InputStream source = new ByteArrayInputStream(compressed, 0, end);
            try (InputStream in = Codec.open(source, "the kernel", limits.vmlinux())) {
                Files.copy(in, target);
            }
        }
    }
}
