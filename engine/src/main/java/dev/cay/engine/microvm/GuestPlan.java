package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.microvm.GuestMount.Options;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Loopback;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Makes of what a guest is to be the steps that make it that. It does nothing itself. */
final class GuestPlan {
    private static final long MOVE = 8192; // MS_MOVE, mount(2)
    private static final long RELATIVE_TIMES = 1 << 21; // MS_RELATIME
    private static final long NO_DEVICES = Mount.MS_NOSUID | Mount.MS_NODEV;
    private static final long NOTHING_SPECIAL = NO_DEVICES | Mount.MS_NOEXEC | RELATIVE_TIMES;

    /** All paths are absolute. */
    private static final Arg HERE = Arg.of(0);

    private static final String NEW_ROOT = "/cay/root";
    private static final String DISKS = "/dev/.disks/";
    private static final String SHARES = "/dev/.shares/";
    private static final String CHANGES = "/cay/changes";
    private static final String LOWER = "/cay/disk";

    /** As much as names, certificates and scripts can be. */
    private static final Size OWN_CHANGES = Size.mib(64);

    /** Beside the new root, in what a guest begins with. */
    private static final String LAID = "/cay/laid";

    private static final int SCRATCH = 01777;

    /** What a kernel has besides the commands: its own threads, and the first process. */
    private static final int THREADS_OF_KERNEL = 128;

    private static final String TERMINALS = "gid=5,mode=0620,ptmxmode=0666";

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
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private GuestPlan() {}

    /**
     * What comes before its disks are looked for.
     *
     * @param laid see {@link Groundwork}
     */
    static List<GuestStep> first(GuestSpec spec, boolean laid) {
        List<GuestStep> steps = new ArrayList<>();
        steps.add(required("limits", limits(spec)));
        if (!laid) {
            GuestFiles files = new GuestFiles();
            files.mount("proc", "/proc", "proc", NOTHING_SPECIAL, "");
            steps.add(required("process table", files.build()));
        }
        return steps;
    }

    private static OpList limits(GuestSpec spec) {
        OpList.Builder list = OpList.builder();
        for (ProcessLimit limit : spec.limits()) {
            if (limit.isHarmless()) {
                list.add(limit.put());
            }
        }
        return list.build();
    }

    /**
     * All the rest.
     *
     * @param disks that it has
     * @param trust the certificates that it is to trust
     * @param laid see {@link Groundwork}
     * @param asking somebody for its addresses, if that is how it comes to them
     */
    static List<GuestStep> rest(
            GuestSpec spec, GuestDisks.Found disks, GuestTrust trust, boolean laid, GuestStep.Conversation asking) {
        return rest(spec, disks, trust, laid, asking, Optional.empty());
    }

    /**
     * The same where shares are relayed: then none of the steps from the mounts on is taken by the first process itself, as it could wait there
     * for an answer that it has to bring.
     *
     * @param relay makes them one file system at {@code /dev/.shares}
     */
    static List<GuestStep> rest(
            GuestSpec spec,
            GuestDisks.Found disks,
            GuestTrust trust,
            boolean laid,
            GuestStep.Conversation asking,
            Optional<GuestStep.Conversation> relay) {
        List<GuestStep> steps = new ArrayList<>();
        root(spec, disks, laid).ifPresent(list -> steps.add(required("root", list)));
        GuestFiles files = new GuestFiles(disks.mounted());
        List.of("/run", "/etc").forEach(files::make);
        if (!laid) {
            essential(files, "");
        }
        steps.add(required("essential mounts", files.build()));
        if (spec.root() instanceof GuestSpec.Root.Disk disk && disk.readOnly()) {
            steps.add(required("writable directories", writable()));
        } else if (spec.isSealed()) {
            steps.add(required("writable directories", spared()));
        }
        relay.ifPresent(conversation -> steps.add(new GuestStep.Talk("relay", true, conversation)));
        int before = steps.size();
        steps.add(required("mounts", mounts(spec, disks, relay.isPresent())));
        steps.add(required("scratch directories", scratch(spec)));
        steps.add(required("names", names(spec)));
        if (!isMounted(spec, "/etc")) {
            steps.add(new GuestStep.Calls("accounts", false, accounts()));
        }
        if (!laid) {
            steps.add(required("loopback", OpList.of(Loopback.up().toArray(Op[]::new))));
        }
        network(spec.addressing(), asking).ifPresent(steps::add);
        if (!trust.isEmpty()) {
            steps.add(new GuestStep.Talk("trust", true, trust::install));
            steps.add(new GuestStep.Talk(
                    "trust of Java", false, guest -> JavaTrust.install(guest, trust.certificates())));
        }
        Map<String, String> scripts = spec.furnishing().scripts();
        if (!scripts.isEmpty()) {
            steps.add(new GuestStep.Talk("scripts", true, guest -> GuestScripts.install(guest, scripts)));
        }
        steps.add(required("run directory", runDirectory()));
        steps.add(new GuestStep.Calls("message queues", false, queues()));
        steps.add(new GuestStep.Calls(
                "control groups", false, groups(spec.furnishing().init().isPresent())));
        spec.threads().ifPresent(most -> steps.add(required("process limit", processes(most))));
        if (spec.isSealed()) {
            long flags = Mount.MS_REMOUNT | Mount.MS_BIND | Mount.MS_RDONLY | NO_DEVICES;
            steps.add(required("seal", OpList.of(Mount.mount("", "/", flags))));
        }
        if (relay.isPresent()) {
            steps.subList(before, steps.size()).replaceAll(GuestPlan::inChild);
        }
        return steps;
    }

    private static GuestStep inChild(GuestStep step) {
        return step instanceof GuestStep.Calls calls
                ? new GuestStep.Talk(calls.name(), calls.required(), guest -> guest.run(calls.calls()))
                : step;
    }

    private static Optional<GuestStep> network(GuestAddressing addressing, GuestStep.Conversation asking) {
        return switch (addressing) {
            case GuestAddressing.CommandLine _, GuestAddressing.Port _ -> Optional.empty();
            case GuestAddressing.Fixed fixed ->
                Optional.of(new GuestStep.Talk("network", true, guest -> GuestInterface.configure(guest, fixed)));
            case GuestAddressing.Dhcp _ -> Optional.of(new GuestStep.Talk("network", true, asking));
        };
    }

    private static GuestStep required(String name, OpList calls) {
        return new GuestStep.Calls(name, true, calls);
    }

    /** Layers, changes, overlay; and the overlay becomes the root. */
    private static Optional<OpList> root(GuestSpec spec, GuestDisks.Found disks, boolean laid) {
        OpList.Builder list = OpList.builder();
        switch (spec.root()) {
            case GuestSpec.Root.Initramfs _ -> {
                return Optional.empty();
            }
            case GuestSpec.Root.Disk disk -> {
                if (disk.readOnly()) {
                    disk(list, disk, LOWER, disks);
                    unchanged(list);
                } else {
                    disk(list, disk, NEW_ROOT, disks);
                }
            }
            case GuestSpec.Root.Overlay overlay -> overlay(list, overlay, disks);
        }
        if (laid) {
            list.addAll(takeLaid());
        }
        list.add(FileOps.chdir(NEW_ROOT));
        list.add(Mount.mount(".", "/", MOVE));
        list.add(FileOps.chroot("."));
        list.add(FileOps.chdir("/"));
        return Optional.of(list.build());
    }

    private static void disk(OpList.Builder list, GuestSpec.Root.Disk disk, String place, GuestDisks.Found disks) {
        list.add(directory(place));
        list.add(FileOps.chdir(place));
        Options options = new Options(disk.readOnly(), true);
        String device = "/dev/" + disks.name(disk.serial());
        GuestFiles.disk(device, place, disks.types(disk.type()), options).forEach(list::add);
        list.add(FileOps.chdir(place)); // what has been mounted there, and if nothing has this is an error
        list.add(Mount.changeHere(Mount.MS_REMOUNT | Mount.MS_BIND | rootFlags(disk), device + " -> " + place));
    }

    private static long rootFlags(GuestSpec.Root.Disk disk) {
        return NO_DEVICES | RELATIVE_TIMES | (disk.readOnly() ? Mount.MS_RDONLY : 0);
    }

    /** What has to be written to a root that is not to be changed, names most of all, is written to memory that lies over it. */
    private static void unchanged(OpList.Builder list) {
        list.add(directory(CHANGES));
        list.add(Mount.mount("changes", CHANGES, "tmpfs", NO_DEVICES, "mode=0755,size=" + OWN_CHANGES.bytes()));
        list.add(directory(CHANGES + "/upper"));
        list.add(directory(CHANGES + "/work"));
        list.add(directory(NEW_ROOT));
        list.add(Mount.mount("root", NEW_ROOT, "overlay", NO_DEVICES, directories(LOWER)));
    }

    private static String directories(String lower) {
        return "lowerdir=" + lower + ",upperdir=" + CHANGES + "/upper,workdir=" + CHANGES + "/work";
    }

    private static void overlay(OpList.Builder list, GuestSpec.Root.Overlay overlay, GuestDisks.Found disks) {
        List<String> lower = new ArrayList<>();
        for (String layer : overlay.lower()) {
            String place = "/cay/" + layer;
            list.add(directory(place));
            list.add(Mount.mount("/dev/" + disks.name(layer), place, "erofs", NO_DEVICES | Mount.MS_RDONLY, ""));
            lower.addFirst(place);
        }
        list.add(directory(CHANGES));
        switch (overlay.upper()) {
            case GuestSpec.Upper.Memory(Size size) ->
                list.add(Mount.mount("changes", CHANGES, "tmpfs", NO_DEVICES, "mode=0755,size=" + size.bytes()));
            case GuestSpec.Upper.Disk(String serial, String type) ->
                list.add(Mount.mount("/dev/" + disks.name(serial), CHANGES, type, NO_DEVICES, ""));
        }
        list.add(directory(CHANGES + "/upper"));
        list.add(directory(CHANGES + "/work"));
        list.add(directory(NEW_ROOT));
        list.add(Mount.mount("root", NEW_ROOT, "overlay", NO_DEVICES, directories(String.join(":", lower))));
    }

    /**
     * What programs expect.
     *
     * @param place of the root, "" if it is that already
     */
    private static void essential(GuestFiles files, String place) {
        files.mount("proc", place + "/proc", "proc", NOTHING_SPECIAL, "");
        files.mount("sysfs", place + "/sys", "sysfs", NOTHING_SPECIAL | Mount.MS_RDONLY, "");
        devices(files, place + "/dev");
        files.mount("devpts", place + "/dev/pts", "devpts", Mount.MS_NOSUID | Mount.MS_NOEXEC, TERMINALS);
        String memory = "mode=1777,size=" + dev.cay.Mount.DEFAULT_TMPFS.bytes();
        files.mount("shm", place + "/dev/shm", "tmpfs", NOTHING_SPECIAL, memory);
    }

    /** Makes that where it is no image's, for {@link #takeLaid}. */
    static OpList lay() {
        GuestFiles files = new GuestFiles();
        essential(files, LAID);
        return files.build();
    }

    /** In a root that cannot be written to; what the image has there is not to be seen. */
    private static OpList writable() {
        GuestFiles files = new GuestFiles();
        for (String path : List.of("/run", "/var", "/tmp")) {
            String mode = path.equals("/tmp") ? "1777" : "0755";
            String limits = "mode=" + mode + ",size=" + dev.cay.Mount.DEFAULT_TMPFS.bytes();
            files.mount("tmpfs", path, "tmpfs", NO_DEVICES | RELATIVE_TIMES, limits);
        }
        return files.build();
    }

    /** In a root of which the rest is sealed: what the image has there can be changed, in memory as all else before that. */
    private static OpList spared() {
        GuestFiles files = new GuestFiles();
        List.of("/run", "/var").forEach(files::mountOnItself);
        return files.build();
    }

    /** Moves it into the new root, which is not the root yet. */
    private static List<Op> takeLaid() {
        GuestFiles files = new GuestFiles(NEW_ROOT);
        for (String place : List.of("/proc", "/sys", "/dev")) {
            files.enter(place);
            files.add(Mount.mountHere(LAID + place, "", MOVE, "", LAID + place + " -> " + place));
        }
        return files.build().operations();
    }

    /** Not the kernel's own devices, of which root could open the channel and the disks. */
    private static void devices(GuestFiles files, String path) {
        files.mount("dev", path, "tmpfs", Mount.MS_NOSUID | Mount.MS_NOEXEC, "mode=0755,size=64k");
        Op directory = files.directory(path, 0755);
        Arg at = Arg.of(directory);
        for (Device device : Device.values()) {
            files.add(FileOps.mknod(at, device.file(), FileOps.S_IFCHR | 0600, device.major, device.minor)
                    .tolerating(Errno.EEXIST));
            files.add(FileOps.chmod(at, device.file(), 0666));
        }
        Map<String, String> links = Map.of(
                "fd", "/proc/self/fd",
                "stdin", "/proc/self/fd/0",
                "stdout", "/proc/self/fd/1",
                "stderr", "/proc/self/fd/2",
                "ptmx", "pts/ptmx");
        links.forEach(
                (name, target) -> files.add(FileOps.symlink(target, at, name).tolerating(Errno.EEXIST)));
        files.add(FileOps.close(directory));
    }

    private static OpList queues() {
        GuestFiles files = new GuestFiles();
        files.mount("mqueue", "/dev/mqueue", "mqueue", NOTHING_SPECIAL, "");
        return files.build();
    }

    /**
     * Those who may not change them see them, or could halt the first process.
     *
     * @param init whether there is an init of the image's, whose they are
     */
    private static OpList groups(boolean init) {
        String place = "/sys/fs/cgroup";
        GuestFiles files = new GuestFiles();
        files.mount("cgroup2", place, "cgroup2", NOTHING_SPECIAL, "");
        if (!init) { // as a whole it can still be written to: the groups of commands are made by another mount of it
            files.enter(place);
            files.add(Mount.changeHere(Mount.MS_REMOUNT | Mount.MS_BIND | Mount.MS_RDONLY | NOTHING_SPECIAL, place));
        }
        return files.build();
    }

    private static OpList mounts(GuestSpec spec, GuestDisks.Found disks, boolean relayed) {
        GuestFiles files = new GuestFiles();
        boolean hasDisks = spec.mounts().stream().anyMatch(GuestMount.Disk.class::isInstance);
        if (hasDisks) { // the kernel's own devices, which commands are not to see
            files.mount("devtmpfs", "/dev/.disks", "devtmpfs", Mount.MS_NOSUID | Mount.MS_NOEXEC, "");
        }
        boolean hasShares = spec.mounts().stream().anyMatch(GuestMount.Share.class::isInstance);
        if (hasShares && !relayed) { // all of them, of which commands are to see no more than what is put in its place
            files.mount(FileServer.TAG, "/dev/.shares", "virtiofs", NO_DEVICES, "");
        }
        for (GuestMount mount : spec.mounts()) {
            if (disks.mounted().contains(mount.path())) {
                continue;
            }
            GuestUser maker = spec.maker(mount.path());
            if (!maker.equals(GuestUser.ROOT)) { // root has no files on the host
                files.make(mount.path(), !(mount instanceof GuestMount.Share share) || share.directory(), maker);
            }
            switch (mount) {
                case GuestMount.Tmpfs tmpfs -> {
                    files.enter(mount.path());
                    files.add(tmpfs(tmpfs));
                }
                case GuestMount.Disk(String serial, String path, Optional<String> type, Options options) ->
                    files.mountDisk(DISKS + disks.name(serial), path, disks.types(type), options);
                case GuestMount.Share share -> files.share(SHARES + share.name(), share);
            }
        }
        if (hasDisks) {
            files.unmount("/dev", ".disks");
        }
        if (hasShares) {
            files.detach("/dev", ".shares");
        }
        spec.directories().forEach(path -> files.make(path, true, spec.maker(path)));
        return files.build();
    }

    private static Op tmpfs(GuestMount.Tmpfs tmpfs) {
        String size = tmpfs.size().map(most -> ",size=" + most.bytes()).orElse("");
        String data = "mode=" + Integer.toOctalString(tmpfs.effectiveMode()) + size;
        return GuestFiles.mountHere("tmpfs", tmpfs.path(), "tmpfs", flags(tmpfs.options()), data);
    }

    /** Those of a mount that somebody asked for. */
    static long flags(Options options) {
        return NO_DEVICES
                | RELATIVE_TIMES
                | (options.readOnly() ? Mount.MS_RDONLY : 0)
                | (options.executable() ? 0 : Mount.MS_NOEXEC);
    }

    /** For everybody, whatever the image has made of them; one that is a mount of its own has the mode that was asked for. */
    private static OpList scratch(GuestSpec spec) {
        GuestFiles files = new GuestFiles();
        for (String path : List.of("/tmp", "/var/tmp")) {
            if (spec.mounts().stream().noneMatch(mount -> mount.path().equals(path))) {
                files.make(path, SCRATCH);
            }
        }
        return files.build();
    }

    /** What the image has in the place of these files is replaced, not followed; what somebody has mounted there stays, as in a container. */
    static OpList names(GuestSpec spec) {
        Map<String, String> texts = new LinkedHashMap<>();
        texts.put("hostname", spec.hostname() + "\n");
        texts.put("hosts", hosts(spec));
        List<String> servers = spec.addressing().nameServers();
        if (!servers.isEmpty()) {
            texts.put("resolv.conf", "nameserver " + String.join("\nnameserver ", servers) + "\n");
        }
        texts.keySet().removeIf(name -> isMounted(spec, "/etc/" + name));
        GuestFiles files = new GuestFiles();
        files.add(Namespaces.sethostname(spec.hostname()));
        if (!texts.isEmpty()) {
            Op etc = files.directory("/etc", 0755);
            texts.forEach((name, text) -> files.replace(etc, name, text));
            files.add(FileOps.close(etc));
        }
        return files.build();
    }

    /** Whether a place is a mount that was asked for, or in one. */
    private static boolean isMounted(GuestSpec spec, String path) {
        return spec.mounts().stream().anyMatch(mount -> (path + "/").startsWith(mount.path() + "/"));
    }

    private static String hosts(GuestSpec spec) {
        StringBuilder text = new StringBuilder();
        text.append("127.0.0.1\tlocalhost ").append(spec.hostname()).append('\n');
        text.append("::1\tlocalhost ip6-localhost ip6-loopback ")
                .append(spec.hostname())
                .append('\n');
        spec.addressing()
                .gateways()
                .forEach(address -> text.append(address)
                        .append('\t')
                        .append(spec.hostAlias())
                        .append('\n'));
        text.append("fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
        return text.toString();
    }

    private static OpList accounts() {
        GuestFiles files = new GuestFiles();
        Op etc = files.directory("/etc", 0755);
        files.provide(
                etc,
                "passwd",
                "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
        files.provide(etc, "group", "root:x:0:\ntty:x:5:\nnobody:x:65534:\n");
        files.add(FileOps.close(etc));
        return files.build();
    }

    private static OpList runDirectory() {
        GuestFiles files = new GuestFiles();
        files.make("/run/cay");
        return files.build();
    }

    private static OpList processes(int most) {
        GuestFiles files = new GuestFiles();
        files.tell("/proc/sys/kernel/threads-max", Integer.toString(most + THREADS_OF_KERNEL));
        return files.build();
    }

    private static Op directory(String path) {
        return FileOps.mkdir(HERE, path, 0755).tolerating(Errno.EEXIST);
    }
}
