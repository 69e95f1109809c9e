package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Errno;
import dev.cay.linux.Printable;
import dev.cay.linux.SyscallException;
import java.io.IOException;

/** What went wrong, said in the same way by everything here: {@code ENOENT: /etc/x: no such file}. */
final class Failures {
    private Failures() {}

    static FileFailed of(String subject, Errno errno, String reason) {
        return new FileFailed(errno.name() + ": " + subject + ": " + reason, errno.number(), null);
    }

    static FileFailed of(String subject, Errno errno) {
        return new FileFailed(errno.name() + ": " + subject + ": " + reason(errno.number()), errno.number(), null);
    }

    static FileFailed of(String subject, SyscallException cause) {
        int errno = cause.errno();
        String reason = reason(errno);
        return new FileFailed(
                Errno.nameOf(errno) + ": " + subject + ": " + (reason.isEmpty() ? cause.getMessage() : reason),
                errno,
                cause);
    }

    /** The stream that somebody else gave us, or the archive in it, failed. */
    static FileFailed ofStream(String subject, IOException cause) {
        return new FileFailed(subject + ": " + cause.getMessage(), 0, cause);
    }

    /** A path for a message: what could move a terminal's cursor is not passed on. */
    static String text(FilePath path) {
        return Printable.text(path.toString());
    }

    private static String reason(int errno) {
        return switch (Errno.nameOf(errno)) {
            case "EPERM" -> "not permitted";
            case "ENOENT" -> "no such file";
            case "EAGAIN" -> "its directories are being renamed all the time";
            case "EACCES" -> "permission denied";
            case "EBUSY" -> "in use, as a mount point for example";
            case "EEXIST" -> "exists already";
            case "EXDEV" -> "on another file system";
            case "ENOTDIR" -> "not a directory";
            case "EISDIR" -> "a directory";
            case "EMFILE" -> "too many open files";
            case "EFBIG" -> "larger than a file may be";
            case "ENOSPC" -> "no space left";
            case "EROFS" -> "the file system is read-only";
            case "ENAMETOOLONG" -> "a name is too long";
            case "ENOTEMPTY" -> "the directory is not empty";
            case "ETIMEDOUT" -> "no answer: it, or who works on it in the sandbox, stands still";
            case "ELOOP" -> "too many links, or one that is not followed";
            case "EDQUOT" -> "the quota is used up";
            default -> "";
        };
    }
}
