package dev.cay.engine.container;

import dev.cay.ExecSpec;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Usage;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poller;
import dev.cay.linux.SyscallException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * A living container: namespaces held by a sleeping first process, and what it takes to run commands in them. Thread-safe.
 */
public final class Container implements AutoCloseable {
    static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** For how many milliseconds after an event a killed process may show up. */
    private static final int OOM_ATTEMPTS = 50;

    private final Kernel kernel;
    private final String id;
    private final ExecutionList.Walls walls;
    private final Cgroup cgroup;
    private final Child first;
    private final Cleanup cleanup;

    /** As whom commands run that do not say; what the sandbox writes into its files afterwards does not change it. */
    private final Accounts.Identity defaultIdentity;

    private final AtomicReference<Optional<Poller.Watch>> memoryWatch = new AtomicReference<>(Optional.empty());
    private volatile boolean outOfMemory;

    Container(
            Kernel kernel,
            String id,
            ExecutionList.Walls walls,
            Accounts.Identity defaultIdentity,
            Cgroup cgroup,
            Child first,
            Cleanup cleanup) {
        this.kernel = kernel;
        this.id = id;
        this.walls = walls;
        this.defaultIdentity = defaultIdentity;
        this.cgroup = cgroup;
        this.first = first;
        this.cleanup = cleanup;
    }

    /** The descriptors that a command's streams become. */
    public record Streams(Fd input, Fd output, Fd error) {}

    /**
     * A command's process.
     *
     * @param child the process, to be reaped by whoever started it before the container can end
     * @param group the name of its control group
     */
    public record Process(Child child, String group) {}

    /**
     * Makes room for a command.
     *
     * @throws SandboxException.Closed if the container has died
     */
    public Launch prepare() throws SyscallException {
        requireAlive();
        return new Launch(cgroup.enterExecution());
    }

    /**
     * A command that is about to be started. From the moment it belongs to the sandbox's users, others in there can stop its
     * process, and with it the thread that starts it: so it can be killed by any other thread.
     */
    public final class Launch implements AutoCloseable {
        private final Cgroup.Entrance entrance;
        private final String group;
        private boolean started;

        private Launch(Cgroup.Entrance entrance) {
            this.entrance = entrance;
            this.group = entrance.execution().orElseThrow();
        }

        /**
         * Starts the command.
         *
         * @throws SyscallException of the step that failed; nothing runs then
         * @throws SandboxException.Closed if the container has died
         */
        public Process start(ExecSpec command, Streams streams) throws SyscallException {
            OpList list = ExecutionList.of(first, entrance, walls, resolve(command), streams);
            try {
                Birth birth = new Birth(0, Optional.of(entrance.unified()), Optional.of(first), false);
                Child child = kernel.spawn(list, birth);
                started = true;
                return new Process(child, group);
            } catch (SyscallException e) {
                requireAlive(); // what failed because the container died meanwhile is told as that
                throw e;
            }
        }

        /** Kills the process if there already is one. Thread-safe. */
        public void kill() {
            cgroup.kill(group);
        }

        @Override
        public void close() {
            entrance.close();
            if (!started) {
                cgroup.leave(group);
            }
        }
    }

    private void requireAlive() {
        if (outOfMemory || first.poll().isPresent()) {
            throw new SandboxException.Closed(
                    "the sandbox " + id + (outOfMemory ? " ran out of memory and was killed" : " has ended"));
        }
    }

    private ExecutionList.Command resolve(ExecSpec command) throws SyscallException {
        SandboxSpec spec = walls.spec();
        Accounts.Identity identity =
                command.user().isPresent() ? identify(command.user().get()) : defaultIdentity;
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("PATH", DEFAULT_PATH);
        environment.put("HOME", identity.home());
        environment.put("HOSTNAME", spec.hostname().orElse(id));
        environment.putAll(spec.environment());
        environment.putAll(command.environment());
        return new ExecutionList.Command(
                command.command(), environment, command.workingDirectory().orElse(spec.workingDirectory()), identity);
    }

    /** Looks a user up in the sandbox's files as they are now. */
    private Accounts.Identity identify(String user) {
        try {
            Op root = FileOps.open("/proc/" + first.pid() + "/root", FileOps.O_PATH | FileOps.O_DIRECTORY);
            try (Fd directory = kernel.run(OpList.of(root)).fd(root)) {
                return Accounts.read(kernel, directory).require(user);
            }
        } catch (SyscallException e) {
            requireAlive();
            throw new SandboxException.HostFailed("cannot read the sandbox's users: " + e.getMessage(), "", e);
        }
    }

    /** Kills a command and all its descendants. */
    public void kill(Process process) {
        cgroup.kill(process.group());
    }

    /** Forgets a command that has ended. Descendants of it that still run stay until the container ends. */
    public void forget(Process process) {
        try {
            cgroup.leave(process.group());
        } finally {
            process.child().close();
        }
    }

    /** Whether the kernel has killed anything in here for want of memory. Then everything is killed. */
    public boolean ranOutOfMemory() {
        if (!outOfMemory && cgroup.oomKills() > 0) {
            outOfMemory = true;
            cgroup.kill();
        }
        return outOfMemory;
    }

    /** Watches the memory limit, if there is one: the kernel kills one process only. */
    void watchMemory() throws SyscallException {
        if (walls.spec().limits().memory().isPresent()) {
            watch(cleanup.push(cgroup.watchMemory(kernel)));
        }
    }

    private void watch(OomWatch memory) {
        Poller.Watch watch =
                Poller.shared().watch(memory.interest(), () -> Thread.startVirtualThread(() -> onMemoryLimit(memory)));
        memoryWatch.getAndSet(Optional.of(watch)).ifPresent(Poller.Watch::close);
    }

    /** The kernel tells before it kills, so the count may follow a moment later; or it finds memory after all. */
    private void onMemoryLimit(OomWatch memory) {
        try {
            for (int attempt = 0; attempt < OOM_ATTEMPTS; attempt++) {
                if (first.poll().isPresent() || ranOutOfMemory()) {
                    return;
                }
                LockSupport.parkNanos(1_000_000);
            }
            memory.clear(kernel);
            watch(memory);
        } catch (SyscallException | IllegalStateException | SandboxException e) {
            // the sandbox has just been closed
        }
    }

    public Usage usage() {
        return cgroup.usage();
    }

    /** Kills everything at once; what was started still has to be reaped. */
    public void kill() {
        cgroup.kill();
    }

    /** Removes the container. Everything that was started in it must have been reaped. */
    @Override
    public void close() {
        cgroup.kill();
        memoryWatch.get().ifPresent(Poller.Watch::close);
        first.await(); // the kernel lets it end only after all the others have been reaped
        cleanup.close();
    }
}
