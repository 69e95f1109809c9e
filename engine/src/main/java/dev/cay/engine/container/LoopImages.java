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

    private record Device(String path, Fd fd) implements AutoCloseable {
        @Override
        public void close() {
            fd.close();
        }
    }

    /**
     * Mounts an ext4 file system. Device and mount are gone with the last that uses them.
     *
     * @param image a path without symlinks
     * @return a detached mount
     */
    Fd mount(Path image) throws IOException {
        String path = image.toString();
        // A lock belongs to what was opened. The device gets another, which it keeps for as long as it lives.
        Op lock = open(path, FileOps.O_RDONLY);
        Arg.Buffer room = FileStatus.room();
        Results results = kernel.run(OpList.of(
                lock, LoopDevice.lock(Arg.of(lock), path), DirectoryOps.status(Arg.of(lock), new byte[0], room)));
        FileStatus status = FileStatus.of(results.bytes(room));
        try (Fd _ = results.fd(lock);
                Device device = device(path, status)) {
            return mount(device, path);
        }
    }

    private static Op open(String path, int flags) {
        return FileOps.openResolved(path, flags, FileOps.RESOLVE_NO_SYMLINKS);
    }

    private Fd mount(Device device, String image) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("ext4"));
        list.add(Mount.set(context, "source", device.path()));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        list.add(FileOps.close(context));
        try {
            return kernel.run(list.build()).fd(mount);
        } catch (SyscallException e) {
            throw new SandboxException.SetupFailed(
                    "cannot mount the volume " + image + ": " + e.getMessage(),
                    e.is(Errno.ENODEV)
                            ? "the kernel has no ext4; use a volume without a limit"
                            : "e2fsck -f " + image + " repairs a damaged one",
                    e);
        }
    }

    private Device device(String image, FileStatus status) throws IOException {
        long fileSystem = LoopDevice.device(status.deviceMajor(), status.deviceMinor());
        Optional<Device> existing = existing(new LoopDevice.Backing(fileSystem, status.inode()));
        if (existing.isPresent()) {
            return existing.get();
        }
        try {
            return make(image);
        } catch (SyscallException e) {
            throw new SandboxException.SetupFailed(
                    "cannot make a loop device of the volume " + image + ": " + e.getMessage(),
                    "modprobe loop; without loop devices, use a volume without a limit",
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

    private Device make(String image) throws SyscallException {
        Op control = open("/dev/loop-control", FileOps.O_RDWR);
        Op file = open(image, FileOps.O_RDWR);
        Results opened = kernel.run(OpList.of(control, file));
        try (Fd controlling = opened.fd(control);
                Fd content = opened.fd(file)) {
            for (int attempt = 1; ; attempt++) {
                Op free = LoopDevice.free(Arg.of(controlling));
                String path = "/dev/loop" + kernel.run(OpList.of(free)).value(free);
                Op device = open(path, FileOps.O_RDWR);
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
