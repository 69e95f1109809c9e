package dev.cay.engine.container;

import dev.cay.guest.GuestProgram;
import dev.cay.linux.Architecture;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an engine has once for the first processes of all its sandboxes.
 *
 * @param mounts a mount namespace with nothing in it but an empty read-only root. A sandbox begins with a copy of it, over which
 *     it hangs its own root. To copy the host's many mounts and to get rid of them again, as pivot_root(2) has it, takes the
 *     kernel far longer, and here there is nothing that could be left over
 * @param stub the program that the first process becomes
 * @param nothing {@code /dev/null}, for descriptors that are not used
 */
record Nursery(Fd mounts, Fd stub, Fd nothing) implements AutoCloseable {
    /** How the stub knows that it ends with the connection it was given. */
    static final String ATTACHED = "attached";

    static final String DETACHED = "detached";

    /** How it knows that it has to kill somebody when its owner is gone. */
    private static final String WATCH = "watch";

    /** Behind the three that every program has. */
    private static final int FIRST_FREE = 3;

    private static final int FIRST_OF_COPIES = 16;

    /** @param place an empty directory, mounted on where nobody sees it */
    static Nursery create(Kernel kernel, Path place) throws SyscallException {
        try (Cleanup undo = new Cleanup()) {
            Fd stub = undo.push(
                    Stub.program(kernel, GuestProgram.of(Architecture.current().text())));
            Op open = FileOps.open("/dev/null", FileOps.O_RDWR);
            Fd nothing = undo.push(kernel.run(OpList.of(open)).fd(open));
            Birth birth = new Birth(Namespaces.MOUNT, Optional.empty());
            try (Child holder = kernel.spawn(holderList(stub, nothing, place.toString()), birth)) {
                Op mounts = FileOps.open("/proc/" + holder.pid() + "/ns/mnt", FileOps.O_RDONLY);
                try {
                    Nursery nursery = new Nursery(kernel.run(OpList.of(mounts)).fd(mounts), stub, nothing);
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
    private static OpList holderList(Fd stub, Fd nothing, String place) {
        OpList.Builder list = OpList.builder();
        list.addAll(Processes.dieWithParent());
        list.add(Mount.mount("", "/", Mount.MS_REC | Mount.MS_PRIVATE));
        list.add(Mount.mount("none", place, "tmpfs", Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC, "mode=0555"));
        list.add(FileOps.chdir(place));
        list.add(Mount.pivotRoot(".", ".")); // see "pivot_root(".", ".")" in pivot_root(2)
        list.add(Mount.detach("."));
        list.add(Mount.mount("", "/", Mount.MS_REMOUNT | Mount.MS_RDONLY));
        standard(list, nothing, nothing, nothing);
        list.add(FileOps.closeOnExecFrom(FIRST_FREE));
        execute(list, Arg.of(stub), List.of(DETACHED));
        return list.build();
    }

    /**
     * What a first process has besides its program.
     *
     * @param connection its first connection
     * @param held stay open for as long as it lives
     * @param detachment if nobody attends to it; without a tie it goes on when the connection ends
     * @param memory by which it sees that the kernel kills for want of memory, so that it ends everything; for whom nobody attends to
     */
    record Endowment(
            Fd connection, List<Fd> held, Optional<Tenancy.Detachment> detachment, Optional<OomWatch> memory) {}

    /** The last calls of a first process: it becomes the stub. */
    void become(OpList.Builder list, Endowment endowment) {
        Fd listener = endowment.detachment().map(Tenancy.Detachment::listener).orElse(nothing);
        Fd messages = endowment.detachment().map(Tenancy.Detachment::messages).orElse(nothing);
        boolean alone = endowment.detachment().isPresent()
                && endowment.detachment().get().tie().isEmpty();
        String mode = alone ? DETACHED : ATTACHED;
        if (endowment.memory().isEmpty()) {
            standard(list, endowment.connection(), listener, messages);
            list.add(FileOps.closeOnExecFrom(FIRST_FREE));
            for (Fd descriptor : endowment.held()) {
                list.add(FileOps.keepOpen(Arg.of(descriptor)));
            }
            execute(list, Arg.of(stub), List.of(mode));
            return;
        }
        // Any of these may have one of the numbers that others are to get.
        Op program = list.add(FileOps.duplicateFrom(Arg.of(stub), FIRST_OF_COPIES));
        List<Op> watch = copies(list, endowment.memory().get().descriptors());
        List<Op> held = copies(list, endowment.held());
        standard(list, endowment.connection(), listener, messages);
        for (int i = 0; i < watch.size(); i++) {
            list.add(FileOps.duplicate(Arg.of(watch.get(i)), FIRST_FREE + i));
        }
        list.add(FileOps.closeOnExecFrom(FIRST_FREE + watch.size()));
        for (Op descriptor : held) {
            list.add(FileOps.keepOpen(Arg.of(descriptor)));
        }
        execute(list, Arg.of(program), List.of(mode, "memory"));
    }

    /**
     * The calls of a process that kills another when its owner is gone.
     *
     * @param line can be read when that is so
     */
    OpList watcher(Fd line, Child victim) {
        OpList.Builder list = OpList.builder();
        list.add(Processes.setsid()); // nothing that ends the owner's session ends it
        Op program = list.add(FileOps.duplicateFrom(Arg.of(stub), FIRST_OF_COPIES));
        Op process = list.add(FileOps.duplicateFrom(Arg.of(victim.pidfd()), FIRST_OF_COPIES));
        standard(list, line, nothing, nothing);
        list.add(FileOps.duplicate(Arg.of(process), FIRST_FREE));
        list.add(FileOps.closeOnExecFrom(FIRST_FREE + 1));
        execute(list, Arg.of(program), List.of(WATCH));
        return list.build();
    }

    private static List<Op> copies(OpList.Builder list, List<Fd> descriptors) {
        List<Op> copies = new ArrayList<>();
        for (Fd descriptor : descriptors) {
            copies.add(list.add(FileOps.duplicateFrom(Arg.of(descriptor), FIRST_OF_COPIES)));
        }
        return copies;
    }

    private static void standard(OpList.Builder list, Fd connection, Fd listener, Fd messages) {
        list.add(FileOps.duplicate(Arg.of(connection), 0));
        list.add(FileOps.duplicate(Arg.of(listener), 1));
        list.add(FileOps.duplicate(Arg.of(messages), 2));
    }

    private static void execute(OpList.Builder list, Arg program, List<String> arguments) {
        List<String> line = new ArrayList<>(List.of("cay-init"));
        line.addAll(arguments);
        list.add(Processes.execve(program, line, List.of()));
    }

    @Override
    public void close() {
        mounts.close();
        stub.close();
        nothing.close();
    }
}
