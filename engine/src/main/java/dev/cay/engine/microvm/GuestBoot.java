package dev.cay.engine.microvm;

import dev.cay.Mount.Tmpfs;
import dev.cay.Size;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Loopback;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/** Brings a guest up: from its first process, which has nothing but the initramfs, to a root file system of an image's layers. */
final class GuestBoot {
    private static final long MOVE = 8192; // MS_MOVE, mount(2)
    private static final long NOTHING_SPECIAL = Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC;
    private static final long NO_DEVICES = Mount.MS_NOSUID | Mount.MS_NODEV;
    /** All paths are absolute. */
    private static final Arg HERE = Arg.of(0);

    private static final String NEW_ROOT = "/cay/root";
    private static final long LOOK_AGAIN_NANOSECONDS = 5_000_000;

    /** What a kernel has besides the commands: its own threads, and the first process. */
    private static final int THREADS_OF_KERNEL = 128;

    private static final int SERIAL_SIZE = 32;

    /** Linux's numbers of the devices that every program expects, as in containers. */
    private enum Device {
        NULL(1, 3),
        ZERO(1, 5),
        FULL(1, 7),
        RANDOM(1, 8),
        URANDOM(1, 9),
        TTY(5, 0);

        private final int major;
        private final int minor;

        Device(int major, int minor) {
            this.major = major;
            this.minor = minor;
        }

        String file() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /**
     * What a guest is to be.
     *
     * @param layers the serials of the disks with the layers of its image, the lowest first
     * @param changes how much can be written
     * @param readOnly whether nothing but {@code /tmp} can be written; then that can have so much
     * @param directories that are made where they are missing
     * @param threads how many processes and threads its commands may have
     */
    record Plan(
            List<String> layers,
            Size changes,
            boolean readOnly,
            String hostname,
            List<String> directories,
            List<Tmpfs> mounts,
            int threads) {
        Plan {
            layers = List.copyOf(layers);
            directories = List.copyOf(directories);
            // Parents first: what is mounted later lies over what is below it.
            mounts = mounts.stream().sorted(Comparator.comparing(Tmpfs::target)).toList();
        }
    }

    private GuestBoot() {}

    /**
     * Runs it.
     *
     * @param deadline a value of {@link System#nanoTime}, until which the disks have to be there
     * @throws IOException of the step that failed
     */
    static void run(Stub stub, Plan plan, long deadline) throws IOException {
        stub.runInside(OpList.of(directory("/proc"), Mount.mount("proc", "/proc", "proc", NOTHING_SPECIAL, "")));
        stub.runInside(root(plan, disks(stub, plan, deadline)));
        stub.runInside(system(plan));
    }

    /** The device of each disk, by its serial. */
    private static Map<String, String> disks(Stub stub, Plan plan, long deadline) throws IOException {
        while (true) {
            Map<String, String> found = new HashMap<>();
            OpList.Builder list = OpList.builder();
            Map<String, Op> reads = new HashMap<>();
            Map<String, Arg.Buffer> buffers = new HashMap<>();
            for (char letter = 'a'; letter <= 'z'; letter++) {
                String device = "vd" + letter;
                Op open = list.add(FileOps.open("/sys/block/" + device + "/serial", FileOps.O_RDONLY)
                        .tolerating(Errno.ENOENT));
                Arg.Buffer buffer = new Arg.Buffer(SERIAL_SIZE);
                buffers.put(device, buffer);
                reads.put(device, list.add(FileOps.read(Arg.of(open), buffer).tolerating(Errno.EBADF)));
                list.add(FileOps.close(open).tolerating(Errno.EBADF));
            }
            Results results = stub.runInside(list.build());
            reads.forEach((device, read) -> {
                if (!results.failed(read)) {
                    String serial = new String(
                            results.bytes(buffers.get(device)),
                            0,
                            (int) results.value(read),
                            StandardCharsets.US_ASCII);
                    found.put(serial.strip(), "/dev/" + device);
                }
            });
            if (found.keySet().containsAll(plan.layers())) {
                return found;
            }
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException("the disks do not appear in the guest");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    /** Layers, changes, overlay; and the overlay becomes the root. */
    private static OpList root(Plan plan, Map<String, String> disks) {
        OpList.Builder list = OpList.builder();
        List<String> lower = new ArrayList<>();
        for (String layer : plan.layers()) {
            String place = "/cay/" + layer;
            list.add(directory(place));
            list.add(Mount.mount(disks.get(layer), place, "erofs", NO_DEVICES | Mount.MS_RDONLY, ""));
            lower.addFirst(place);
        }
        list.add(directory("/cay/changes"));
        list.add(Mount.mount(
                "changes",
                "/cay/changes",
                "tmpfs",
                NO_DEVICES,
                "mode=0755,size=" + plan.changes().bytes()));
        list.add(directory("/cay/changes/upper"));
        list.add(directory("/cay/changes/work"));
        list.add(directory(NEW_ROOT));
        list.add(Mount.mount(
                "root",
                NEW_ROOT,
                "overlay",
                NO_DEVICES,
                "lowerdir=" + String.join(":", lower) + ",upperdir=/cay/changes/upper,workdir=/cay/changes/work"));
        list.add(FileOps.chdir(NEW_ROOT));
        list.add(Mount.mount(".", "/", MOVE));
        list.add(FileOps.chroot("."));
        list.add(FileOps.chdir("/"));
        return list.build();
    }

    /** In its own root: what programs expect, and what is the sandbox's own. */
    private static OpList system(Plan plan) {
        OpList.Builder list = OpList.builder();
        for (String name : List.of("/dev", "/proc", "/sys", "/tmp", "/run", "/etc")) {
            list.add(directory(name));
        }
        list.add(Mount.mount("proc", "/proc", "proc", NOTHING_SPECIAL, ""));
        list.add(Mount.mount("sysfs", "/sys", "sysfs", NOTHING_SPECIAL | Mount.MS_RDONLY, ""));
        devices(list);
        if (plan.readOnly()) {
            tmpfs(list, "/tmp", plan.changes(), 01777);
        } else {
            list.add(FileOps.chmod(HERE, "/tmp", 01777));
        }
        plan.directories().forEach(path -> directories(list, path));
        for (Tmpfs mount : plan.mounts()) {
            directories(list, mount.target());
            tmpfs(list, mount.target(), mount.size(), mount.mode());
        }
        names(list, plan.hostname());
        list.addAll(Loopback.up());
        write(list, "/proc/sys/kernel/threads-max", Integer.toString(plan.threads() + THREADS_OF_KERNEL));
        if (plan.readOnly()) {
            list.add(Mount.mount("", "/", Mount.MS_REMOUNT | Mount.MS_BIND | Mount.MS_RDONLY | NO_DEVICES));
        }
        return list.build();
    }

    private static void devices(OpList.Builder list) {
        list.add(Mount.mount("dev", "/dev", "tmpfs", Mount.MS_NOSUID | Mount.MS_NOEXEC, "mode=0755,size=64k"));
        for (Device device : Device.values()) {
            String path = "/dev/" + device.file();
            list.add(FileOps.mknod(HERE, path, FileOps.S_IFCHR | 0600, device.major, device.minor));
            list.add(FileOps.chmod(HERE, path, 0666));
        }
        list.add(FileOps.symlink("/proc/self/fd", HERE, "/dev/fd"));
        list.add(FileOps.symlink("/proc/self/fd/0", HERE, "/dev/stdin"));
        list.add(FileOps.symlink("/proc/self/fd/1", HERE, "/dev/stdout"));
        list.add(FileOps.symlink("/proc/self/fd/2", HERE, "/dev/stderr"));
        list.add(FileOps.symlink("pts/ptmx", HERE, "/dev/ptmx"));
        list.add(directory("/dev/pts"));
        list.add(Mount.mount(
                "devpts", "/dev/pts", "devpts", Mount.MS_NOSUID | Mount.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"));
        list.add(directory("/dev/shm"));
        tmpfs(list, "/dev/shm", dev.cay.Mount.DEFAULT_TMPFS, 01777);
        list.add(directory("/dev/mqueue"));
        list.add(Mount.mount("mqueue", "/dev/mqueue", "mqueue", NOTHING_SPECIAL, "")
                .tolerating(Errno.ENODEV));
    }

    /** What the image has in the place of these files is replaced, not followed. */
    private static void names(OpList.Builder list, String hostname) {
        list.add(Namespaces.sethostname(hostname));
        Op etc = list.add(FileOps.openResolved(
                "/etc",
                FileOps.O_PATH | FileOps.O_DIRECTORY,
                FileOps.RESOLVE_NO_SYMLINKS | FileOps.RESOLVE_NO_MAGICLINKS));
        replace(list, etc, "hostname", hostname + "\n");
        replace(
                list,
                etc,
                "hosts",
                "127.0.0.1\tlocalhost " + hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback " + hostname + "\n");
        list.add(FileOps.close(etc));
    }

    private static void replace(OpList.Builder list, Op directory, String name, String text) {
        list.add(FileOps.unlink(Arg.of(directory), name, 0).tolerating(Errno.ENOENT));
        Op file = list.add(FileOps.openAt(
                Arg.of(directory),
                name,
                FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL | FileOps.O_NOFOLLOW,
                0644));
        list.add(FileOps.write(Arg.of(file), name, text));
        list.add(FileOps.close(file));
    }

    private static void write(OpList.Builder list, String path, String text) {
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, text));
        list.add(FileOps.close(file));
    }

    private static void tmpfs(OpList.Builder list, String path, Size size, int mode) {
        list.add(Mount.mount(
                "tmpfs", path, "tmpfs", NO_DEVICES, "mode=" + Integer.toOctalString(mode) + ",size=" + size.bytes()));
    }

    /** A directory with those above it. */
    private static void directories(OpList.Builder list, String path) {
        for (int slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
            list.add(directory(path.substring(0, slash)));
        }
        list.add(directory(path));
    }

    private static Op directory(String path) {
        return FileOps.mkdir(HERE, path, 0755).tolerating(Errno.EEXIST);
    }
}
