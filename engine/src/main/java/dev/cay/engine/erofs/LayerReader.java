package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Reads file systems that {@link LayerConverter} has written; no others. What is damaged is an IOException. Not thread-safe.
 */
final class LayerReader implements AutoCloseable {
    private static final int BLOCK = ErofsImage.BLOCK;
    private static final int CHUNK = Lz4.MAXIMUM_INPUT;
    private static final int ENTRY = 12;
    private static final int XATTR_HEADER = 12;
    private static final int MAP_HEADER = 16;
    private static final int INDEX = 8;
    private static final int FURTHER = 2;
    private static final int HEAD = 1;

    /** By {@code EROFS_XATTR_INDEX_*}. */
    private static final List<String> SPACES =
            List.of("", "user.", "system.posix_acl_access", "system.posix_acl_default", "trusted.", "", "security.");

    private final FileChannel file;
    private final long size;

    /**
     * An inode.
     *
     * @param number its offset divided by 32
     * @param mode with its type
     * @param tail where what stands behind it begins
     */
    record Inode(
            long number,
            int layout,
            int mode,
            long size,
            int where,
            long uid,
            long gid,
            long seconds,
            int nanos,
            int links,
            long tail,
            Map<String, ByteString> xattrs) {
        int type() {
            return mode & 0170000;
        }
    }

    /** A name in a directory. */
    record Entry(ByteString name, long inode) {}

    LayerReader(Path path) throws IOException {
        file = FileChannel.open(path, StandardOpenOption.READ);
        size = file.size();
    }

    Inode root() throws IOException {
        return inode(ErofsImage.ROOT_OFFSET / ErofsImage.SLOT);
    }

    Inode inode(long number) throws IOException {
        long offset = Math.multiplyExact(number, (long) ErofsImage.SLOT);
        ByteBuffer in = bytes(offset, Inodes.LENGTH);
        int format = in.getShort() & 0xFFFF;
        if ((format & 1) == 0 || format >> 1 > Inodes.INLINE) {
            throw damaged();
        }
        int count = in.getShort() & 0xFFFF;
        int mode = in.getShort() & 0xFFFF;
        in.getShort();
        long length = in.getLong();
        int where = in.getInt();
        in.getInt();
        long uid = in.getInt() & 0xFFFF_FFFFL;
        long gid = in.getInt() & 0xFFFF_FFFFL;
        long seconds = in.getLong();
        int nanos = in.getInt();
        int links = in.getInt();
        int xattrs = count == 0 ? 0 : XATTR_HEADER + 4 * (count - 1);
        if (length < 0 || nanos < 0 || nanos > 999_999_999) {
            throw damaged();
        }
        return new Inode(
                number,
                format >> 1,
                mode,
                length,
                where,
                uid,
                gid,
                seconds,
                nanos,
                links,
                offset + Inodes.LENGTH + xattrs,
                xattrs(offset + Inodes.LENGTH, xattrs));
    }

    private Map<String, ByteString> xattrs(long offset, int length) throws IOException {
        Map<String, ByteString> xattrs = new TreeMap<>();
        if (length == 0) {
            return xattrs;
        }
        ByteBuffer in = bytes(offset, length);
        int position = XATTR_HEADER;
        while (position + 4 <= length) {
            int nameLength = in.get(position) & 0xFF;
            int space = in.get(position + 1) & 0xFF;
            int valueLength = in.getShort(position + 2) & 0xFFFF;
            int end = position + 4 + nameLength + valueLength;
            if (end > length || space >= SPACES.size()) {
                throw damaged();
            }
            byte[] all = in.array();
            ByteString name = ByteString.of(all, position + 4, position + 4 + nameLength);
            xattrs.put(
                    SPACES.get(space) + name.text().orElse(name.toString()),
                    ByteString.of(all, position + 4 + nameLength, end));
            position = end + 3 & ~3;
        }
        return xattrs;
    }

    /** The names in a directory, but for those of itself and the one above. */
    List<Entry> entries(Inode directory) throws IOException {
        byte[] content = content(directory).readAllBytes();
        List<Entry> entries = new ArrayList<>();
        for (int start = 0; start < content.length; start += BLOCK) {
            int end = Math.min(content.length, start + BLOCK);
            block(ByteBuffer.wrap(content, start, end - start).slice().order(ByteOrder.LITTLE_ENDIAN), entries);
        }
        return entries;
    }

    private static void block(ByteBuffer block, List<Entry> entries) throws IOException {
        byte[] all = new byte[block.remaining()];
        block.get(0, all);
        int count = all.length < ENTRY ? 0 : (block.getShort(8) & 0xFFFF) / ENTRY;
        for (int i = 0; i < count; i++) {
            int from = offset(block, i);
            int to = i + 1 < count ? offset(block, i + 1) : all.length;
            if (from > to || to > all.length) {
                throw damaged();
            }
            ByteString name = ByteString.of(all, from, to);
            int zero = name.indexOf(0, 0);
            name = zero < 0 ? name : name.slice(0, zero);
            String text = name.toString();
            if (!text.equals(".") && !text.equals("..")) {
                entries.add(new Entry(name, block.getLong(i * ENTRY)));
            }
        }
    }

    private static int offset(ByteBuffer block, int entry) throws IOException {
        int at = entry * ENTRY + 8;
        if (at + 2 > block.limit()) {
            throw damaged();
        }
        return block.getShort(at) & 0xFFFF;
    }

    /** What is in a file, a directory, or a symbolic link. */
    InputStream content(Inode inode) throws IOException {
        return inode.layout() == Inodes.COMPRESSED ? new Compressed(inode) : new Plain(inode);
    }

    private ByteBuffer bytes(long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        read(bytes, offset);
        return bytes.flip();
    }

    private void read(ByteBuffer target, long offset) throws IOException {
        if (offset < 0 || offset > size - target.remaining()) {
            throw damaged();
        }
        long at = offset;
        while (target.hasRemaining()) {
            int count = file.read(target, at);
            if (count < 0) {
                throw new EOFException("the file of a layer ends early");
            }
            at += count;
        }
    }

    private static IOException damaged() {
        return new IOException("the file of a layer is damaged");
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /** Hands out what is put into a buffer piece by piece. */
    private abstract static class Pieces extends InputStream {
        private byte[] piece = new byte[0];
        private int position;

        /** The next piece, empty at the end. */
        abstract byte[] next() throws IOException;

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
            if (position == piece.length) {
                piece = next();
                position = 0;
                if (piece.length == 0) {
                    return -1;
                }
            }
            int count = Math.min(length, piece.length - position);
            System.arraycopy(piece, position, target, offset, count);
            position += count;
            return count;
        }
    }

    private final class Plain extends Pieces {
        private final Inode inode;
        private final long whole;
        private long done;

        Plain(Inode inode) {
            this.inode = inode;
            whole = inode.layout() == Inodes.INLINE ? inode.size() & -BLOCK : inode.size();
        }

        @Override
        byte[] next() throws IOException {
            long start = (inode.where() & 0xFFFF_FFFFL) * BLOCK + done;
            int length = (int) Math.min(CHUNK, whole - done);
            if (done >= whole) {
                length = (int) Math.min(BLOCK, inode.size() - done);
                start = inode.tail();
            }
            done += length;
            return bytes(start, length).array();
        }
    }

    private final class Compressed extends Pieces {
        private final Inode inode;
        private final long indexes;
        private final long clusters;
        private long cluster;

        Compressed(Inode inode) {
            this.inode = inode;
            indexes = (inode.tail() + 7 & -8) + MAP_HEADER;
            clusters = (inode.size() + BLOCK - 1) / BLOCK;
        }

        @Override
        byte[] next() throws IOException {
            if (cluster == clusters) {
                return new byte[0];
            }
            int length = (int) Math.min(clusters - cluster, CHUNK / BLOCK + 1);
            ByteBuffer index = bytes(indexes + cluster * INDEX, length * INDEX);
            long start = (index.getInt(4) & 0xFFFF_FFFFL) * BLOCK;
            int type = index.getShort(0) & 3;
            int count = 1;
            while (type == HEAD && count < length && (index.getShort(count * INDEX) & 3) == FURTHER) {
                count++;
            }
            int bytes = (int) Math.min((long) count * BLOCK, inode.size() - cluster * BLOCK);
            cluster += count;
            if (type != HEAD) {
                return bytes(start, bytes).array();
            }
            if (count < 2) {
                throw damaged();
            }
            int blocks = index.getShort(INDEX + 4) & 0x7FF;
            return Lz4.expand(bytes(start, blocks * BLOCK).array(), bytes);
        }
    }
}
