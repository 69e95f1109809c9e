package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An execution whose streams the stub keeps, as seen by whoever is attached to it. Thread-safe; each stream is meant for one
 * thread at a time.
 */
public final class KeptExecution implements AutoCloseable {
    /** How much may be on its way to us of each stream. */
    private static final int WINDOW = 256 * 1024;

    private static final int INPUT = 0;

    /** Where it stands in an EXIT. */
    private static final int USAGE_AT = 16;

    private final StubConnection connection;
    private final int number;
    private final Mailbox state;
    private final Mailbox input;
    private final List<Output> outputs;
    private final ReentrantLock ending = new ReentrantLock();
    private long credit;
    private volatile boolean inputEnded;
    private volatile Optional<Ended> ended = Optional.empty();
    private volatile Optional<StubConnection.Frame> lost = Optional.empty();

    /**
     * What the stub gets to know of an execution.
     *
     * @param number its number, above 0, unique in its sandbox
     * @param record the file that tells about it, see design/002-stub.md
     * @param kill its {@code cgroup.kill}, if it has one; else its process group is killed
     * @param timeoutMilliseconds until it gets SIGTERM; 0 for never
     * @param graceMilliseconds from then until it is killed
     * @param streams the stub's ends of input, output and, without a terminal, error
     * @param ring how much of each output the record keeps, a multiple of 4096
     */
    public record Plan(
            int number,
            Fd record,
            Optional<Fd> kill,
            int timeoutMilliseconds,
            int graceMilliseconds,
            List<Fd> streams,
            int ring) {}

    /**
     * How it ended.
     *
     * @param timedOut whether its time had run out
     * @param used by it; empty if the first process is of a version of Cay that does not tell
     */
    public record Ended(Child.Status status, boolean timedOut, Optional<ResourceUsage> used) {}

    /** One of the streams that it writes. */
    public final class Output {
        private final Mailbox mailbox;
        private final int about;
        private volatile long before;
        private boolean granted;
        private boolean over;

        private Output(int about) {
            this.about = about;
            mailbox = connection.execution(number, about);
        }

        /** How many bytes it had written before: they are in the record, until the first call of {@link #read}. */
        public long before() {
            return before;
        }

        /**
         * Waits for bytes: empty at the end of the stream, or, with an empty array in it, when the time is over.
         *
         * @param deadline a value of {@link System#nanoTime}, or {@link Long#MAX_VALUE}
         */
        public Optional<byte[]> read(long deadline) throws SyscallException {
            if (over) {
                return Optional.empty();
            }
            if (!granted) {
                granted = true;
                grant(WINDOW);
            }
            Optional<StubConnection.Frame> frame = connection.await(mailbox, deadline);
            if (frame.isEmpty()) {
                return Optional.of(new byte[0]);
            }
            if (frame.get().kind() == StubConnection.END) {
                over = true;
                requireOurs(frame.get());
                return Optional.empty();
            }
            grant(frame.get().payload().length);
            return Optional.of(frame.get().payload());
        }

        /** Whether there is more to read now, of what it had written before it ended, if it has. */
        public boolean hasMore() throws SyscallException {
            connection.synchronize();
            return mailbox.hasFrames();
        }

        private void grant(int bytes) throws SyscallException {
            connection.send(number, StubConnection.CREDIT, about, integers(bytes));
        }
    }

    KeptExecution(StubConnection connection, int number) {
        this.connection = connection;
        this.number = number;
        state = connection.execution(number, StubConnection.EXECUTION);
        input = connection.execution(number, INPUT);
        outputs = List.of(new Output(1), new Output(2));
    }

    void attach() throws SyscallException {
        connection.send(number, StubConnection.ATTACH, 0, new byte[0]);
        StubConnection.Frame answer;
        do {
            answer = connection.await(state, StubConnection.FOREVER).orElseThrow(connection::gone);
        } while (isForFormer(answer));
        if (answer.kind() != StubConnection.ATTACHED) {
            throw new SyscallException(
                    "attach", "execution " + number, answer.buffer().getInt(0));
        }
        outputs.getFirst().before = answer.buffer().getLong(8);
        outputs.getLast().before = answer.buffer().getLong(16);
    }

    /** Whether it was on its way already: the end, or that somebody else had it then, of which the answer says nothing. */
    private static boolean isForFormer(StubConnection.Frame frame) {
        return frame.kind() == StubConnection.EXIT
                || frame.kind() == StubConnection.END && frame.buffer().getInt(0) == Errno.EBUSY.number();
    }

    public int number() {
        return number;
    }

    public Output output() {
        return outputs.getFirst();
    }

    public Output error() {
        return outputs.getLast();
    }

    /**
     * Writes to its input, waiting until it is read.
     *
     * @return whether all was written; it was not if nobody reads the input any more
     */
    public boolean write(byte[] bytes, int offset, int length) throws SyscallException {
        int done = 0;
        while (done < length) {
            if (inputEnded) {
                return false;
            }
            while (credit == 0 || input.hasFrames()) {
                StubConnection.Frame frame =
                        connection.await(input, StubConnection.FOREVER).orElseThrow(connection::gone);
                if (frame.kind() == StubConnection.END) {
                    inputEnded = true;
                    requireOurs(frame);
                    return false;
                }
                credit += Integer.toUnsignedLong(frame.buffer().getInt(0));
            }
            int count = (int) Math.min(Math.min(credit, length - done), StubConnection.MAXIMUM_PAYLOAD / 2);
            byte[] piece = new byte[count];
            System.arraycopy(bytes, offset + done, piece, 0, count);
            connection.send(number, StubConnection.DATA, INPUT, piece);
            credit -= count;
            done += count;
        }
        return true;
    }

    /** Closes its input: the end of file of whoever reads it. */
    public void endInput() throws SyscallException {
        if (!inputEnded) {
            inputEnded = true;
            connection.send(number, StubConnection.END, INPUT, integers(0));
        }
    }

    /** Tells its terminal its size. */
    public void resize(int columns, int rows) throws SyscallException {
        ByteBuffer size = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        connection.send(
                number,
                StubConnection.RESIZE,
                0,
                size.putShort((short) columns).putShort((short) rows).array());
    }

    /** Sends a signal to its process group, if it still runs. */
    public void signal(int signal) throws SyscallException {
        signal(connection, number, signal);
    }

    static void signal(StubConnection connection, int number, int signal) throws SyscallException {
        connection.send(number, StubConnection.SIGNAL, 0, integers(signal, 1));
    }

    /** Lets go of it: it goes on, and what it writes is kept in its record. */
    public void detach() throws SyscallException {
        connection.send(number, StubConnection.DETACH, 0, new byte[0]);
    }

    /**
     * Waits for its end.
     *
     * @param deadline a value of {@link System#nanoTime}, or {@link Long#MAX_VALUE}
     * @throws SyscallException EBUSY if somebody else has attached to it, ECANCELED if this has been closed, EPIPE if the stub is
     *     gone
     */
    public Optional<Ended> await(long deadline) throws SyscallException {
        if (!lockUntil(deadline)) { // another thread waits for it: what that learns counts here too
            if (lost.isPresent()) {
                requireOurs(lost.get());
            }
            return ended;
        }
        try {
            if (ended.isEmpty() && lost.isEmpty()) {
                Optional<StubConnection.Frame> frame = connection.await(state, deadline);
                if (frame.isPresent() && frame.get().kind() == StubConnection.END) {
                    lost = frame;
                } else if (frame.isPresent()) {
                    ended = Optional.of(ended(frame.get()));
                }
            }
            if (lost.isPresent()) {
                requireOurs(lost.get());
            }
            return ended;
        } finally {
            ending.unlock();
        }
    }

    /** Whoever only looks must not wait for a thread that waits for the end. */
    private boolean lockUntil(long deadline) {
        boolean interrupted = false;
        try {
            while (deadline != Long.MAX_VALUE) {
                try {
                    return ending.tryLock() || ending.tryLock(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            ending.lock();
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The end of a stream is nothing special, the end of our being attached is. */
    private static void requireOurs(StubConnection.Frame end) throws SyscallException {
        if (end.flags() == StubConnection.EXECUTION) {
            throw new SyscallException(
                    "attach", "it is not ours any more", end.buffer().getInt(0));
        }
    }

    /** A first process of an older version of Cay does not tell what was used. */
    static boolean isExit(int length) {
        return length == USAGE_AT || length == USAGE_AT + ResourceUsage.SIZE;
    }

    private static Ended ended(StubConnection.Frame frame) {
        ByteBuffer buffer = frame.buffer();
        Optional<ResourceUsage> used =
                buffer.capacity() == USAGE_AT ? Optional.empty() : ResourceUsage.read(buffer, USAGE_AT);
        return new Ended(Child.Status.of(buffer.getInt(0), buffer.getInt(4)), buffer.getInt(8) != 0, used);
    }

    private static byte[] integers(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putInt(value);
        }
        return buffer.array();
    }

    /** Forgets it on this side; it goes on. */
    @Override
    public void close() {
        state.close();
        input.close();
        outputs.forEach(output -> output.mailbox.close());
    }
}
