package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;

/** Makes directories and renames what is in them. */
final class Directories {
    private static final int PARENT_MODE = 0755;

    private Directories() {}

    static void make(FileAccess access, FilePath path, int mode, boolean parents) {
        String text = Failures.text(path);
        if (mode < 0 || mode > 07777) {
            throw Failures.of(text, Errno.EINVAL, "a mode is 0 to 7777, octal");
        }
        if (parents && isDirectory(access, path)) {
            return;
        }
        Place place = Place.of(path);
        if (parents) {
            makeParents(access, place);
        }
        Op parent = access.openParent(place);
        Op made = DirectoryOps.makeDirectory(Arg.of(parent), place.name(), mode);
        Op directory = FileAccess.openDirectory(Arg.of(parent), place.name());
        Arg.Buffer room = FileStatus.room();
        Op status = DirectoryOps.status(Arg.of(directory), FileAccess.SELF, room);
        Results results = access.inside(OpList.of(parent, made, directory, status, FileOps.close(parent)), text);
        try (Fd fd = results.fd(directory)) {
            // The umask, or a set-group-ID that was inherited, may have changed it.
            if (FileStatus.of(results.bytes(room)).permissions() != mode) {
                access.inside(OpList.of(OpenFile.changeMode(Arg.of(fd), text, mode)), text);
            }
        }
    }

    /** Whether there is one already, of whatever mode. */
    private static boolean isDirectory(FileAccess access, FilePath path) {
        Op open = access.open(path.bytes(), FileAccess.O_SEARCH_DIRECTORY).tolerating(Errno.ENOENT);
        Results results = access.inside(OpList.of(open), Failures.text(path));
        if (results.failed(open)) {
            return false;
        }
        results.fd(open).close();
        return true;
    }

    /** Makes what is missing on the way to a place; all in one list, which can be repeated. */
    static void makeParents(FileAccess access, Place place) {
        OpList.Builder list = OpList.builder();
        for (Place directory : place.parents()) {
            Op parent = list.add(access.openParent(directory));
            list.add(DirectoryOps.makeDirectory(Arg.of(parent), directory.name(), PARENT_MODE)
                    .tolerating(Errno.EEXIST, Errno.EROFS, Errno.EACCES));
            list.add(FileOps.close(parent));
        }
        access.inside(list.build(), place.text());
    }

    static void move(FileAccess access, FilePath from, FilePath to) {
        Place source = Place.of(from);
        Place target = Place.of(to);
        Op oldParent = access.openParent(source);
        Op newParent = access.openParent(target);
        access.inside(
                OpList.of(
                        oldParent,
                        newParent,
                        DirectoryOps.rename(Arg.of(oldParent), source.name(), Arg.of(newParent), target.name()),
                        FileOps.close(oldParent),
                        FileOps.close(newParent)),
                source.text() + " to " + target.text());
    }
}
