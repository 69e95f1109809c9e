package dev.cay.engine.fuse;

import dev.cay.linux.Errno;

/** An answer that is an error. */
final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    private final int errno;

    Refusal(Errno errno) {
        this(errno.number());
    }

    Refusal(int errno) {
        super(Errno.nameOf(errno), null, false, false); // it is an ordinary answer: nobody looks where it was given
        this.errno = errno;
    }

    int errno() {
        return errno;
    }
}
