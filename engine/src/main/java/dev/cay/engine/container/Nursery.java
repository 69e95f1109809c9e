package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Init;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.util.List;
import java.util.Optional;

/**
 * What an engine has once for the first processes of all its sandboxes.
 *
 * @param mounts a mount namespace with nothing in it but an empty read-only root. A sandbox begins with a copy of it, over which
 *     it hangs its own root. To copy the host's many mounts and to get rid of them again, as pivot_root(2) has it, takes the
 *     kernel far longer, and here there is nothing that could be left over
 * @param init the program that the first process becomes
 * @param lifeline a pipe whose other end is closed when this process ends, however it ends: then the first process ends too
 */
record Nursery(Fd mounts, Fd init, Pipe lifeline) implements AutoCloseable {
    static Nursery create(Kernel kernel) throws SyscallException {
        try (Cleanup undo = new Cleanup()) {
            Fd init = undo.push(Init.program(kernel));
            Pipe lifeline = undo.push(Pipe.writing());
            Birth birth = new Birth(Namespaces.MOUNT, Optional.empty(), Optional.empty(), false);
            try (Child holder = kernel.spawn(holderList(init, lifeline), birth)) {
                Op mounts = FileOps.open("/proc/" + holder.pid() + "/ns/mnt", FileOps.O_RDONLY);
                try {
                    Nursery nursery = new Nursery(kernel.run(OpList.of(mounts)).fd(mounts), init, lifeline);
                    undo.release();
                    return nursery;
                } finally {
                    holder.signal(Processes.SIGKILL);
                    holder.await();
                }
            }
        }
    }

    /** Leaves the host's mounts behind and waits to be looked at. */
    private static OpList holderList(Fd init, Pipe lifeline) {
        OpList.Builder list = OpList.builder();
        String place = StateDirectory.MOUNT.toString();
        list.add(Mount.mount("", "/", Mount.MS_REC | Mount.MS_PRIVATE));
        list.add(Mount.mount("none", place, "tmpfs", Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC, "mode=0555"));
        list.add(FileOps.chdir(place));
        list.add(Mount.pivotRoot(".", ".")); // see "pivot_root(".", ".")" in pivot_root(2)
        list.add(Mount.detach("."));
        list.add(Mount.mount("", "/", Mount.MS_REMOUNT | Mount.MS_RDONLY));
        become(list, init, lifeline);
        return list.build();
    }

    /** The last calls of a first process. */
    void become(OpList.Builder list) {
        become(list, init, lifeline);
    }

    private static void become(OpList.Builder list, Fd init, Pipe lifeline) {
        list.add(Processes.ignoreChildren());
        list.add(FileOps.duplicate(Arg.of(lifeline.theirs()), 0));
        list.add(FileOps.closeOnExecFrom(1));
        list.add(Processes.unblockSignals());
        list.add(Processes.execve(init, List.of("cay-init"), List.of()));
    }

    @Override
    public void close() {
        mounts.close();
        init.close();
        lifeline.close();
    }
}
