package dev.cay.engine.fuse;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import java.io.IOException;

/** A file or a directory that the guest has open. Thread-safe: it is not closed under whoever uses it. */
final class Handle {
    private final long number;
    private final Node node;
    private final Fd fd;
    private final boolean appends;

    /** @param appends whether what is written goes to the end of the file */
    Handle(long number, Node node, Fd fd, boolean appends) {
        this.number = number;
        this.node = node;
        this.fd = fd;
        this.appends = appends;
    }

    /** What is done with it. */
    interface Use<T> {
        T with(Fd fd) throws IOException, Refusal;
    }

    long number() {
        return number;
    }

    Node node() {
        return node;
    }

    boolean appends() {
        return appends;
    }

    synchronized <T> T use(Use<T> use) throws IOException, Refusal {
        if (!fd.isOpen()) {
            throw new Refusal(Errno.EBADF);
        }
        return use.with(fd);
    }

    synchronized void close() {
        fd.close();
    }
}
