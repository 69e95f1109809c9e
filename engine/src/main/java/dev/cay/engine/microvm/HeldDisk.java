package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.nio.file.Path;

/**
 * The disk of a machine's changes, which the first process of its VMM's container keeps open for whoever keeps the machine: the file has no
 * name when the machine is there.
 */
final class HeldDisk {
    /** Under this number. */
    private static final int NUMBER = 1000;

    private HeldDisk() {}

    /** @param socket where the first process listens */
    static void hold(HostKernel host, Fd disk, Path socket) throws SyscallException {
        try (Stub stub = new Stub(UnixSocket.connect(host, socket.toString()))) {
            stub.runInside(OpList.of(FileOps.copyTo(Arg.of(disk), NUMBER)));
        }
    }

    /** It, for reading. */
    static Fd open(HostKernel host, Path socket) throws SyscallException {
        try (Stub stub = new Stub(UnixSocket.connect(host, socket.toString()))) {
            Op copy = FileOps.copy(Arg.of(NUMBER), "the disk");
            return stub.runInside(OpList.of(copy)).fd(copy);
        }
    }
}
