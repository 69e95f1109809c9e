package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.guest.GuestProgram;
import dev.cay.linux.Architecture;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Pipe;
import dev.cay.linux.Results;
import dev.cay.linux.RootlessKernel;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What stands in for the host's root where an ordinary user runs an engine: a user namespace whose root is this user, and a mount
 * namespace that belongs to it. All sandboxes of the engine are made in there. See user_namespaces(7).
 *
 * @param ids how many ids the user namespace has: the user's own, and those that /etc/subuid and /etc/subgid give the user
 */
record UserRoot(RootlessKernel kernel, int ids) implements AutoCloseable {
    static UserRoot create(HostKernel host, Places places) throws IOException {
        try (Cleanup undo = new Cleanup();
                Pipe ready = Pipe.reading();
                Pipe gate = Pipe.writing()) {
            Fd holder = undo.push(
                    Stub.program(host, GuestProgram.of(Architecture.current().text())));
            try (Child child = spawn(host, holder, gate, ready)) {
                try {
                    OwnedNamespaces.awaitHolder(ready);
                    int ids = map(host, child.pid(), places.user());
                    String process = "/proc/" + child.pid();
                    Op user = FileOps.open(process + "/ns/user", FileOps.O_RDONLY);
                    Op mounts = FileOps.open(process + "/ns/mnt", FileOps.O_RDONLY);
                    Results results = host.run(OpList.of(user, mounts));
                    undo.release();
                    return new UserRoot(new RootlessKernel(host, results.fd(user), results.fd(mounts), holder), ids);
                } finally {
                    Pipe.write(gate.ours(), ByteBuffer.allocateDirect(1));
                    child.await();
                }
            }
        }
    }

    private static Child spawn(HostKernel host, Fd holder, Pipe gate, Pipe ready) throws SyscallException {
        try {
            return host.spawn(
                    OwnedNamespaces.holder(holder, gate.theirs(), ready.theirs()),
                    new Birth(Namespaces.USER | Namespaces.MOUNT, Optional.empty()));
        } catch (SyscallException e) {
            if (e.is(Errno.EPERM) || e.is(Errno.ENOSPC) || e.is(Errno.EACCES) || e.is(Errno.EUSERS)) {
                throw new SandboxException.Unsupported(
                        "this user may make no user namespace: " + e.getMessage(),
                        "allow it (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1,"
                                + " kernel.apparmor_restrict_unprivileged_userns=0), or run as root");
            }
            throw e;
        }
    }

    /** Writes the id maps of a process; returns how many ids it has then. */
    private static int map(HostKernel host, int pid, long user) throws IOException {
        long group = SubordinateIds.effectiveGroup();
        Optional<SubordinateIds> more = SubordinateIds.find(user);
        if (more.isPresent()) {
            more.get().map(pid, user, group);
            return more.get().count() + 1;
        }
        OpList.Builder list = OpList.builder();
        write(list, "/proc/" + pid + "/setgroups", "deny"); // see user_namespaces(7): else the group cannot be mapped
        write(list, "/proc/" + pid + "/uid_map", "0 " + user + " 1");
        write(list, "/proc/" + pid + "/gid_map", "0 " + group + " 1");
        host.run(list.build());
        return 1;
    }

    private static void write(OpList.Builder list, String path, String text) {
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, text));
        list.add(FileOps.close(file));
    }

    @Override
    public void close() {
        kernel.user().close();
        kernel.mounts().close();
        kernel.holder().close();
    }
}
