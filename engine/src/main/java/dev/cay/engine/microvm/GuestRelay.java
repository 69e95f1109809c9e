package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.MessageStream;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;

/** The guest's end of relayed files: a file system of FUSE, whose requests its first process sends. */
final class GuestRelay {
    /** Linux's numbers of {@code /dev/fuse}. */
    private static final int MAJOR = 10;

    private static final int MINOR = 229;

    /** For the time of the mount, which is told a number: one that the first process has nothing at. */
    private static final int NUMBER = 900;

    private static final String OPTIONS =
            "fd=" + NUMBER + ",rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";

    private static final String DEVICE = ".relay";

    private GuestRelay() {}

    /** Mounts it at {@code /dev/.shares}; what is asked of it from then on waits for an answer. */
    static MessageStream mount(Stub stub) throws SyscallException {
        GuestFiles files = new GuestFiles();
        Op devices = files.directory("/dev", 0755);
        Arg at = Arg.of(devices);
        files.add(FileOps.mknod(at, DEVICE, FileOps.S_IFCHR | 0600, MAJOR, MINOR));
        Op open = files.add(FileOps.openAt(at, DEVICE, FileOps.O_RDWR | FileOps.O_NONBLOCK, 0));
        files.add(FileOps.unlink(at, DEVICE, 0));
        Op copy = files.add(FileOps.copyTo(Arg.of(open), NUMBER));
        files.mount(FileServer.TAG, "/dev/.shares", "fuse", Mount.MS_NOSUID | Mount.MS_NODEV, OPTIONS);
        files.add(FileOps.close(copy));
        files.add(FileOps.close(devices));
        Fd opened = stub.run(files.build()).fd(open);
        return MessageStream.open(stub, opened, Integer.MAX_VALUE);
    }
}
