package dev.cay.engine.erofs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The file of an EROFS file system while it is written: blocks of content, and between them blocks with inodes. An inode's number
 * is its offset divided by 32, so it can stand anywhere, and is written as soon as its content has been. Only the first block,
 * with the superblock and the root's inode, is written at the end: before that the file is no file system.
 *
 * <p>Not thread-safe.
 */
final class ErofsImage implements AutoCloseable {
    static final int BLOCK = 4096;
    static final int SLOT = 32;

    /** Behind the superblock and what it says of compression; its number has 16 bits only. */
    static final int ROOT_OFFSET = 1280;

    static final int ROOM_FOR_ROOT = BLOCK - ROOT_OFFSET;

    /** Of a cluster that was compressed. */
    static final int MAXIMUM_CLUSTER_BLOCKS = Lz4.MAXIMUM_INPUT / BLOCK;

    private static final int MAGIC = 0xE0F5E1E2;
    private static final int SUPERBLOCK = 1024;
    private static final int CHECKSUM_FEATURE = 1;

    /** LZ4 at the end of its blocks (1), and clusters of more than one with their configuration (2). */
    private static final int COMPRESSION_FEATURES = 1 | 2;

    private static final int LZ4_CONFIGURATION = 14;
    private static final int LZ4_DISTANCE = 65535;
    private static final int BUFFER = 256 * 1024;

    /** Inodes of a few dozen files stand together, and those that are written meanwhile are looked for a place in these. */
    private static final int OPEN_BLOCKS = 32;

    private static final int RUN = 16;

    private final FileChannel file;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    private long position = BLOCK;
    private final List<InodeBlock> open = new ArrayList<>();
    private long runNext;
    private long runEnd;
    private long inodes;

    private static final class InodeBlock {
        private final long offset;
        private final byte[] content = new byte[BLOCK];
        private int used;

        private InodeBlock(long offset) {
            this.offset = offset;
        }
    }

    ErofsImage(Path path) throws IOException {
        file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ);
    }

    /** The number of the block that is written next. */
    long nextBlock() {
        if (position % BLOCK != 0) {
            throw new IllegalStateException("within a block");
        }
        return position / BLOCK;
    }

    /** How many bytes there are before what is appended next. */
    long position() {
        return position;
    }

    /** Adds bytes at the end. */
    void append(byte[] bytes, int offset, int length) throws IOException {
        int done = 0;
        while (done < length) {
            if (!buffer.hasRemaining()) {
                drain();
            }
            int count = Math.min(buffer.remaining(), length - done);
            buffer.put(bytes, offset + done, count);
            done += count;
            position += count;
        }
    }

    /** Fills up the block with zeros. */
    void fillBlock() throws IOException {
        int rest = (int) (-position & BLOCK - 1);
        append(new byte[rest], 0, rest);
    }

    /**
     * Writes an inode with what stands behind it, all of which fits into a block unless it is longer than one; then it begins
     * one.
     *
     * @return the inode's number
     */
    long inode(byte[] bytes, int length) throws IOException {
        inodes++;
        if (length > BLOCK) {
            long number = position / SLOT;
            append(bytes, 0, length);
            fillBlock();
            return number;
        }
        InodeBlock block = blockFor(length);
        System.arraycopy(bytes, 0, block.content, block.used, length);
        long number = (block.offset + block.used) / SLOT;
        block.used = Math.min(BLOCK, block.used + length + SLOT - 1 & -SLOT);
        return number;
    }

    /** The fullest that has room. */
    private InodeBlock blockFor(int length) throws IOException {
        InodeBlock best = null;
        for (InodeBlock block : open) {
            if (BLOCK - block.used >= length && (best == null || block.used > best.used)) {
                best = block;
            }
        }
        if (best == null) {
            if (open.size() == OPEN_BLOCKS) {
                InodeBlock fullest = open.getFirst();
                for (InodeBlock block : open) {
                    fullest = block.used > fullest.used ? block : fullest;
                }
                open.remove(fullest);
                write(fullest.offset, fullest.content, BLOCK);
            }
            if (runNext == runEnd) {
                runNext = nextBlock() * BLOCK;
                runEnd = runNext + (long) RUN * BLOCK;
                drain();
                position = runEnd;
            }
            best = new InodeBlock(runNext);
            runNext += BLOCK;
            open.add(best);
        }
        return best;
    }

    /** Writes all inodes that are still held back. Then nothing but {@link #append} and {@link #patch} may follow. */
    void finishInodes() throws IOException {
        for (InodeBlock block : open) {
            write(block.offset, block.content, BLOCK);
        }
        open.clear();
        drain();
        position = position == runEnd ? runNext : position; // what is left of the last run is behind everything
    }

    /** Writes over four bytes of an inode, after {@link #finishInodes}. */
    void patch(long number, int offset, int value) throws IOException {
        write(
                number * SLOT + offset,
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(0, value)
                        .array(),
                4);
    }

    /** Counts one that is written by {@link #append}. */
    void countInode() {
        inodes++;
    }

    /** Writes the first block, with the root's inode and what stands behind it; then the file system is whole. */
    void finish(byte[] root) throws IOException {
        fillBlock();
        drain();
        ByteBuffer block = ByteBuffer.allocate(BLOCK).order(ByteOrder.LITTLE_ENDIAN);
        block.position(SUPERBLOCK);
        block.putInt(MAGIC).putInt(0).putInt(CHECKSUM_FEATURE);
        block.put((byte) Integer.numberOfTrailingZeros(BLOCK)).put((byte) 0).putShort((short) (ROOT_OFFSET / SLOT));
        block.putLong(inodes + 1);
        block.putLong(0).putInt(0); // no inode takes its time from here
        block.putInt((int) (position / BLOCK)).putInt(0).putInt(0);
        block.position(block.position() + 32); // its name and number: none, so that equal layers make equal files
        block.putInt(COMPRESSION_FEATURES).putShort((short) 1);
        block.position(SUPERBLOCK + 128);
        block.putShort((short) LZ4_CONFIGURATION).putShort((short) LZ4_DISTANCE).putShort((short)
                MAXIMUM_CLUSTER_BLOCKS);
        block.position(ROOT_OFFSET);
        block.put(root);
        CRC32C checksum = new CRC32C();
        checksum.update(block.array(), SUPERBLOCK, BLOCK - SUPERBLOCK);
        block.putInt(SUPERBLOCK + 4, ~(int) checksum.getValue()); // the kernel's does not end with an inversion
        write(0, block.array(), BLOCK);
    }

    private void drain() throws IOException {
        buffer.flip();
        long at = position - buffer.remaining();
        while (buffer.hasRemaining()) {
            at += file.write(buffer, at);
        }
        buffer.clear();
    }

    private void write(long offset, byte[] bytes, int length) throws IOException {
        ByteBuffer source = ByteBuffer.wrap(bytes, 0, length);
        long at = offset;
        while (source.hasRemaining()) {
            at += file.write(source, at);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
