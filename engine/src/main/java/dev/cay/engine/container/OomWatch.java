package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.EventFd;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;

/**
 * Tells when a version 1 memory group has hit its limit: there the kernel kills one process only, and the engine has to
 * kill the rest. See "OOM Control" in the kernel's cgroup-v1/memory.rst.
 *
 * @param event readable when the limit has been hit
 * @param control kept open: the kernel ends the subscription when it is closed
 */
record OomWatch(Fd event, Fd control) implements AutoCloseable {
    static OomWatch open(Kernel kernel, Fd memory, String group) throws SyscallException {
        Op event = EventFd.create();
        Op control = FileOps.openAt(Arg.of(memory), group + "/memory.oom_control", FileOps.O_RDONLY, 0);
        Results results = kernel.run(OpList.of(event, control));
        OomWatch watch = new OomWatch(results.fd(event), results.fd(control));
        Op subscribe = FileOps.openAt(Arg.of(memory), group + "/cgroup.event_control", FileOps.O_WRONLY, 0);
        try {
            kernel.run(OpList.of(
                    subscribe,
                    EventFd.subscribe(Arg.of(subscribe), watch.event(), watch.control()),
                    FileOps.close(subscribe)));
        } catch (SyscallException e) {
            watch.close();
            throw e;
        }
        return watch;
    }

    @Override
    public void close() {
        event.close();
        control.close();
    }
}
