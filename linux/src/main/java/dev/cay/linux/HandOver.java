package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Another program becomes the first process of a machine, and the stub goes on as a child of it. The machine's channel can be opened once
 * only, so the new stub inherits it; and as two that read it would take each other's bytes, it begins when the old one is gone.
 */
public final class HandOver {
    private static final int DESCRIPTORS = 64;
    private static final int LINK_SIZE = 128;
    private static final int PIPE_SIZE = 2 * Integer.BYTES;
    private static final long O_CLOEXEC = 02000000;
    private static final String PORT = "/vport";

    /** The only one of a first process that has no port is that to its host. */
    private static final String SOCKET = "socket:";

    private static final int FIRST = 1;

    /** The old stub may have a greeting in its hands when it goes; after a second there is another one. */
    private static final long SETTLE_NANOSECONDS = TimeUnit.MILLISECONDS.toNanos(200);

    private HandOver() {}

    /**
     * Hands over, and begins a session with the stub that is a child then. The session before is over, and must not be closed while the other
     * one lives: it has the same channel.
     *
     * @param stub that is the first process
     * @param channel another descriptor of the host's end of its channel; the new session's from now on
     * @param program of the stub
     * @param init makes the new program of the first process; its last operation is an execve
     * @param deadline a value of {@link System#nanoTime}
     * @throws SyscallException if the program could not be executed, or the stub does not answer in time
     */
    public static Stub to(Stub stub, Fd channel, byte[] program, OpList init, long deadline) throws SyscallException {
        try (Fd image = Stub.program(stub, program)) {
            int port = port(stub);
            Arg.Buffer ends = new Arg.Buffer(PIPE_SIZE);
            ByteBuffer pipe = ByteBuffer.wrap(stub.run(OpList.of(Op.of(SystemCall.PIPE2, "", ends, Arg.of(O_CLOEXEC))))
                            .bytes(ends))
                    .order(ByteOrder.LITTLE_ENDIAN);
            int reading = pipe.getInt();
            int writing = pipe.getInt();
            OpList child = OpList.of(
                    Op.of(SystemCall.CLOSE, "", Arg.of(writing)),
                    // Until the other end is closed, by the execve of the first process.
                    FileOps.read(Arg.of(reading), new Arg.Buffer(1)),
                    FileOps.duplicate(Arg.of(port), 0),
                    FileOps.keepOpen(Arg.of(1)),
                    FileOps.keepOpen(Arg.of(2)),
                    FileOps.closeOnExecFrom(3),
                    Processes.execve(Arg.of(image), List.of("cay-init", "machine"), List.of()));
            stub.leaveBehind(child, init);
        } catch (SyscallException | RuntimeException e) {
            channel.close();
            throw e;
        }
        LockSupport.parkNanos(SETTLE_NANOSECONDS);
        Stub next = Stub.ofMachine(channel, deadline);
        if (next.pid() == FIRST) {
            next.close();
            throw new SyscallException("execve", "the init of the image", Errno.ENOEXEC.number());
        }
        return next;
    }

    /** Which of the stub's descriptors its channel is. */
    private static int port(Stub stub) throws SyscallException {
        OpList.Builder list = OpList.builder();
        List<Op> links = new ArrayList<>();
        List<Arg.Buffer> targets = new ArrayList<>();
        for (int i = 0; i < DESCRIPTORS; i++) {
            Arg.Buffer target = new Arg.Buffer(LINK_SIZE);
            targets.add(target);
            byte[] path = ("/proc/self/fd/" + i).getBytes(StandardCharsets.US_ASCII);
            links.add(list.add(DirectoryOps.readLink(Arg.of(0), path, target).tolerating(Errno.ENOENT)));
        }
        Results results = stub.runInside(list.build());
        for (int i = 0; i < DESCRIPTORS; i++) {
            int length = (int) Math.max(0, results.value(links.get(i)));
            String target = new String(results.bytes(targets.get(i)), 0, length, StandardCharsets.UTF_8);
            if (target.contains(PORT) || target.startsWith(SOCKET)) {
                return i;
            }
        }
        throw new SyscallException("readlink", "the channel", Errno.ENOENT.number());
    }
}
