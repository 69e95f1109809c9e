package dev.cay.engine.container;

import dev.cay.TerminalSize;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.PipeOps;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.Terminal;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The streams of a command whose other ends the first process keeps. Both sides are closed here once it has them.
 *
 * @param ours the first process's ends of input, output and, without a terminal, error; for a terminal its master twice
 * @param theirs what the command's streams become
 */
record KeptStreams(List<Fd> ours, Container.Streams theirs) implements AutoCloseable {
    private static final String PTMX = "/dev/pts/ptmx";

    /** What the first process is told of a time; 0 for none. */
    static int milliseconds(Optional<Duration> duration) {
        return duration.map(value -> Math.clamp(value.toMillis(), 1, Integer.MAX_VALUE))
                .orElse(0);
    }

    static KeptStreams open(Kernel kernel, Stub stub, Optional<TerminalSize> terminal) throws SyscallException {
        return terminal.isPresent() ? terminal(kernel, stub, terminal.get()) : pipes();
    }

    private static KeptStreams pipes() throws SyscallException {
        try (Cleanup undo = new Cleanup()) {
            Pipe input = undo.push(Pipe.writing());
            Pipe output = undo.push(Pipe.reading());
            Pipe error = undo.push(Pipe.reading());
            KeptStreams streams = new KeptStreams(
                    List.of(input.ours(), output.ours(), error.ours()),
                    new Container.Streams(input.theirs(), output.theirs(), error.theirs(), false));
            undo.release();
            return streams;
        }
    }

    /** Pipes that a list makes in a machine, of which all descriptors are. */
    static final class There {
        private final PipeOps input = new PipeOps();
        private final PipeOps output = new PipeOps();
        private final PipeOps error = new PipeOps();

        /** Makes them in a list of the caller's, for a command of this user; {@link #streams} then. */
        There(OpList.Builder list, Accounts.Identity owner) {
            for (PipeOps pipe : List.of(input, output, error)) {
                list.addAll(pipe.operations(owner.user(), owner.group()));
            }
        }

        /** @throws SyscallException EMFILE if there were too many descriptors */
        KeptStreams streams(Results made) throws SyscallException {
            try (Cleanup undo = new Cleanup()) {
                Fd theirInput = undo.push(input.reading(made));
                Fd theirOutput = undo.push(output.writing(made));
                Fd theirError = undo.push(error.writing(made));
                KeptStreams streams = new KeptStreams(
                        List.of(
                                undo.push(input.writing(made)),
                                undo.push(output.reading(made)),
                                undo.push(error.reading(made))),
                        new Container.Streams(theirInput, theirOutput, theirError, false));
                undo.release();
                return streams;
            }
        }
    }

    /** A terminal of a machine. */
    static KeptStreams there(Stub stub, TerminalSize size) throws SyscallException {
        return terminal(stub, stub, size);
    }

    /** The terminal is the sandbox's: whoever runs there sees it in its own /dev/pts. */
    private static KeptStreams terminal(Kernel kernel, Stub stub, TerminalSize size) throws SyscallException {
        try (Cleanup undo = new Cleanup()) {
            Op open = Terminal.open(PTMX);
            Fd master = undo.push(stub.run(OpList.of(open)).fd(open));
            Op peer = Terminal.peer(master);
            Fd slave = undo.push(kernel.run(OpList.of(
                            Terminal.unlock(master), Terminal.resize(master, size.columns(), size.rows()), peer))
                    .fd(peer));
            KeptStreams streams =
                    new KeptStreams(List.of(master, master), new Container.Streams(slave, slave, slave, true));
            undo.release();
            return streams;
        }
    }

    @Override
    public void close() {
        ours.forEach(Fd::close);
        theirs.input().close();
        theirs.output().close();
        theirs.error().close();
    }
}
