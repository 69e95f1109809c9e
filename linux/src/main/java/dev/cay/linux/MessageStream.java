package dev.cay.linux;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * An open file of a machine that has messages, such as {@code /dev/fuse}: the stub reads one whenever there is one, and sends it. No list waits for
 * that, so it takes no place from others. Thread-safe; messages come to whoever reads next.
 *
 * <p>For the stub it is an execution that has ended, whose output is this file.
 */
public final class MessageStream implements AutoCloseable {
    /** The longest message. */
    public static final int MAXIMUM = FrameCodec.MAXIMUM_PAYLOAD - FrameCodec.HEADER_SIZE;

    private final Stub stub;
    private final Fd file;
    private final KeptExecution execution;
    private final ReentrantLock reading = new ReentrantLock();

    private MessageStream(Stub stub, Fd file, KeptExecution execution) {
        this.stub = stub;
        this.file = file;
        this.execution = execution;
    }

    /**
     * Begins to read.
     *
     * @param stub of a machine
     * @param file of it; this object's from now on. A read of it that has no room for a whole message fails with EINVAL
     * @param number of no other execution there, above 0
     */
    public static MessageStream open(Stub stub, Fd file, int number) throws SyscallException {
        Op open = FileOps.open("/dev/null", FileOps.O_RDWR);
        try (Fd nothing = stub.run(OpList.of(open)).fd(open)) {
            OpList ends = OpList.of(
                    FileOps.duplicate(Arg.of(nothing), 0),
                    FileOps.duplicate(Arg.of(nothing), 1),
                    FileOps.duplicate(Arg.of(nothing), 2),
                    FileOps.closeOnExecFrom(3),
                    Processes.execve("/proc/self/exe", List.of("cay-init", "hold"), List.of()));
            KeptExecution.Plan plan =
                    new KeptExecution.Plan(number, nothing, Optional.empty(), 0, 0, List.of(nothing, file), 0);
            return new MessageStream(stub, file, stub.start(ends, new Birth(0, Optional.empty()), plan));
        } catch (SyscallException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Waits for the next message.
     *
     * @return empty at the end of the file, or of the machine
     */
    public Optional<byte[]> read() throws SyscallException {
        reading.lock();
        try {
            return execution.output().read(StubConnection.FOREVER);
        } finally {
            reading.unlock();
        }
    }

    /**
     * Writes a message, in the stub itself: nothing can keep it waiting.
     *
     * @param tolerated what the file says to a message that is of no use any more
     */
    public void write(byte[] message, Errno... tolerated) throws SyscallException {
        stub.runInside(OpList.of(FileOps.write(Arg.of(file), "message", message).tolerating(tolerated)));
    }

    @Override
    public void close() {
        execution.close();
        file.close();
    }
}
