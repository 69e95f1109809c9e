package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes everything but directories: content first, then the inode. Memory is bounded, also where an archive announces more than
 * it has. Not thread-safe.
 */
final class Inodes {
    static final int TYPE_DIRECTORY = 0040000;
    static final int TYPE_FILE = 0100000;
    static final int TYPE_SYMBOLIC_LINK = 0120000;
    static final int TYPE_CHARACTER_DEVICE = 0020000;
    static final int TYPE_FIFO = 0010000;

    /** {@code struct erofs_inode_extended}. */
    static final int LENGTH = 64;

    static final int LINKS_OFFSET = 44;

    /** Where the content is, {@code EROFS_INODE_*}. */
    static final int PLAIN = 0;

    static final int COMPRESSED = 1;
    static final int INLINE = 2;

    private static final int BLOCK = ErofsImage.BLOCK;
    private static final int CHUNK = Lz4.MAXIMUM_INPUT;

    /** Of larger files the indexes would take too much memory; 8 MiB for one of this size. */
    private static final long LARGEST_COMPRESSED = 4L << 30;

    /** {@code struct z_erofs_map_header}, and 8 bytes for nothing. */
    private static final int MAP_HEADER = 16;

    private static final int BIG_CLUSTERS = 2;

    /** Types of logical clusters: one of its own, the first of several that were compressed together, another of them. */
    private static final int CLUSTER_PLAIN = 0;

    private static final int CLUSTER_HEAD = 1;
    private static final int CLUSTER_FURTHER = 2;

    /** In the second of several: how many blocks they were compressed to. */
    private static final int BLOCK_COUNT = 1 << 11;

    private final ErofsImage image;
    private final Lz4 lz4 = new Lz4();
    private final byte[] chunk = new byte[CHUNK];
    private final byte[] packed = new byte[CHUNK];
    private int count;

    Inodes(ErofsImage image) {
        this.image = image;
    }

    /** What an inode says of where the content is: {@code i_format}'s layout and {@code i_u}. */
    record Place(int layout, int where) {}

    long file(Attributes attributes, InputStream content, long size) throws IOException {
        int length = content.readNBytes(chunk, 0, (int) Math.min(size, CHUNK));
        if (size <= CHUNK) {
            return small(TYPE_FILE, attributes, length);
        }
        int packedLength = size > LARGEST_COMPRESSED ? -1 : lz4.compress(chunk, CHUNK, packed, CHUNK - BLOCK);
        return packedLength < 0
                ? large(attributes, content, size)
                : largeCompressed(attributes, content, size, packedLength);
    }

    long symbolicLink(Attributes attributes, ByteString target) throws IOException {
        byte[] bytes = target.toBytes();
        System.arraycopy(bytes, 0, chunk, 0, bytes.length);
        return small(TYPE_SYMBOLIC_LINK, attributes, bytes.length);
    }

    /** A fifo, or a character device of number 0: that is a whiteout. */
    long special(Attributes attributes, int type) throws IOException {
        return inode(head(type, attributes, 0, new Place(PLAIN, 0), 1), new byte[0], 0, 0);
    }

    /** What is in {@link #chunk} whole. */
    private long small(int type, Attributes attributes, int size) throws IOException {
        int whole = size & -BLOCK;
        int tail = size - whole;
        boolean inline = tail > 0 && LENGTH + attributes.xattrs().length + tail <= BLOCK;
        int plain = inline ? size : size + BLOCK - 1 & -BLOCK;
        if (type == TYPE_FILE && size > BLOCK) {
            int clusters = (size + BLOCK - 1) / BLOCK;
            int packedLength = lz4.compress(chunk, size, packed, (clusters - 1) * BLOCK);
            if (packedLength >= 0 && blocks(packedLength) * BLOCK + MAP_HEADER + 8 * clusters < plain) {
                ByteArrayOutputStream indexes = new ByteArrayOutputStream(8 * clusters);
                cluster(indexes, clusters, packedLength);
                return compressed(attributes, size, blocks(packedLength), indexes);
            }
        }
        int block = size > 0 && (whole > 0 || !inline) ? (int) image.nextBlock() : 0;
        image.append(chunk, 0, inline ? whole : size);
        image.fillBlock();
        Place place = new Place(inline ? INLINE : PLAIN, block);
        return inode(head(type, attributes, size, place, 1), chunk, whole, inline ? tail : 0);
    }

    /** A file that does not begin as if it could be compressed: as it is. The first chunk has been read. */
    private long large(Attributes attributes, InputStream content, long size) throws IOException {
        int block = (int) image.nextBlock();
        int tail = (int) (size % BLOCK);
        boolean inline = tail > 0 && LENGTH + attributes.xattrs().length + tail <= BLOCK;
        image.append(chunk, 0, CHUNK);
        long rest = size - CHUNK;
        int length = 0;
        while (rest > 0) {
            length = content.readNBytes(chunk, 0, (int) Math.min(rest, CHUNK));
            rest -= length;
            image.append(chunk, 0, inline && rest == 0 ? length - tail : length); // chunks are whole blocks
        }
        image.fillBlock();
        Place place = new Place(inline ? INLINE : PLAIN, block);
        return inode(head(TYPE_FILE, attributes, size, place, 1), chunk, length - tail, inline ? tail : 0);
    }

    /** The same for one that does; its first chunk is compressed already. */
    private long largeCompressed(Attributes attributes, InputStream content, long size, int firstLength)
            throws IOException {
        ByteArrayOutputStream indexes = new ByteArrayOutputStream();
        cluster(indexes, CHUNK / BLOCK, firstLength);
        int blocks = blocks(firstLength);
        for (long rest = size - CHUNK; rest > 0; ) {
            int length = content.readNBytes(chunk, 0, (int) Math.min(rest, CHUNK));
            rest -= length;
            int clusters = (length + BLOCK - 1) / BLOCK;
            int packedLength = lz4.compress(chunk, length, packed, (clusters - 1) * BLOCK);
            if (packedLength >= 0 && clusters > 1) {
                cluster(indexes, clusters, packedLength);
                blocks += blocks(packedLength);
            } else {
                int block = (int) image.nextBlock();
                image.append(chunk, 0, length);
                image.fillBlock();
                for (int i = 0; i < clusters; i++) {
                    index(indexes, CLUSTER_PLAIN, block + i);
                }
                blocks += clusters;
            }
        }
        return compressed(attributes, size, blocks, indexes);
    }

    private static int blocks(int length) {
        return (length + BLOCK - 1) / BLOCK;
    }

    /** Writes what was compressed, at the end of its blocks, and the indexes of the clusters that it was. */
    private void cluster(ByteArrayOutputStream indexes, int clusters, int packedLength) throws IOException {
        int blocks = blocks(packedLength);
        index(indexes, CLUSTER_HEAD, (int) image.nextBlock());
        for (int i = 1; i < clusters; i++) {
            index(indexes, CLUSTER_FURTHER, (i == 1 ? BLOCK_COUNT | blocks : i) | clusters - i << 16);
        }
        image.append(new byte[blocks * BLOCK - packedLength], 0, blocks * BLOCK - packedLength);
        image.append(packed, 0, packedLength);
    }

    /** {@code struct z_erofs_lcluster_index}: type, where it begins (nothing is torn here), and a block or two distances. */
    private static void index(ByteArrayOutputStream indexes, int type, int where) {
        int start = type == CLUSTER_FURTHER ? BLOCK : 0;
        byte[] index = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort((short) type)
                .putShort((short) start)
                .putInt(where)
                .array();
        indexes.write(index, 0, index.length);
    }

    private long compressed(Attributes attributes, long size, int blocks, ByteArrayOutputStream indexes)
            throws IOException {
        byte[] head = head(TYPE_FILE, attributes, size, new Place(COMPRESSED, blocks), 1);
        int start = head.length + 7 & -8;
        byte[] header = Arrays.copyOf(head, start + MAP_HEADER);
        header[start + 4] = BIG_CLUSTERS; // LZ4 and clusters of a block are what zeros mean
        return inode(header, indexes.toByteArray(), 0, indexes.size());
    }

    private long inode(byte[] head, byte[] more, int offset, int length) throws IOException {
        byte[] all = Arrays.copyOf(head, head.length + length);
        System.arraycopy(more, offset, all, head.length, length);
        return image.inode(all, all.length);
    }

    /** The inode with its extended attributes. */
    byte[] head(int type, Attributes attributes, long size, Place place, int links) {
        int xattrs = attributes.xattrs().length;
        ByteBuffer inode = ByteBuffer.allocate(LENGTH + xattrs).order(ByteOrder.LITTLE_ENDIAN);
        inode.putShort((short) (1 | place.layout() << 1));
        inode.putShort((short) (xattrs == 0 ? 0 : (xattrs - 12) / 4 + 1));
        inode.putShort((short) (type | attributes.mode())).putShort((short) 0);
        inode.putLong(size).putInt(place.where()).putInt(++count);
        inode.putInt(attributes.uid()).putInt(attributes.gid());
        inode.putLong(attributes.seconds()).putInt(attributes.nanos()).putInt(links);
        inode.position(LENGTH);
        inode.put(attributes.xattrs());
        return inode.array();
    }
}
