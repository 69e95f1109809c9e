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

/** Adds to the end of a file. */
final class Appending {
    /** Neither a FIFO without a reader nor a terminal holds us up. */
    private static final int O_ADD = FileOps.O_WRONLY | FileOps.O_APPEND | FileOps.O_NONBLOCK | DirectoryOps.O_NOCTTY;

    private Appending() {}

    /** @param options for a file that is not there yet */
    static long append(FileAccess access, FilePath path, InputStream content, WriteOptions options) {
        String text = Failures.text(path);
        try (Fd file = openOrMake(access, path, text, options)) {
            long size = copy(access, content, file, text);
            access.io(OpenFile.sync(Arg.of(file), text), text);
            return size;
        }
    }

    /** Copies a stream to the end of a file, however long it is: in order, one piece after the other. */
    private static long copy(FileAccess access, InputStream content, Fd file, String text) {
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

    private static Fd openOrMake(FileAccess access, FilePath path, String text, WriteOptions options) {
        try {
            return open(access, path, text);
        } catch (FileFailed e) {
            if (e.errno() != Errno.ENOENT.number()) {
                throw e;
            }
        }
        new Writing(access, path, options).write(InputStream.nullInputStream());
        return open(access, path, text);
    }

    private static Fd open(FileAccess access, FilePath path, String text) {
        Arg.Buffer room = FileStatus.room();
        Op open = access.open(path.bytes(), O_ADD);
        Results results =
                access.inside(OpList.of(open, DirectoryOps.status(Arg.of(open), FileAccess.SELF, room)), text);
        Fd file = results.fd(open);
        if (!FileStatus.of(results.bytes(room)).isFile()) {
            file.close();
            throw Failures.of(text, Errno.EINVAL, "not a regular file");
        }
        return file;
    }
}
