package dev.cay.linux;

import java.io.IOException;

/**
 * A system call failed. The message names the call, what it was called with and the error:
 * {@code mount_setattr(/srv/root): EINVAL (step 7)}.
 */
public final class SyscallException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final String operands;
    private final int errno;
    private final int step;

    SyscallException(String call, String operands, int errno, int step) {
        super(describe(call, operands, errno, step));
        this.call = call;
        this.operands = operands;
        this.errno = errno;
        this.step = step;
    }

    /** A failure outside of any list. */
    SyscallException(String call, String operands, int errno) {
        this(call, operands, errno, -1);
    }

    private static String describe(String call, String operands, int errno, int step) {
        return call
                + (operands.isEmpty() ? "" : "(" + operands + ")")
                + ": "
                + Errno.nameOf(errno)
                + (step < 0 ? "" : " (step " + step + ")");
    }

    /** The name of the call. */
    public String call() {
        return call;
    }

    /** What it was called with, for a reader; may be empty. */
    public String operands() {
        return operands;
    }

    /** The error number. */
    public int errno() {
        return errno;
    }

    public boolean is(Errno other) {
        return errno == other.number();
    }

    /** The index of the operation in its list, or -1 for a call outside of any. */
    public int step() {
        return step;
    }
}
