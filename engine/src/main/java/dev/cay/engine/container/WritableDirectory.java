package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * A directory of the host that keeps a sandbox's changes, locked for as long as the sandbox lives.
 *
 * @param path where it is
 * @param directory the lock
 */
record WritableDirectory(Path path, Fd directory) implements AutoCloseable {
    /** Opens it, making it if it is missing. */
    static WritableDirectory open(Kernel kernel, Path path) throws IOException {
        Files.createDirectories(path);
        Op open = FileOps.open(path.toString(), FileOps.O_RDONLY | FileOps.O_DIRECTORY);
        try {
            return new WritableDirectory(
                    path,
                    kernel.run(OpList.of(open, FileOps.lock(Arg.of(open), path.toString())))
                            .fd(open));
        } catch (SyscallException e) {
            throw e.is(Errno.EAGAIN) ? new IOException("another sandbox is using " + path, e) : e;
        }
    }

    /** The host's id of root in the sandbox that was here before; empty if there was none. */
    OptionalLong owner() throws IOException {
        Path upper = path.resolve(".upper");
        return Files.isDirectory(upper, LinkOption.NOFOLLOW_LINKS)
                ? OptionalLong.of(
                        ((Number) Files.getAttribute(upper, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue())
                : OptionalLong.empty();
    }

    @Override
    public void close() {
        directory.close();
    }
}
