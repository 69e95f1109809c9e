package dev.cay.engine.files;

import dev.cay.FilePath;
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
import java.io.InputStream;
import java.util.Arrays;

/**
 * Writes into a file that stays the same one.
 *
 * @param options for a file that is not there yet
 */
record InPlace(FileAccess access, FilePath path, WriteOptions options) {
    /** Neither a FIFO without a reader nor a terminal holds us up. */
    private static final int O_WRITE = FileOps.O_WRONLY | FileOps.O_NONBLOCK | DirectoryOps.O_NOCTTY;

    private interface Copy {
        long into(Fd file);
    }

    /** Adds to its end. */
    long append(InputStream content) {
        return write(O_WRITE | FileOps.O_APPEND, file -> add(content, file));
    }

    /** Puts this in the place of what is in it. */
    long overwrite(InputStream content) {
        return write(O_WRITE | FileOps.O_TRUNC, file -> NewContent.copy(access, content, file, text()));
    }

    private String text() {
        return Failures.text(path);
    }

    private long write(int flags, Copy copy) {
        try (Fd file = openOrMake(flags)) {
            long size = copy.into(file);
            access.io(OpenFile.sync(Arg.of(file), text()), text());
            return size;
        }
    }

    /** Copies a stream to the end of a file, however long it is: in order, one piece after the other. */
    private long add(InputStream content, Fd file) {
        String text = text();
        byte[] chunk = new byte[access.pieces().size()];
        long size = 0;
        int count;
        while ((count = Writing.read(content, chunk, text)) > 0) {
            for (int done = 0; done < count; ) {
                byte[] bytes = done == 0 && count == chunk.length ? chunk : Arrays.copyOfRange(chunk, done, count);
                done += (int) access.io(FileOps.write(Arg.of(file), text, bytes), text);
            }
            size += count;
        }
        return size;
    }

    private Fd openOrMake(int flags) {
        try {
            return open(flags);
        } catch (FileFailed e) {
            if (e.errno() != Errno.ENOENT.number()) {
                throw e;
            }
        }
        new Writing(access, path, options).write(InputStream.nullInputStream());
        return open(flags);
    }

    private Fd open(int flags) {
        Arg.Buffer room = FileStatus.room();
        Op open = access.open(path.bytes(), flags);
        Results results =
                access.inside(OpList.of(open, DirectoryOps.status(Arg.of(open), FileAccess.SELF, room)), text());
        Fd file = results.fd(open);
        if (!FileStatus.of(results.bytes(room)).isFile()) {
            file.close();
            throw Failures.of(text(), Errno.EINVAL, "not a regular file");
        }
        return file;
    }
}
