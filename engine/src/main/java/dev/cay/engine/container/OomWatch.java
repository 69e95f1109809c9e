package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.EventFd;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.util.List;

/**
 * Tells when a memory group has hit its limit, so that the engine, or the first process of a sandbox that nobody attends to, can
 * kill all of the sandbox when the kernel kills one of its processes. With version 2 the kernel does that by itself
 * (memory.oom.group), and the engine only learns of it.
 *
 * @param interest what to wait for
 * @param descriptors kept open: the kernel ends a subscription when its files are closed
 */
record OomWatch(Poll.Interest interest, List<Fd> descriptors) implements AutoCloseable {
    /** See "OOM Control" and "Memory Thresholds" in the kernel's cgroup-v1/memory.rst. */
    static OomWatch legacy(Kernel kernel, Fd memory, String group) throws SyscallException {
        Op event = EventFd.create();
        Op control = FileOps.openAt(Arg.of(memory), group + "/memory.oom_control", FileOps.O_RDONLY, 0);
        Results results = kernel.run(OpList.of(event, control));
        Fd counter = results.fd(event);
        OomWatch watch = new OomWatch(Poll.Interest.reading(counter), List.of(counter, results.fd(control)));
        Op subscribe = FileOps.openAt(Arg.of(memory), group + "/cgroup.event_control", FileOps.O_WRONLY, 0);
        try {
            kernel.run(OpList.of(
                    subscribe,
                    EventFd.subscribe(
                            Arg.of(subscribe), counter, watch.descriptors().getLast()),
                    FileOps.close(subscribe)));
        } catch (SyscallException e) {
            watch.close();
            throw e;
        }
        return watch;
    }

    /** See "memory.events" in the kernel's cgroup-v2.rst. */
    static OomWatch unified(Kernel kernel, Fd cgroups, String group) throws SyscallException {
        Op events = FileOps.openAt(Arg.of(cgroups), group + "/memory.events", FileOps.O_RDONLY, 0);
        Fd file = kernel.run(OpList.of(events)).fd(events);
        return new OomWatch(Poll.Interest.changing(file), List.of(file));
    }

    /** Forgets what has been told, so that the next event is told again. */
    void clear(Kernel kernel) throws SyscallException {
        Arg file = Arg.of(interest.fd());
        Arg.Buffer buffer = new Arg.Buffer(4096);
        kernel.run(OpList.of(
                interest.event() == Poll.Event.CHANGED
                        ? FileOps.readAt(file, buffer, 0)
                        : FileOps.read(file, buffer).tolerating(Errno.EAGAIN)));
    }

    @Override
    public void close() {
        descriptors.forEach(Fd::close);
    }
}
