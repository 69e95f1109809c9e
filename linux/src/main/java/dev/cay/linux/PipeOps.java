package dev.cay.linux;

import java.util.ArrayList;
import java.util.List;

/**
 * A pipe that a list makes, so that it is one of wherever the list runs; see pipe(2). {@link Pipe} is one of this process.
 *
 * <p>{@code pipe2} leaves its two numbers in memory; copies of them are results like those of any call that opens something.
 */
public final class PipeOps {
    private final Arg.Buffer numbers = new Arg.Buffer(2 * Long.BYTES);
    private final Op reading = copy(0);
    private final Op writing = copy(Integer.BYTES);

    public PipeOps() {}

    private Op copy(int offset) {
        return FileOps.copy(new Arg.Stored(numbers, offset), "pipe").tolerating(Errno.EMFILE);
    }

    private Op close(int offset) {
        return Op.of(SystemCall.CLOSE, "", new Arg.Stored(numbers, offset));
    }

    /** What makes it; nothing of the list may close what it opens. */
    public List<Op> operations() {
        Op make = Op.of(SystemCall.PIPE2, "", numbers, Arg.of(FileOps.O_CLOEXEC));
        return List.of(make, reading, writing, close(0), close(Integer.BYTES));
    }

    /**
     * The same with an owner: whoever opens it again, by {@code /dev/stdout} and its like, must be allowed to.
     *
     * @param user by its number where the list runs, and so the group
     */
    public List<Op> operations(int user, int group) {
        List<Op> all = new ArrayList<>(operations());
        all.add(1, FileOps.chown(new Arg.Stored(numbers, 0), "", user, group)); // both ends are one file
        return List.copyOf(all);
    }

    /**
     * The end that is read, the caller's from now on.
     *
     * @throws SyscallException EMFILE if there were too many descriptors
     */
    public Fd reading(Results results) throws SyscallException {
        return end(results, reading);
    }

    /** The same of the end that is written. */
    public Fd writing(Results results) throws SyscallException {
        return end(results, writing);
    }

    private static Fd end(Results results, Op copy) throws SyscallException {
        if (results.failed(copy)) {
            throw new SyscallException("pipe2", "", (int) -results.value(copy));
        }
        return results.fd(copy);
    }
}
