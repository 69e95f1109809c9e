package dev.cay.engine.container;

import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The file systems of one sandbox, as detached mounts that its first process hangs together: its root, what lies over
 * parts of it, and its {@code /dev}.
 *
 * <p>Everything is made by the host before the sandbox exists and under descriptors of its own, so no path of the image is
 * ever followed. Every file appears as owned by the ids of the sandbox.
 *
 * @param scaffolding what was needed to make them. The kernel takes its time to take mounts among it apart, so it is not to be
 *     closed where somebody waits
 */
record Rootfs(Fd root, List<Part> parts, Fd devices, Fd terminals, Fd sharedMemory, List<Fd> scaffolding)
        implements AutoCloseable {
    /** Of {@code /dev} with {@code /dev/shm}. */
    private static final Size SHARED_MEMORY_SIZE = Size.mib(64);

    /** Of directories that an image lacks and names. */
    private static final Size MADE_SIZE = Size.mib(1);

    /** Empty files take no room in a tmpfs but memory of the kernel. */
    private static final long BYTES_PER_INODE = 1024;

    private static final long MINIMUM_INODES = 1024;
    private static final int TTY_GROUP = 5;

    /** What every program expects, and nothing that leads anywhere. */
    private static final List<Device> DEVICES = List.of(
            new Device("null", 1, 3),
            new Device("zero", 1, 5),
            new Device("full", 1, 7),
            new Device("random", 1, 8),
            new Device("urandom", 1, 9),
            new Device("tty", 5, 0));

    private record Device(String name, int major, int minor) {}

    /** A mount that lies over a directory of the root. */
    record Part(String path, Fd mount) {}

    /**
     * What the sandbox's file systems are made of.
     *
     * @param layers the shared lower layers
     * @param image the layers of an image, the lowest first, if that is the root
     * @param names the layer with the files by which it knows names, if they are its own; closed by whoever made it
     * @param userNamespace the id maps to apply; none without a user namespace
     * @param range the sandbox's ids, as the kernel that makes them sees them
     * @param writable where a {@link Writable.Directory} is
     * @param rootless whether the kernel that makes them is that of an ordinary user
     * @param devices further devices, none if it is rootless
     */
    record Plan(
            SandboxSpec spec,
            Layers layers,
            List<Fd> image,
            Optional<Fd> names,
            Optional<Fd> userNamespace,
            IdRanges.Range range,
            Optional<WritableDirectory> writable,
            boolean rootless,
            Set<HostDevice> devices) {
        int firstId() {
            return range.first();
        }
    }

    static Rootfs create(Kernel kernel, Plan plan) throws IOException {
        Assembly assembly = new Assembly(plan);
        // No switches over types here: each would cost a cold JVM milliseconds.
        Op root = assembly.overlay("", assembly.rootLayers());
        List<String> paths = new ArrayList<>();
        List<Op> mounts = new ArrayList<>();
        if (plan.spec().root() instanceof Root.Host) {
            for (String directory : HostSkeleton.programDirectories()) {
                paths.add(directory);
                mounts.add(assembly.overlay(directory, List.of(assembly.directory("/" + directory))));
            }
        }
        if (plan.spec().writable() instanceof Writable.Nothing(Size size)) {
            paths.add("tmp");
            mounts.add(assembly.tmpfs(size, "1777", Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        }
        Op devices = assembly.devices();
        if (plan.rootless()) {
            for (Device device : DEVICES) {
                paths.add("dev/" + device.name());
                mounts.add(assembly.hostDevice(device));
            }
        }
        Op terminals = assembly.terminals();
        Op sharedMemory = assembly.sharedMemory(devices);
        Results results = kernel.run(assembly.finish());
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < paths.size(); i++) {
            parts.add(new Part(paths.get(i), results.fd(mounts.get(i))));
        }
        return new Rootfs(
                results.fd(root),
                parts,
                results.fd(devices),
                results.fd(terminals),
                results.fd(sharedMemory),
                assembly.temporary.stream().map(results::fd).toList());
    }

    /** Images lack directories that they name themselves: those are made before nothing can be changed any more. */
    private static boolean isSealed(SandboxSpec spec) {
        return spec.root() instanceof Root.Image && spec.writable() instanceof Writable.Nothing;
    }

    /** To be called when all is made that is missing in the root: from now on nothing is, if nothing is to be changed. */
    void seal(Kernel kernel, SandboxSpec spec) throws IOException {
        if (isSealed(spec)) {
            kernel.run(OpList.of(Mount.restrict(Arg.of(root), "the root", Mount.ATTR_RDONLY)));
        }
    }

    /** How many files a tmpfs may have. */
    static long inodes(Size size) {
        return Math.max(MINIMUM_INODES, size.bytes() / BYTES_PER_INODE);
    }

    /** The list of system calls that makes the mounts. */
    private static final class Assembly {
        private final Plan plan;
        private final String firstId;
        private final OpList.Builder list = OpList.builder();
        private final List<Op> temporary = new ArrayList<>();
        private final Optional<Arg> changes;

        Assembly(Plan plan) {
            this.plan = plan;
            firstId = Integer.toUnsignedString(plan.firstId());
            if (plan.spec().writable() instanceof Writable.Tmpfs(Size size)) {
                changes = Optional.of(Arg.of(temporary(tmpfs(size, "0700", Mount.ATTR_NOSUID | Mount.ATTR_NODEV))));
            } else if (isSealed(plan.spec())) {
                changes =
                        Optional.of(Arg.of(temporary(tmpfs(MADE_SIZE, "0700", Mount.ATTR_NOSUID | Mount.ATTR_NODEV))));
            } else {
                changes = plan.writable().map(directory -> Arg.of(directory.directory()));
            }
        }

        private Op temporary(Op opening) {
            temporary.add(opening);
            return opening;
        }

        OpList finish() {
            return list.build();
        }

        List<Op> rootLayers() throws IOException {
            List<Op> lowers = new ArrayList<>();
            plan.names().ifPresent(names -> lowers.add(shared(names, "names")));
            if (plan.spec().root() instanceof Root.Directory(var path)) {
                lowers.addAll(layers(path));
                return lowers;
            }
            boolean hostNetwork = plan.spec().network() instanceof dev.cay.Network.Host;
            if (plan.spec().root() instanceof Root.Image) {
                imageLayers(lowers, hostNetwork);
            } else {
                lowers.add(shared(hostNetwork ? Layers.Layer.HOST_WITH_NETWORK : Layers.Layer.HOST));
            }
            return lowers;
        }

        /**
         * Those of an image, under one of ours with what we mount on and what belongs to the sandbox and not to the image. So
         * whatever lies at these places in the image is hidden, and no path of it is followed.
         */
        private void imageLayers(List<Op> lowers, boolean hostNetwork) throws IOException {
            if (lowers.isEmpty()) {
                lowers.add(shared(hostNetwork ? Layers.Layer.NAMES_WITH_NETWORK : Layers.Layer.NAMES));
            }
            for (int i = plan.image().size() - 1; i >= 0; i--) {
                lowers.add(shared(plan.image().get(i), "layer " + i));
            }
            lowers.add(shared(Layers.Layer.MOUNT_POINTS));
        }

        /** A root file system of the host's, over the directories that a sandbox mounts on if it lacks one. */
        List<Op> layers(Path root) throws IOException {
            Op directory = directory(root.toString());
            boolean complete = Layers.MOUNT_POINTS.stream()
                    .allMatch(name -> Files.isDirectory(root.resolve(name), LinkOption.NOFOLLOW_LINKS));
            return complete ? List.of(directory) : List.of(directory, shared(Layers.Layer.MOUNT_POINTS));
        }

        /** A directory of the host as a layer, without what is mounted below it. */
        Op directory(String path) {
            return shifted(temporary(list.add(Mount.cloneTree(path))), path);
        }

        Op shared(Layers.Layer layer) throws IOException {
            return shared(plan.layers().get(layer), layer.name());
        }

        private Op shared(Fd mount, String name) {
            return shifted(temporary(list.add(Mount.cloneTree(Arg.of(mount), name))), name);
        }

        private Op shifted(Op mount, String operands) {
            plan.userNamespace().ifPresent(namespace -> list.add(Mount.shiftIds(mount, operands, namespace)));
            return mount;
        }

        /** The layers, uppermost first, under a layer of changes if there is to be any. */
        Op overlay(String name, List<Op> lowers) {
            Op context = temporary(list.add(Mount.fsopen("overlay")));
            for (Op lower : lowers) {
                list.add(Mount.set(context, "lowerdir+", Arg.of(lower)));
            }
            if (plan.rootless()) {
                list.add(Mount.set(context, "userxattr"));
            }
            if (changes.isEmpty()) {
                if (lowers.size() == 1) { // an overlay needs two layers if it has none for changes
                    list.add(Mount.restrict(Arg.of(lowers.getFirst()), name, Mount.ATTR_RDONLY | Mount.ATTR_NODEV));
                    temporary.remove(lowers.getFirst());
                    return lowers.getFirst();
                }
                list.add(Mount.create(context));
                return list.add(Mount.fsmount(context, Mount.ATTR_NODEV | Mount.ATTR_NOSUID | Mount.ATTR_RDONLY));
            }
            // A change is whole files and whiteouts: it can be made a layer, and nothing in it points elsewhere.
            list.add(Mount.set(context, "redirect_dir", "nofollow"));
            list.add(Mount.set(context, "metacopy", "off"));
            list.add(Mount.set(context, "upperdir", Arg.of(upper(changes.get(), name + ".upper", 0755))));
            list.add(Mount.set(context, "workdir", Arg.of(upper(changes.get(), name + ".work", 0700))));
            if (plan.writable().isEmpty()) {
                list.add(Mount.set(context, "volatile")); // in memory there is nothing to be synced
            }
            list.add(Mount.create(context));
            return list.add(Mount.fsmount(context, Mount.ATTR_NODEV | Mount.ATTR_NOSUID));
        }

        private Op upper(Arg parent, String name, int mode) {
            list.add(FileOps.mkdir(parent, name, mode).tolerating(dev.cay.linux.Errno.EEXIST));
            list.add(FileOps.chown(parent, name, plan.firstId(), plan.firstId()));
            return temporary(list.add(
                    FileOps.openAt(parent, name, FileOps.O_PATH | FileOps.O_DIRECTORY | FileOps.O_NOFOLLOW, 0)));
        }

        Op tmpfs(Size size, String mode, long attributes) {
            Op context = temporary(list.add(Mount.fsopen("tmpfs")));
            list.add(Mount.set(context, "size", size.toString()));
            list.add(Mount.set(context, "nr_inodes", Long.toString(inodes(size))));
            list.add(Mount.set(context, "mode", mode));
            list.add(Mount.set(context, "uid", firstId));
            list.add(Mount.set(context, "gid", firstId));
            list.add(Mount.create(context));
            return list.add(Mount.fsmount(context, attributes));
        }

        /** {@code /dev}: the devices every program expects, none that leads anywhere. */
        Op devices() {
            Op mount = tmpfs(SHARED_MEMORY_SIZE, "0755", Mount.ATTR_NOSUID | Mount.ATTR_NOEXEC);
            Arg dev = Arg.of(mount);
            for (Device device : DEVICES) {
                node(dev, device);
            }
            for (HostDevice device : plan.devices()) {
                node(dev, new Device(device.text(), device.major(), device.minor()));
            }
            list.add(FileOps.symlink("/proc/self/fd", dev, "fd"));
            list.add(FileOps.symlink("/proc/self/fd/0", dev, "stdin"));
            list.add(FileOps.symlink("/proc/self/fd/1", dev, "stdout"));
            list.add(FileOps.symlink("/proc/self/fd/2", dev, "stderr"));
            list.add(FileOps.symlink("pts/ptmx", dev, "ptmx"));
            for (String name : List.of("pts", "shm", "mqueue")) {
                list.add(FileOps.mkdir(dev, name, 0755));
            }
            list.add(FileOps.chmod(dev, "shm", 01777));
            for (String name : List.of("fd", "stdin", "stdout", "stderr", "ptmx", "shm")) {
                own(dev, name);
            }
            return mount;
        }

        /**
         * {@code /dev/shm}, a directory of the same file system: each file system more takes 10 KiB of the kernel for every sandbox where
         * there are 500, as each memory control group has a place for the shrinker of each.
         */
        Op sharedMemory(Op devices) {
            Op directory = temporary(
                    list.add(FileOps.openAt(Arg.of(devices), "shm", FileOps.O_PATH | FileOps.O_DIRECTORY, 0)));
            Op mount = list.add(Mount.cloneTree(Arg.of(directory), "shm"));
            list.add(Mount.restrict(Arg.of(mount), "shm", Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC));
            return mount;
        }

        private void own(Arg dev, String name) {
            list.add(FileOps.chown(dev, name, plan.firstId(), plan.firstId()));
        }

        private void node(Arg dev, Device device) {
            String name = device.name();
            if (plan.rootless()) { // only the host's root makes devices: the host's own comes over this file
                list.add(FileOps.mknod(dev, name, FileStatus.S_IFREG | 0600, 0, 0));
            } else {
                list.add(FileOps.mknod(dev, name, FileOps.S_IFCHR | 0600, device.major(), device.minor()));
            }
            list.add(FileOps.chmod(dev, name, 0666)); // the umask of this process would have spoiled it
            own(dev, name);
        }

        Op hostDevice(Device device) {
            return list.add(Mount.cloneTree("/dev/" + device.name()));
        }

        Op terminals() {
            Op context = temporary(list.add(Mount.fsopen("devpts")));
            list.add(Mount.set(context, "ptmxmode", "0666"));
            list.add(Mount.set(context, "mode", "0620"));
            list.add(Mount.set(
                    context,
                    "gid",
                    Integer.toUnsignedString(plan.firstId() + (plan.range().count() > TTY_GROUP ? TTY_GROUP : 0))));
            list.add(Mount.create(context));
            return list.add(Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NOEXEC));
        }
    }

    @Override
    public void close() {
        root.close();
        parts.forEach(part -> part.mount().close());
        devices.close();
        terminals.close();
        sharedMemory.close();
        scaffolding.forEach(Fd::close);
    }
}
