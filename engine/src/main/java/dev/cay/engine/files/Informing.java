package dev.cay.engine.files;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.util.Arrays;
import java.util.Optional;

/** Says what a file is. */
final class Informing {
    /** PATH_MAX, which is what a link can hold. */
    static final int LINK_SIZE = 4096;

    private Informing() {}

    static FileInfo stat(FileAccess access, FilePath path, boolean follow) {
        FileStatusOps ops =
                new FileStatusOps(access.open(path.bytes(), FileOps.O_PATH | (follow ? 0 : FileOps.O_NOFOLLOW)));
        Results results = access.inside(ops.list(), Failures.text(path));
        return of(
                Place.lastName(path),
                FileStatus.of(results.bytes(ops.status)),
                target(results.value(ops.read), results.bytes(ops.target)));
    }

    /** Everything about one file in one list. */
    private static final class FileStatusOps {
        private final Arg.Buffer status = FileStatus.room();
        private final Arg.Buffer target = new Arg.Buffer(LINK_SIZE);
        private final Op open;
        private final Op read;

        FileStatusOps(Op open) {
            this.open = open;
            read = DirectoryOps.readLink(Arg.of(open), FileAccess.SELF, target).tolerating(Errno.EINVAL, Errno.ENOENT);
        }

        OpList list() {
            return OpList.of(
                    open, DirectoryOps.status(Arg.of(open), FileAccess.SELF, status), read, FileOps.close(open));
        }
    }

    /** What readlink(2) returned and wrote; a link can be longer than a path, but then it leads nowhere. */
    static Optional<FilePath> target(long length, byte[] written) {
        return length <= 0 || length >= written.length
                ? Optional.empty()
                : Optional.of(FilePath.of(Arrays.copyOf(written, (int) length)));
    }

    static FileInfo of(FilePath name, FileStatus status, Optional<FilePath> target) {
        return new FileInfo(
                name,
                kind(status),
                status.size(),
                status.permissions(),
                status.user(),
                status.group(),
                status.links(),
                status.modified(),
                target);
    }

    private static FileKind kind(FileStatus status) {
        return switch (status.type()) {
            case FileStatus.S_IFREG -> FileKind.FILE;
            case FileStatus.S_IFDIR -> FileKind.DIRECTORY;
            case FileStatus.S_IFLNK -> FileKind.SYMBOLIC_LINK;
            case FileStatus.S_IFSOCK -> FileKind.SOCKET;
            case FileStatus.S_IFBLK -> FileKind.BLOCK_DEVICE;
            case FileOps.S_IFCHR -> FileKind.CHARACTER_DEVICE;
            default -> FileKind.FIFO;
        };
    }
}
