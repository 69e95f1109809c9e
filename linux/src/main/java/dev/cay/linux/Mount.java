package dev.cay.linux;

import java.nio.ByteBuffer;

/**
 * Mounts, by the older mount(2) and by the newer interface of descriptors: fsopen(2), fsconfig(2), fsmount(2), open_tree(2),
 * move_mount(2), mount_setattr(2). A mount that is made by the newer one hangs nowhere until it is moved into a tree.
 */
public final class Mount {
    public static final long MS_RDONLY = 1;
    public static final long MS_NOSUID = 2;
    public static final long MS_NODEV = 4;
    public static final long MS_NOEXEC = 8;
    public static final long MS_REMOUNT = 32;
    public static final long MS_BIND = 4096;
    public static final long MS_REC = 16384;
    public static final long MS_PRIVATE = 1 << 18;

    public static final long ATTR_RDONLY = 0x1;
    public static final long ATTR_NOSUID = 0x2;
    public static final long ATTR_NODEV = 0x4;
    public static final long ATTR_NOEXEC = 0x8;
    private static final long ATTR_IDMAP = 0x100000;

    private static final long FSOPEN_CLOEXEC = 1;
    private static final long FSMOUNT_CLOEXEC = 1;
    private static final long FSCONFIG_SET_FLAG = 0;
    private static final long FSCONFIG_SET_STRING = 1;
    private static final long FSCONFIG_SET_FD = 5;
    private static final long FSCONFIG_CMD_CREATE = 6;
    private static final long OPEN_TREE_CLONE = 1;
    private static final long MOVE_MOUNT_F_EMPTY_PATH = 0x04;
    private static final long MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    private static final long AT_RECURSIVE = 0x8000;
    private static final long MNT_FORCE = 1;
    private static final long MNT_DETACH = 2;
    private static final long UMOUNT_NOFOLLOW = 8;
    private static final int MOUNT_ATTR_SIZE = 32;

    private Mount() {}

    /** {@code int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)} mount(2). */
    public static Op mount(String source, String target, String type, long flags, String data) {
        return Op.of(
                SystemCall.MOUNT,
                type + " -> " + target,
                Arg.text(source),
                Arg.text(target),
                Arg.text(type),
                Arg.of(flags),
                data.isEmpty() ? Arg.of(0) : Arg.text(data));
    }

    /** A mount(2) that changes a mount, or binds one: without type and data. */
    public static Op mount(String source, String target, long flags) {
        return Op.of(SystemCall.MOUNT, target, Arg.text(source), Arg.text(target), Arg.of(0), Arg.of(flags), Arg.of(0));
    }

    /**
     * The first of them on the working directory, whatever is called so by now.
     *
     * @param operands what is mounted where, for the reader of an error message
     */
    public static Op mountHere(String source, String type, long flags, String data, String operands) {
        return Op.of(
                SystemCall.MOUNT,
                operands,
                Arg.text(source),
                Arg.text("."),
                Arg.text(type),
                Arg.of(flags),
                data.isEmpty() ? Arg.of(0) : Arg.text(data));
    }

    /** A mount(2) that changes what is mounted on the working directory, which must be its root. */
    public static Op changeHere(long flags, String operands) {
        return Op.of(SystemCall.MOUNT, operands, Arg.text(""), Arg.text("."), Arg.of(0), Arg.of(flags), Arg.of(0));
    }

    /** {@code int umount2(const char *target, MNT_DETACH)} umount(2). */
    public static Op detach(String target) {
        return Op.of(SystemCall.UMOUNT2, target, Arg.text(target), Arg.of(MNT_DETACH));
    }

    /** {@code int umount2(const char *target, UMOUNT_NOFOLLOW)} umount(2): fails with EBUSY while it is in use. */
    public static Op unmount(String target) {
        return Op.of(SystemCall.UMOUNT2, target, Arg.text(target), Arg.of(UMOUNT_NOFOLLOW));
    }

    /**
     * {@code int umount2(const char *target, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW)} umount(2): whoever waits for an answer of a file
     * system that somebody else serves waits no more.
     */
    public static Op abandon(String target) {
        return Op.of(SystemCall.UMOUNT2, target, Arg.text(target), Arg.of(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW));
    }

    /** {@code int pivot_root(const char *new_root, const char *put_old)} pivot_root(2). */
    public static Op pivotRoot(String newRoot, String putOld) {
        return Op.of(SystemCall.PIVOT_ROOT, newRoot, Arg.text(newRoot), Arg.text(putOld));
    }

    /** {@code int fsopen(const char *fsname, unsigned int flags)} fsopen(2). */
    public static Op fsopen(String type) {
        return Op.opening(SystemCall.FSOPEN, type, Arg.text(type), Arg.of(FSOPEN_CLOEXEC));
    }

    /** {@code int fsconfig(int fd, FSCONFIG_SET_STRING, const char *key, const char *value, 0)} fsconfig(2). */
    public static Op set(Op context, String key, String value) {
        return Op.of(
                SystemCall.FSCONFIG,
                key + "=" + value,
                Arg.of(context),
                Arg.of(FSCONFIG_SET_STRING),
                Arg.text(key),
                Arg.text(value),
                Arg.of(0));
    }

    /** {@code int fsconfig(int fd, FSCONFIG_SET_FLAG, const char *key, NULL, 0)} fsconfig(2). */
    public static Op set(Op context, String key) {
        return Op.of(
                SystemCall.FSCONFIG,
                key,
                Arg.of(context),
                Arg.of(FSCONFIG_SET_FLAG),
                Arg.text(key),
                Arg.of(0),
                Arg.of(0));
    }

    /** {@code int fsconfig(int fd, FSCONFIG_SET_FD, const char *key, NULL, int aux)} fsconfig(2). */
    public static Op set(Op context, String key, Arg fd) {
        return Op.of(SystemCall.FSCONFIG, key, Arg.of(context), Arg.of(FSCONFIG_SET_FD), Arg.text(key), Arg.of(0), fd);
    }

    /** {@code int fsconfig(int fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0)} fsconfig(2): makes the superblock. */
    public static Op create(Op context) {
        return Op.of(
                SystemCall.FSCONFIG,
                "create",
                Arg.of(context),
                Arg.of(FSCONFIG_CMD_CREATE),
                Arg.of(0),
                Arg.of(0),
                Arg.of(0));
    }

    /** {@code int fsmount(int fsfd, unsigned int flags, unsigned int attr_flags)} fsmount(2): the detached mount. */
    public static Op fsmount(Op context, long attributes) {
        return Op.opening(
                SystemCall.FSMOUNT, context.operands(), Arg.of(context), Arg.of(FSMOUNT_CLOEXEC), Arg.of(attributes));
    }

    /** {@code int open_tree(int dirfd, const char *path, OPEN_TREE_CLONE)} open_tree(2): a detached clone, without submounts. */
    public static Op cloneTree(String path) {
        return Op.opening(
                SystemCall.OPEN_TREE,
                path,
                Arg.of(FileOps.AT_FDCWD),
                Arg.text(path),
                Arg.of(OPEN_TREE_CLONE | FileOps.O_CLOEXEC));
    }

    /** The same of an open directory. */
    public static Op cloneTree(Arg directory, String operands) {
        return Op.opening(
                SystemCall.OPEN_TREE,
                operands,
                directory,
                Arg.text(""),
                Arg.of(OPEN_TREE_CLONE | FileOps.O_CLOEXEC | FileOps.AT_EMPTY_PATH));
    }

    /** The same of an open file or directory with all that is mounted below it, at the same places. */
    public static Op cloneTrees(Arg file, String operands) {
        return Op.opening(
                SystemCall.OPEN_TREE,
                operands,
                file,
                Arg.text(""),
                Arg.of(OPEN_TREE_CLONE | AT_RECURSIVE | FileOps.O_CLOEXEC | FileOps.AT_EMPTY_PATH));
    }

    /**
     * {@code int move_mount(int from_dirfd, "", int to_dirfd, const char *to_path, unsigned int flags)} move_mount(2): attaches
     * a detached mount. A symlink at the end of the path is not followed.
     */
    public static Op attach(Arg mount, Arg directory, String path) {
        return Op.of(
                SystemCall.MOVE_MOUNT,
                path,
                mount,
                Arg.text(""),
                directory,
                Arg.text(path),
                Arg.of(MOVE_MOUNT_F_EMPTY_PATH | (path.isEmpty() ? MOVE_MOUNT_T_EMPTY_PATH : 0)));
    }

    /** Attaches to an open file or directory; the path is for the reader of an error message. */
    public static Op attachAt(Arg mount, Arg place, String path) {
        return Op.of(
                SystemCall.MOVE_MOUNT,
                path,
                mount,
                Arg.text(""),
                place,
                Arg.text(""),
                Arg.of(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    }

    /** Attaches at an absolute path of this process. */
    public static Op attach(Arg mount, String path) {
        return attach(mount, Arg.of(FileOps.AT_FDCWD), path);
    }

    /**
     * {@code int mount_setattr(int dirfd, "", AT_EMPTY_PATH, struct mount_attr *attr, size_t size)} mount_setattr(2): the files of
     * a detached mount appear as owned by the ids that the user namespace maps theirs to.
     *
     * @param operands what is mounted, for the reader of an error message
     */
    public static Op shiftIds(Op mount, String operands, Fd userNamespace) {
        ByteBuffer attributes = Arg.struct(MOUNT_ATTR_SIZE);
        attributes.putLong(0, ATTR_IDMAP).putLong(24, userNamespace.number());
        return setattr(Arg.of(mount), operands, FileOps.AT_EMPTY_PATH, attributes);
    }

    /** Makes a mount and all below it read-only, or whatever the attributes say; see mount_setattr(2). */
    public static Op restrict(Arg mount, String operands, long attributesSet) {
        ByteBuffer attributes = Arg.struct(MOUNT_ATTR_SIZE);
        attributes.putLong(0, attributesSet);
        return setattr(mount, operands, FileOps.AT_EMPTY_PATH | AT_RECURSIVE, attributes);
    }

    /** {@link #shiftIds} of a mount and all below it, of which none changes if one of them cannot. */
    public static Op shiftAllIds(Arg mount, String operands, Fd userNamespace) {
        ByteBuffer attributes = Arg.struct(MOUNT_ATTR_SIZE);
        attributes.putLong(0, ATTR_IDMAP).putLong(24, userNamespace.number());
        return setattr(mount, operands, FileOps.AT_EMPTY_PATH | AT_RECURSIVE, attributes);
    }

    /** {@link #restrict}, and what is mounted on the host from now on does not appear in it, nor the other way round. */
    public static Op isolate(Arg mount, String operands, long attributesSet) {
        ByteBuffer attributes = Arg.struct(MOUNT_ATTR_SIZE);
        attributes.putLong(0, attributesSet).putLong(16, MS_PRIVATE);
        return setattr(mount, operands, FileOps.AT_EMPTY_PATH | AT_RECURSIVE, attributes);
    }

    private static Op setattr(Arg mount, String operands, long flags, ByteBuffer attributes) {
        return Op.of(
                SystemCall.MOUNT_SETATTR,
                operands,
                mount,
                Arg.text(""),
                Arg.of(flags),
                new Arg.Bytes(attributes.array()),
                Arg.of(MOUNT_ATTR_SIZE));
    }
}
