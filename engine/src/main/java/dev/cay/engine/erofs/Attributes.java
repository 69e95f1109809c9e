package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.erofs.LayerException.Reason;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * What an inode says of a file, but for its kind and content.
 *
 * @param mode the 12 bits of permissions
 * @param xattrs the extended attributes as an inode carries them: {@code struct erofs_xattr_ibody_header} with entries, or
 *     nothing. A multiple of 4 bytes, or none
 */
record Attributes(int mode, int uid, int gid, long seconds, int nanos, byte[] xattrs) {
    /** Of directories that the archive does not name, but what lies in them. */
    static final Attributes IMPLIED = new Attributes(0755, 0, 0, 0, 0, new byte[0]);

    /** Of what stands for a removed file. */
    static final Attributes WHITEOUT = new Attributes(0, 0, 0, 0, 0, new byte[0]);

    private static final long LARGEST_ID = 0xFFFF_FFFEL; // one more is nobody's, see chown(2)
    private static final int HEADER = 12;
    private static final int ENTRY = 4;

    /** {@code i_xattr_icount} has 16 bits. */
    private static final int LARGEST = HEADER + 4 * 0xFFFE;

    private static final int LARGEST_VALUE = 0xFFFF;
    private static final int LARGEST_NAME = 0xFF;
    private static final ByteString YES = ByteString.of("y");
    private static final String OVERLAY = "trusted.overlay.";

    /** The name spaces that the format has numbers for, {@code EROFS_XATTR_INDEX_*}; the longer names first. */
    private enum Space {
        ACL_ACCESS("system.posix_acl_access", 2),
        ACL_DEFAULT("system.posix_acl_default", 3),
        USER("user.", 1),
        TRUSTED("trusted.", 4),
        SECURITY("security.", 6);

        private final String prefix;
        private final int index;

        Space(String prefix, int index) {
            this.prefix = prefix;
            this.index = index;
        }

        /** Whether a name lies in it; that of an access list must be all of it, other names have something more. */
        private boolean has(String name) {
            return prefix.endsWith(".")
                    ? name.startsWith(prefix) && name.length() > prefix.length()
                    : name.equals(prefix);
        }
    }

    static Attributes of(TarEntry entry) throws LayerException {
        return new Attributes(
                entry.mode(),
                id(entry.uid()),
                id(entry.gid()),
                entry.modified().getEpochSecond(),
                entry.modified().getNano(),
                encode(entry.xattrs(), false));
    }

    /** The same for a directory that hides what layers below have in its place. */
    static Attributes opaque(Map<String, ByteString> xattrs, Attributes attributes) throws LayerException {
        return new Attributes(
                attributes.mode,
                attributes.uid,
                attributes.gid,
                attributes.seconds,
                attributes.nanos,
                encode(xattrs, true));
    }

    private static int id(long id) throws LayerException {
        if (id > LARGEST_ID) {
            throw new LayerException(Reason.BAD_OWNER, id + " is no user or group that Linux can have");
        }
        return (int) id;
    }

    /**
     * Those that the format can hold; of others the kernel would not know either. An overlay's own are left out: what they mean
     * is ours to say, and they could point to other files.
     */
    private static byte[] encode(Map<String, ByteString> xattrs, boolean opaque) throws LayerException {
        if (xattrs.isEmpty() && !opaque) {
            return IMPLIED.xattrs;
        }
        int size = HEADER;
        for (Map.Entry<String, ByteString> xattr : xattrs.entrySet()) {
            if (space(xattr.getKey()) != null) {
                size += size(nameOf(xattr.getKey()).length(), xattr.getValue().length());
            }
        }
        size += opaque ? size(("overlay.opaque").length(), YES.length()) : 0;
        if (size > LARGEST) {
            throw new LayerException(
                    Reason.XATTRS_TOO_LARGE, "the extended attributes of a file are more than " + LARGEST + " bytes");
        }
        if (size == HEADER) {
            return IMPLIED.xattrs;
        }
        ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        bytes.position(HEADER);
        for (Map.Entry<String, ByteString> xattr : xattrs.entrySet()) {
            Space space = space(xattr.getKey());
            if (space != null) {
                put(bytes, space, nameOf(xattr.getKey()), xattr.getValue());
            }
        }
        if (opaque) {
            put(bytes, Space.TRUSTED, ByteString.of("overlay.opaque"), YES);
        }
        return bytes.array();
    }

    @SuppressWarnings("NullableOptional")
    private static Space space(String name) {
        if (!name.startsWith(OVERLAY)) {
            for (Space space : Space.values()) {
                if (space.has(name)) {
                    return space;
                }
            }
        }
        return null;
    }

    private static ByteString nameOf(String name) {
        return ByteString.of(name.substring(space(name).prefix.length()));
    }

    private static int size(int name, int value) {
        return ENTRY + name + value + 3 & ~3;
    }

    private static void put(ByteBuffer bytes, Space space, ByteString name, ByteString value) throws LayerException {
        if (name.length() > LARGEST_NAME || value.length() > LARGEST_VALUE) {
            throw new LayerException(
                    Reason.XATTRS_TOO_LARGE,
                    "an extended attribute has a name of more than " + LARGEST_NAME + " or more than " + LARGEST_VALUE
                            + " bytes");
        }
        int next = bytes.position() + size(name.length(), value.length());
        bytes.put((byte) name.length()).put((byte) space.index).putShort((short) value.length());
        bytes.put(name.toBytes()).put(value.toBytes());
        bytes.position(next);
    }
}
