package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Credentials;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.util.List;
import java.util.Optional;

/** Makes what a mount goes to. */
record Creation(Kernel kernel, MountTargets.Maker maker) {
    private static final int DIRECTORY_MODE = 0755;
    private static final int FILE_MODE = 0644;

    /** Makes an empty directory or an empty file. */
    void make(Fd parent, byte[] name, boolean directory) throws SyscallException {
        if (maker.asItself()) {
            makeAsItself(parent, name, directory);
            return;
        }
        OpList.Builder list = OpList.builder();
        Op made = create(list, parent, name, directory);
        // The umask of this process would have spoiled it.
        list.add(OpenFile.changeMode(Arg.of(made), "", directory ? DIRECTORY_MODE : FILE_MODE));
        list.add(DirectoryOps.changeOwner(Arg.of(made), "", maker.user(), maker.group()));
        list.add(FileOps.close(made));
        kernel.run(list.build());
    }

    /** In a process of its own, as whoever the mount knows; it keeps the right to write where its id alone may not. */
    private void makeAsItself(Fd parent, byte[] name, boolean directory) throws SyscallException {
        OpList.Builder list = OpList.builder();
        list.add(Credentials.setgroups(List.of()));
        list.add(Credentials.keepCapabilities());
        list.add(Credentials.setgid(maker.group()));
        list.add(Credentials.setuid(maker.user()));
        list.add(FileOps.umask(022));
        create(list, parent, name, directory);
        list.add(Processes.exit(0));
        try (Child child = kernel.spawn(list.build(), new Birth(0, Optional.empty()))) {
            child.await();
        }
    }

    private static Op create(OpList.Builder list, Fd parent, byte[] name, boolean directory) {
        Arg in = Arg.of(parent);
        if (!directory) {
            int flags = FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL | FileOps.O_NOFOLLOW;
            return list.add(DirectoryOps.open(in, name, flags, FILE_MODE, FileOps.RESOLVE_BENEATH));
        }
        list.add(DirectoryOps.makeDirectory(in, name, DIRECTORY_MODE));
        int flags = FileOps.O_RDONLY | FileOps.O_DIRECTORY | FileOps.O_NOFOLLOW;
        return list.add(DirectoryOps.open(in, name, flags, FileOps.RESOLVE_BENEATH));
    }
}
