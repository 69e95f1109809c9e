package dev.cay.engine.sandbox;

import dev.cay.linux.Arg;
import dev.cay.linux.EventFd;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.SyscallException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A process that does nothing but exit when it is told, as far as a descriptor can tell, and the other ends of pipes. */
final class Events implements AutoCloseable {
    private static final int MOST = 64 * 1024;

    private final HostKernel kernel = new HostKernel();
    private final Fd process;

    Events() throws SyscallException {
        Op event = EventFd.create();
        process = kernel.run(OpList.of(event)).fd(event);
    }

    /** Becomes readable, as a pidfd does. */
    Fd process() {
        return process;
    }

    void exit() throws SyscallException {
        kernel.run(OpList.of(FileOps.write(Arg.of(process), "exit", new byte[] {1, 0, 0, 0, 0, 0, 0, 0})));
    }

    /** Writes as the command would; what does not fit into the pipe must not be given. */
    static void write(Pipe pipe, String text) throws SyscallException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int count = Pipe.write(
                pipe.theirs(),
                ByteBuffer.allocateDirect(bytes.length).put(bytes).flip());
        if (count != bytes.length) {
            throw new IllegalStateException("wrote " + count);
        }
    }

    /** Reads as the command would: what there is, waiting for it. */
    static String read(Pipe pipe) throws SyscallException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(MOST);
        Pipe.read(pipe.theirs(), buffer);
        return StandardCharsets.UTF_8.decode(buffer.flip()).toString();
    }

    @Override
    public void close() {
        process.close();
        kernel.close();
    }
}
