package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.LoopDevice;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Mounts file systems that are files. One that is mounted already, by whatever process, is mounted once more from the same device:
 * two devices of one file would destroy what is in it. Thread-safe, also between processes.
 */
record LoopImages(Kernel kernel) {
    private static final Path DEVICES = Path.of("/sys/block");
    private static final int ATTEMPTS = 16;

    /** What is in such a file. */
    enum Kind {
        /** A volume. */
        EXT4("ext4", "volume", "e2fsck -f repairs a damaged one", "use a volume without a limit"),
        /** A layer of an image; never written to. */
        EROFS("erofs", "layer", "cay image check says whether it is damaged", "keep images on ext4, XFS or Btrfs");

        private final String type;
        private final String noun;
        private final String repair;
        private final String instead;

        Kind(String type, String noun, String repair, String instead) {
            this.type = type;
            this.noun = noun;
            this.repair = repair;
            this.instead = instead;
        }

        private int access() {
            return this == EROFS ? FileOps.O_RDONLY : FileOps.O_RDWR;
        }
    }

    private record Device(String path, Fd fd) implements AutoCloseable {
        @Override
        public void close() {
            fd.close();
        }
    }

    /**
     * Mounts one. Device and mount are gone with the last that uses them.
     *
     * @param image a path without symlinks
     * @return a detached mount
     */
    Fd mount(Path image, Kind kind) throws IOException {
        String path = image.toString();
        // A lock belongs to what was opened. The device gets another, which it keeps for as long as it lives.
        Op lock = open(path, FileOps.O_RDONLY);
        Arg.Buffer room = FileStatus.room();
        Results results = kernel.run(OpList.of(
                lock, LoopDevice.lock(Arg.of(lock), path), DirectoryOps.status(Arg.of(lock), new byte[0], room)));
        FileStatus status = FileStatus.of(results.bytes(room));
        try (Fd _ = results.fd(lock);
                Device device = device(path, status, kind)) {
            return mount(device, path, kind);
        }
    }

    private static Op open(String path, int flags) {
        return FileOps.openResolved(path, flags, FileOps.RESOLVE_NO_SYMLINKS);
    }

    private Fd mount(Device device, String image, Kind kind) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen(kind.type));
        list.add(Mount.set(context, "source", device.path()));
        long attributes = Mount.ATTR_NOSUID | Mount.ATTR_NODEV;
        if (kind == Kind.EROFS) {
            list.add(Mount.set(context, "ro"));
            attributes |= Mount.ATTR_RDONLY;
        }
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, attributes));
        list.add(FileOps.close(context));
        try {
            return kernel.run(list.build()).fd(mount);
        } catch (SyscallException e) {
            throw new SandboxException.SetupFailed(
                    "cannot mount the " + kind.noun + " " + image + ": " + e.getMessage(),
                    e.is(Errno.ENODEV) ? "the kernel has no " + kind.type + "; " + kind.instead : kind.repair,
                    e);
        }
    }

    private Device device(String image, FileStatus status, Kind kind) throws IOException {
        long fileSystem = LoopDevice.device(status.deviceMajor(), status.deviceMinor());
        Optional<Device> existing = existing(new LoopDevice.Backing(fileSystem, status.inode()));
        if (existing.isPresent()) {
            return existing.get();
        }
        try {
            return make(image, kind);
        } catch (SyscallException e) {
            throw new SandboxException.SetupFailed(
                    "cannot make a loop device of the " + kind.noun + " " + image + ": " + e.getMessage(),
                    "modprobe loop; without loop devices, " + kind.instead,
                    e);
        }
    }

    /** Whoever has a device open keeps it from being taken apart. */
    private Optional<Device> existing(LoopDevice.Backing wanted) throws IOException {
        if (!Files.isDirectory(DEVICES)) {
            return Optional.empty();
        }
        try (DirectoryStream<Path> devices = Files.newDirectoryStream(DEVICES, "loop*")) {
            for (Path device : devices) {
                String path = "/dev/" + device.getFileName();
                if (Files.exists(device.resolve("loop")) && Files.exists(Path.of(path))) {
                    Op open = open(path, FileOps.O_RDONLY);
                    Arg.Buffer room = LoopDevice.statusRoom();
                    Op ask = LoopDevice.status(Arg.of(open), path, room).tolerating(Errno.ENXIO);
                    Results results = kernel.run(OpList.of(open, ask));
                    Device found = new Device(path, results.fd(open));
                    if (!results.failed(ask)
                            && LoopDevice.backing(results.bytes(room)).equals(wanted)) {
                        return Optional.of(found);
                    }
                    found.close();
                }
            }
        }
        return Optional.empty();
    }

    private Device make(String image, Kind kind) throws SyscallException {
        Op control = open("/dev/loop-control", FileOps.O_RDWR);
        Op file = open(image, kind.access());
        Results opened = kernel.run(OpList.of(control, file));
        try (Fd controlling = opened.fd(control);
                Fd content = opened.fd(file)) {
            for (int attempt = 1; ; attempt++) {
                Op free = LoopDevice.free(Arg.of(controlling));
                String path = "/dev/loop" + kernel.run(OpList.of(free)).value(free);
                Op device = open(path, kind.access());
                try {
                    OpList list = OpList.of(device, LoopDevice.configure(Arg.of(device), path, content));
                    return new Device(path, kernel.run(list).fd(device));
                } catch (SyscallException e) {
                    if (!e.is(Errno.EBUSY) || attempt == ATTEMPTS) { // somebody else was faster
                        throw e;
                    }
                }
            }
        }
    }
}
