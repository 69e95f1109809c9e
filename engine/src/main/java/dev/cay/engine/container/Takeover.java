package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Kernel;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.Processes;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How the one command of a sandbox without an init takes the place of its first process. That would see by its connection that this
 * process is gone, and the command does not: so another process, outside of the sandbox, sees it and kills the command. Thread-safe.
 */
final class Takeover {
    private final Kernel kernel;
    private final Late<Nursery> nursery;
    private final Child first;
    private final Stub stub;
    private final AtomicBoolean begun = new AtomicBoolean();

    /** @param kernel makes processes beside this one */
    Takeover(Kernel kernel, Late<Nursery> nursery, Child first, Stub stub) {
        this.kernel = kernel;
        this.nursery = nursery;
        this.first = first;
        this.stub = stub;
    }

    /** For whoever did not make the sandbox: its command is its owner's. */
    static Takeover ofAnother(Kernel kernel, Late<Nursery> nursery, Child first, Stub stub) {
        Takeover takeover = new Takeover(kernel, nursery, first, stub);
        takeover.begun.set(true);
        return takeover;
    }

    /**
     * Lets one command in; whatever becomes of it there is no second one.
     *
     * @throws SandboxException.Conflict if there was one
     */
    void claim(String id) {
        if (!begun.compareAndSet(false, true)) {
            throw refused(id);
        }
    }

    private static SandboxException refused(String id) {
        return new SandboxException.Conflict(
                "the sandbox " + id
                        + " has no init: nothing but its one command runs in it, nobody reaches its files, and it cannot be paused",
                "make it with an init, that is, without --no-init");
    }

    /** Makes sure that the first process still is the one that makes processes and reaches files. */
    void requireInit(String id) {
        if (begun.get()) {
            throw refused(id);
        }
    }

    /** Whether the first process is, or is about to be, the command. */
    boolean hasBegun() {
        return begun.get();
    }

    /**
     * Lets the first process become the command.
     *
     * @param cleanup of the sandbox: takes away what is beside it
     * @throws SyscallException of the step that failed; the sandbox is of no use then
     */
    Child start(OpList list, Cleanup cleanup) throws SyscallException {
        cleanup.push(Watcher.start(kernel, nursery.get(), first));
        stub.become(list);
        return first;
    }

    /** The process that kills. It sees that this one is gone by the end of a pipe that nobody else has. */
    private record Watcher(Pipe line, Child process) implements AutoCloseable {
        static Watcher start(Kernel kernel, Nursery nursery, Child victim) throws SyscallException {
            Pipe line = Pipe.writing();
            try {
                Child process = kernel.spawn(nursery.watcher(line.theirs(), victim), new Birth(0, Optional.empty()));
                line.theirs().close();
                return new Watcher(line, process);
            } catch (SyscallException | RuntimeException e) {
                line.close();
                throw e;
            }
        }

        @Override
        public void close() throws SyscallException {
            process.signal(Processes.SIGKILL);
            process.await();
            process.close();
            line.close();
        }
    }
}
