package dev.cay.engine.fuse;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import java.util.OptionalLong;

/** What is to become of a file's attributes: {@code struct fuse_setattr_in}. */
record Changes(
        int valid,
        OptionalLong handle,
        long size,
        long accessed,
        long modified,
        int accessedNanoseconds,
        int modifiedNanoseconds,
        int mode,
        int user,
        int group) {
    private static final int MODE = 1;
    private static final int USER = 1 << 1;
    private static final int GROUP = 1 << 2;
    private static final int SIZE = 1 << 3;
    private static final int ACCESSED = 1 << 4;
    private static final int MODIFIED = 1 << 5;
    private static final int HANDLE = 1 << 6;
    private static final int ACCESSED_NOW = 1 << 7;
    private static final int MODIFIED_NOW = 1 << 8;

    /** Nobody leaves programs here that run as somebody else. */
    private static final int FILE_MODE = 01777;

    private static final int DIRECTORY_MODE = 03777;
    private static final int NOW = (1 << 30) - 1;
    private static final int OMITTED = (1 << 30) - 2;
    private static final int BILLION = 1_000_000_000;

    /** What no sandbox has. */
    private static final int MAXIMUM_ID = 65535;

    static Changes of(Request request, Node node) throws MalformedRequestException, Refusal {
        int valid = request.number();
        request.skip(Integer.BYTES);
        long handle = request.large();
        long size = request.large();
        request.skip(Long.BYTES);
        long accessed = request.large();
        long modified = request.large();
        request.skip(Long.BYTES);
        int accessedNanoseconds = request.number();
        int modifiedNanoseconds = request.number();
        request.skip(Integer.BYTES);
        int mode = request.number();
        request.skip(Integer.BYTES);
        int user = request.number();
        int group = request.number();
        request.skip(Integer.BYTES);
        request.end();
        boolean wrong = (valid & SIZE) != 0 && (size < 0 || node.type() != FileStatus.S_IFREG)
                || Integer.compareUnsigned(accessedNanoseconds, BILLION) >= 0
                || Integer.compareUnsigned(modifiedNanoseconds, BILLION) >= 0;
        if (wrong) {
            throw new Refusal(Errno.EINVAL);
        }
        int kept = node.type() == FileStatus.S_IFDIR ? DIRECTORY_MODE : FILE_MODE;
        return new Changes(
                valid,
                (valid & HANDLE) != 0 ? OptionalLong.of(handle) : OptionalLong.empty(),
                size,
                accessed,
                modified,
                accessedNanoseconds,
                modifiedNanoseconds,
                mode & kept,
                (valid & USER) != 0 ? id(user) : -1,
                (valid & GROUP) != 0 ? id(group) : -1);
    }

    /** An id that a sandbox can have. */
    static int id(int id) throws Refusal {
        if (id < 0 || id >= MAXIMUM_ID) {
            throw new Refusal(Errno.EOVERFLOW);
        }
        return id;
    }

    /** How the file has to be open for them. */
    int openFlags(Node node) throws Refusal {
        if ((valid & SIZE) != 0) {
            return FileOps.O_WRONLY | FileOps.O_NONBLOCK;
        }
        if ((valid & MODE) == 0) {
            return FileOps.O_PATH;
        }
        boolean can = node.type() == FileStatus.S_IFREG
                || node.type() == FileStatus.S_IFDIR
                || node.type() == DirectoryOps.S_IFIFO;
        if (!can) {
            throw new Refusal(Errno.EOPNOTSUPP);
        }
        return FileOps.O_RDONLY | FileOps.O_NONBLOCK;
    }

    void add(OpList.Builder list, Arg file) {
        if ((valid & SIZE) != 0) {
            list.add(OpenFile.truncate(file, "", size));
        }
        if ((valid & (USER | GROUP)) != 0) {
            list.add(DirectoryOps.changeOwner(file, "", user, group));
        }
        if ((valid & MODE) != 0) {
            list.add(OpenFile.changeMode(file, "", mode));
        }
        if ((valid & (ACCESSED | MODIFIED)) != 0) {
            list.add(DirectoryOps.changeTimes(
                    file,
                    "",
                    accessed,
                    nanoseconds(ACCESSED, ACCESSED_NOW, accessedNanoseconds),
                    modified,
                    nanoseconds(MODIFIED, MODIFIED_NOW, modifiedNanoseconds)));
        }
    }

    private int nanoseconds(int isSet, int isNow, int value) {
        if ((valid & isSet) == 0) {
            return OMITTED;
        }
        return (valid & isNow) != 0 ? NOW : value;
    }
}
