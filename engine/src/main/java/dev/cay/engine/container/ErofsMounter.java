package dev.cay.engine.container;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Path;

/** Mounts EROFS files. The kernel reads EROFS out of a file; where it cannot, out of a loop device. */
record ErofsMounter(Kernel kernel) implements ImageMounts.Mounter {
    @Override
    public Fd mount(Path file) throws IOException {
        try {
            return mountFile(file);
        } catch (SyscallException e) {
            // Not every file system lets another read its files so: tmpfs and overlay do not.
            if (e.is(Errno.ENOTBLK)) {
                return new LoopImages(kernel).mount(file, LoopImages.Kind.EROFS);
            }
            throw e;
        }
    }

    private Fd mountFile(Path file) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("erofs"));
        list.add(Mount.set(context, "source", file.toString()));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, Mount.ATTR_RDONLY | Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        list.add(FileOps.close(context));
        return kernel.run(list.build()).fd(mount);
    }
}
