package dev.cay.engine.fuse;

import dev.cay.linux.FileStatus;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What statx(2) has said of a file; more of it than {@link FileStatus} has.
 *
 * @param statx what the kernel wrote
 */
record Status(ByteBuffer statx) {
    /** {@code struct fuse_attr}. */
    static final int SIZE = 88;

    /** For how many seconds a guest may believe it. */
    static final long VALID = 1;

    private static final int DEVICE_SHIFT = 56;

    /** Which file it is. */
    record Key(int deviceMajor, int deviceMinor, long inode) {}

    static Status of(byte[] statx) {
        return new Status(ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder()));
    }

    Key key() {
        return new Key(statx.getInt(136), statx.getInt(140), statx.getLong(32));
    }

    int mode() {
        return Short.toUnsignedInt(statx.getShort(28));
    }

    int type() {
        return mode() & FileStatus.S_IFMT;
    }

    boolean isDirectory() {
        return type() == FileStatus.S_IFDIR;
    }

    /** The number of an inode as the guest sees it: those of several file systems must not be one. */
    static long inode(long inode, int device) {
        return inode ^ (long) device << DEVICE_SHIFT;
    }

    /** @param device which of the file systems it is on, from 0 on */
    void put(Reply reply, int device) {
        reply.large(inode(statx.getLong(32), device)).large(statx.getLong(40)).large(statx.getLong(48));
        reply.large(statx.getLong(64)).large(statx.getLong(112)).large(statx.getLong(96));
        reply.number(statx.getInt(72)).number(statx.getInt(120)).number(statx.getInt(104));
        reply.number(mode()).number(statx.getInt(16)).number(statx.getInt(20)).number(statx.getInt(24));
        reply.number(0).number(statx.getInt(4)).number(0); // a device that cannot be opened needs no number
    }
}
