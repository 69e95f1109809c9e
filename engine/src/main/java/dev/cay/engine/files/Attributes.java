package dev.cay.engine.files;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpenFile;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What an archive says of a file besides its content.
 *
 * @param subject which file, for messages
 */
record Attributes(String subject, int mode, long user, long group, Instant modified, Map<String, ByteString> extended) {
    private static final String CAPABILITY = "security.capability";

    /** The greatest number that is an id; the one after it means none. */
    private static final long MAXIMUM_ID = 0xffff_fffeL;

    static Attributes of(TarEntry entry, String subject) {
        if (entry.uid() > MAXIMUM_ID || entry.gid() > MAXIMUM_ID) {
            throw Failures.of(subject, Errno.EINVAL, "an owner that no file can have");
        }
        return new Attributes(subject, entry.mode(), entry.uid(), entry.gid(), entry.modified(), entry.xattrs());
    }

    /** Whether an extended attribute is one that is packed and unpacked. */
    static boolean isKept(String name) {
        return name.startsWith("user.") || name.equals(CAPABILITY);
    }

    /** The calls that give them to a file or directory opened for reading or writing. */
    List<Op> ofFile(Arg fd) {
        List<Op> ops = new ArrayList<>();
        // A change of the owner takes away set-user-ID and capabilities, so it comes first, and the times last.
        ops.add(DirectoryOps.changeOwner(fd, subject, user, group));
        ops.add(OpenFile.changeMode(fd, subject, mode));
        extended.forEach((name, value) -> {
            if (isKept(name)) {
                Op set = FileOps.setAttribute(fd, name, value.toBytes());
                ops.add(
                        name.equals(CAPABILITY)
                                ? set.tolerating(Errno.EPERM, Errno.EINVAL, Errno.EOPNOTSUPP)
                                : set.tolerating(Errno.EOPNOTSUPP));
            }
        });
        ops.add(DirectoryOps.changeTimes(fd, subject, modified.getEpochSecond(), modified.getNano()));
        return ops;
    }

    /** The calls that give them to a symbolic link. */
    List<Op> ofLink(Arg fd) {
        return List.of(
                DirectoryOps.changeOwner(fd, subject, user, group),
                DirectoryOps.changeTimes(fd, subject, modified.getEpochSecond(), modified.getNano()));
    }
}
