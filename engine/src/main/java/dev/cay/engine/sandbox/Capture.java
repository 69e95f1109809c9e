package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a command to its end on one thread: feeds its input, keeps its output up to a limit and waits for its exit, all at
 * once, so that no order of events can make it hang.
 */
final class Capture {
    private final LocalExecution execution;
    private final Poll.Interest end;
    private final ByteBuffer buffer = IoBuffers.borrow();
    private final byte[] input;
    private int inputDone;
    private final Output stdout;
    private final Output stderr;
    private boolean exited;

    Capture(LocalExecution execution, ExecSpec command) {
        this.execution = execution;
        end = execution.process().child().end();
        input = command.stdin();
        int limit = (int) command.outputLimit().bytes();
        stdout = new Output(execution.pipes().output(), limit);
        stderr = new Output(execution.pipes().error(), limit);
    }

    private static final class Output {
        private final Fd fd;
        private final int limit;
        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
        private boolean truncated;

        Output(Pipe pipe, int limit) {
            this.fd = pipe.ours();
            this.limit = limit;
        }

        void keep(ByteBuffer bytes) {
            int room = Math.min(bytes.remaining(), limit - kept.size());
            truncated |= room < bytes.remaining();
            byte[] copy = new byte[room];
            bytes.get(copy);
            kept.writeBytes(copy);
        }
    }

    Exit run() throws SyscallException {
        try {
            pump();
        } finally {
            IoBuffers.giveBack(buffer);
        }
        return execution.await();
    }

    private void pump() throws SyscallException {
        if (input.length == 0) {
            execution.pipes().input().ours().close();
        }
        long deadline = Long.MAX_VALUE;
        while (true) {
            List<Poll.Interest> interests = interests();
            if (interests.isEmpty()
                    || interests.size() == 1 && interests.getFirst().fd() == end.fd()) {
                break; // nothing comes any more but its end
            }
            long wait = exited ? deadline - System.nanoTime() : Poll.FOREVER;
            if (exited && wait <= 0) {
                break; // somebody else holds a pipe open, and may go on doing so
            }
            int ready = Poll.await(wait, interests.toArray(Poll.Interest[]::new));
            for (int i = 0; i < interests.size(); i++) {
                if ((ready >> i & 1) != 0) {
                    serve(interests.get(i).fd());
                }
            }
            if (exited && deadline == Long.MAX_VALUE) {
                deadline = System.nanoTime() + PipeInput.DRAIN_NANOSECONDS;
                execution.pipes().input().ours().close();
            }
        }
    }

    private List<Poll.Interest> interests() {
        List<Poll.Interest> interests = new ArrayList<>(4);
        Fd stdin = execution.pipes().input().ours();
        if (stdin.isOpen()) {
            interests.add(Poll.Interest.writing(stdin));
        }
        if (stdout.fd.isOpen()) {
            interests.add(Poll.Interest.reading(stdout.fd));
        }
        if (stderr.fd.isOpen()) {
            interests.add(Poll.Interest.reading(stderr.fd));
        }
        if (!exited) {
            interests.add(end);
        }
        return interests;
    }

    private void serve(Fd ready) throws SyscallException {
        if (ready == end.fd()) {
            exited = true;
        } else if (ready == stdout.fd) {
            read(stdout);
        } else if (ready == stderr.fd) {
            read(stderr);
        } else {
            write(ready);
        }
    }

    private void read(Output output) throws SyscallException {
        buffer.clear();
        int count = Pipe.read(output.fd, buffer);
        if (count == Pipe.END) {
            output.fd.close();
        } else if (count > 0) {
            output.keep(buffer.flip());
        }
    }

    private void write(Fd stdin) throws SyscallException {
        buffer.clear()
                .put(input, inputDone, Math.min(buffer.capacity(), input.length - inputDone))
                .flip();
        int count = Pipe.write(stdin, buffer);
        if (count > 0) {
            inputDone += count;
        }
        if (count == Pipe.END || inputDone == input.length) {
            stdin.close();
        }
    }

    byte[] stdout() {
        return stdout.kept.toByteArray();
    }

    byte[] stderr() {
        return stderr.kept.toByteArray();
    }

    boolean truncated() {
        return stdout.truncated || stderr.truncated;
    }
}
