package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxException.FileFailed;
import dev.cay.WriteOptions;
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
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;

/** Writes a file as a whole: under another name, and renamed when it is complete. */
final class Writing {
    private static final int O_NEW_FILE =
            FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL | FileOps.O_NOFOLLOW | DirectoryOps.O_NOCTTY;

    private final FileAccess access;
    private final Place place;
    private final WriteOptions options;

    Writing(FileAccess access, FilePath path, WriteOptions options) {
        this.access = access;
        this.options = options;
        place = Place.of(path);
    }

    long write(InputStream content) {
        Temporary temporary = open();
        boolean done = false;
        try {
            long size = NewContent.copy(access, content, temporary.file(), place.text());
            finish(temporary);
            done = true;
            return size;
        } finally {
            if (!done) {
                remove(temporary);
            }
            temporary.close();
        }
    }

    /** A file that nobody knows yet. */
    private record Temporary(Fd parent, byte[] name, Fd file) implements AutoCloseable {
        @Override
        public void close() {
            parent.close();
            file.close();
        }
    }

    private Temporary open() {
        try {
            return create();
        } catch (FileFailed e) {
            if (!options.parents() || e.errno() != Errno.ENOENT.number()) {
                throw e;
            }
        }
        Directories.makeParents(access, place);
        return create();
    }

    private Temporary create() {
        byte[] name = temporaryName();
        Arg.Buffer room = FileStatus.room();
        Op parent = access.openParent(place);
        Op old = DirectoryOps.status(Arg.of(parent), place.name(), room).tolerating(Errno.ENOENT);
        Op file = newFile(Arg.of(parent), name);
        Results results = access.inside(OpList.of(parent, old, file), place.text());
        Temporary temporary = new Temporary(results.fd(parent), name, results.fd(file));
        if (!results.failed(old) && FileStatus.of(results.bytes(room)).isDirectory()) {
            remove(temporary);
            temporary.close();
            throw Failures.of(place.text(), Errno.EISDIR); // as the renaming would fail, but before all is written
        }
        return temporary;
    }

    /** A file that did not exist before, whose permissions come later: nobody may read what is not complete. */
    static Op newFile(Arg parent, byte[] name) {
        return DirectoryOps.open(parent, name, O_NEW_FILE, 0600, FileAccess.BELOW);
    }

    static byte[] temporaryName() {
        String random = Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), Character.MAX_RADIX);
        return (".cay-" + random).getBytes(StandardCharsets.US_ASCII);
    }

    /** Fills the chunk, as far as there is something: how many bytes. */
    static int read(InputStream content, byte[] chunk, String text) {
        try {
            return content.readNBytes(chunk, 0, chunk.length);
        } catch (IOException e) {
            throw Failures.ofStream(text, e);
        }
    }

    /** What is in it is brought to the disk from here: that can take longer than anything is waited for that is done inside. */
    private void finish(Temporary temporary) {
        Arg file = Arg.of(temporary.file());
        access.io(OpenFile.sync(file, place.text()), place.text());
        Arg parent = Arg.of(temporary.parent());
        access.inside(
                OpList.of(
                        // A change of the owner takes away set-user-ID, so it comes first.
                        DirectoryOps.changeOwner(
                                file,
                                place.text(),
                                options.user().orElse(0),
                                options.group().orElse(0)),
                        OpenFile.changeMode(file, place.text(), options.mode()),
                        DirectoryOps.rename(parent, temporary.name(), parent, place.name())),
                place.text());
    }

    private void remove(Temporary temporary) {
        try {
            access.inside(
                    OpList.of(DirectoryOps.unlink(Arg.of(temporary.parent()), temporary.name())
                            .tolerating(Errno.ENOENT)),
                    place.text());
        } catch (SandboxException _) {
            // The first failure is the one that is told; it has most likely the same reason.
        }
    }
}
