package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.stream.Collectors;

/**
 * Namespaces that exist before any process lives in them: a user namespace with its id maps and, owned by it, a network
 * namespace whose loopback is up.
 *
 * @param user absent when only a network was asked for
 * @param network absent when only a user namespace was asked for
 */
public record OwnedNamespaces(Optional<Fd> user, Optional<Fd> network) implements AutoCloseable {
    private static final OwnedNamespaces NONE = new OwnedNamespaces(Optional.empty(), Optional.empty());

    /**
     * So many ids of a user namespace and the host's ids that they are.
     *
     * @param inside the first in the namespace
     * @param outside the first on the host
     */
    public record Extent(int inside, int outside, int count) {
        String line() {
            return Integer.toUnsignedString(inside) + " " + Integer.toUnsignedString(outside) + " " + count;
        }
    }

    /** The maps of a user namespace: what is in none of the extents is nobody. At most 340 each, see user_namespaces(7). */
    public record Maps(List<Extent> users, List<Extent> groups) {
        public Maps {
            users = List.copyOf(users);
            groups = List.copyOf(groups);
        }
    }

    /**
     * Makes them. A short-lived child is born in them and waits while this thread writes its maps, since a process cannot
     * map ids of others for itself; see user_namespaces(7).
     */
    static OwnedNamespaces create(HostKernel kernel, Optional<Maps> user, boolean network) throws SyscallException {
        long flags = flags(user.isPresent(), network);
        if (flags == 0) {
            return NONE;
        }
        try (Pipe ready = Pipe.reading();
                Pipe gate = Pipe.writing()) {
            Birth birth = new Birth(flags, Optional.empty());
            FutureTask<Void> holder = new FutureTask<>(() -> {
                try (Child child = kernel.spawn(holderList(ready, gate, network), birth)) {
                    child.await();
                } finally {
                    ready.theirs().close(); // whoever still waits for the child learns that there is none
                }
                return null;
            });
            Thread.ofPlatform().name("cay-namespaces").daemon().start(holder);
            OwnedNamespaces made = NONE;
            try {
                made = open(kernel, pid(ready), user, network);
            } finally {
                // A byte, not the end of file: children of other threads may hold copies of our end for a moment.
                Pipe.write(gate.ours(), ByteBuffer.allocateDirect(1));
                joinOrClose(holder, made);
            }
            return made;
        }
    }

    private static long flags(boolean user, boolean network) {
        return (user ? Namespaces.USER : 0) | (network ? Namespaces.NETWORK : 0);
    }

    /**
     * The same where the maps of a process that shares the memory of this one, which is not dumpable, cannot be written: the child
     * becomes a program.
     *
     * @param holder ends when its standard input does
     */
    static OwnedNamespaces create(RootlessKernel kernel, Fd holder, Optional<Maps> user, boolean network)
            throws SyscallException {
        long flags = flags(user.isPresent(), network);
        if (flags == 0) {
            return NONE;
        }
        try (Pipe ready = Pipe.reading();
                Pipe gate = Pipe.writing()) {
            OpList.Builder list = OpList.builder();
            if (network) {
                list.addAll(Loopback.up());
            }
            list.addAll(holder(holder, gate.theirs(), ready.theirs()).operations());
            try (Child child = kernel.spawn(list.build(), new Birth(flags, Optional.empty()))) {
                try {
                    awaitHolder(ready);
                    return open(kernel, child.pid(), user, network);
                } finally {
                    Pipe.write(gate.ours(), ByteBuffer.allocateDirect(1));
                    child.await();
                }
            }
        }
    }

    /**
     * What a process does that is only there to be looked at.
     *
     * @param holder the program that it becomes, which ends when its standard input does; see {@link Stub#program}
     * @param gate its standard input
     * @param ready its standard output, see {@link #awaitHolder}
     */
    public static OpList holder(Fd holder, Fd gate, Fd ready) {
        return OpList.of(
                FileOps.duplicate(Arg.of(gate), 0),
                FileOps.duplicate(Arg.of(ready), 1),
                FileOps.closeOnExecFrom(2),
                Processes.execve(Arg.of(holder), List.of("cay-init", "hold"), List.of()));
    }

    /**
     * Waits until such a process can be looked at, or has ended. The kernel says that it has become its program before it gives the
     * files of its directory in /proc to its user: until then they belong to a process that shares this one's memory, and to root.
     */
    public static void awaitHolder(Pipe ready) {
        ready.theirs().close();
        Poll.readable(ready.ours());
    }

    private static void joinOrClose(FutureTask<Void> holder, OwnedNamespaces made) throws SyscallException {
        try {
            join(holder);
        } catch (SyscallException | RuntimeException e) {
            made.close();
            throw e;
        }
    }

    /** What the child does: says who it is, waits until it may go on, brings up the loopback, ends. */
    private static OpList holderList(Pipe ready, Pipe gate, boolean network) {
        OpList.Builder list = OpList.builder();
        list.addAll(Processes.dieWithParent()); // it holds the gate open itself
        Op pid = list.add(Op.of(SystemCall.GETPID, ""));
        list.add(Op.of(SystemCall.WRITE, "", Arg.of(ready.theirs()), new Arg.Location(pid), Arg.of(Long.BYTES)));
        if (network) {
            list.addAll(Loopback.up());
        }
        list.add(FileOps.read(Arg.of(gate.theirs()), new Arg.Buffer(1)));
        list.add(Processes.exit(0));
        return list.build();
    }

    private static int pid(Pipe ready) throws SyscallException {
        ByteBuffer pid = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
        Poll.readable(ready.ours());
        return Pipe.read(ready.ours(), pid) == Long.BYTES ? (int) pid.getLong(0) : 0;
    }

    private static OwnedNamespaces open(Kernel kernel, int pid, Optional<Maps> user, boolean network)
            throws SyscallException {
        if (pid == 0) {
            return NONE; // the child's own failure is thrown by join
        }
        String process = "/proc/" + pid;
        OpList.Builder list = OpList.builder();
        Optional<Op> userNamespace = Optional.empty();
        if (user.isPresent()) {
            writeMap(list, process + "/uid_map", user.get().users());
            writeMap(list, process + "/gid_map", user.get().groups());
            userNamespace = Optional.of(list.add(FileOps.open(process + "/ns/user", FileOps.O_RDONLY)));
        }
        Optional<Op> networkNamespace =
                network ? Optional.of(list.add(FileOps.open(process + "/ns/net", FileOps.O_RDONLY))) : Optional.empty();
        Results results = kernel.run(list.build());
        return new OwnedNamespaces(userNamespace.map(results::fd), networkNamespace.map(results::fd));
    }

    /** In one write, as the kernel wants it. */
    private static void writeMap(OpList.Builder list, String path, List<Extent> extents) {
        String map = extents.stream().map(Extent::line).collect(Collectors.joining("\n"));
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, map));
        list.add(FileOps.close(file));
    }

    private static void join(FutureTask<Void> holder) throws SyscallException {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    holder.get();
                    return;
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (java.util.concurrent.ExecutionException e) {
                    if (e.getCause() instanceof SyscallException failure) {
                        throw failure;
                    }
                    throw new IllegalStateException(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        user.ifPresent(Fd::close);
        network.ifPresent(Fd::close);
    }
}
