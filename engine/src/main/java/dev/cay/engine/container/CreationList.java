package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Processes;
import java.util.List;
import java.util.Optional;

/**
 * The system calls of a sandbox's first process, from its birth in new namespaces to its sleep.
 *
 * <p>It does all of its work as the host's root, in a mount namespace that belongs to the host, and becomes the sandbox's
 * powerless root last. So nobody in the sandbox, whatever he may come to hold there, has any right over its mounts.
 */
final class CreationList {
    /** Files that tell about the host or act on it: covered by an empty device. */
    private static final List<String> MASKED_FILES = List.of(
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/timer_list",
            "/proc/timer_stats");

    private static final List<String> MASKED_DIRECTORIES =
            List.of("/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/devices/virtual/powercap", "/sys/firmware");

    private static final List<String> READ_ONLY =
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

    private static final long NOTHING_SPECIAL = Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC;
    private static final long ATTR_NOTHING_SPECIAL = Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC;

    private final OpList.Builder list = OpList.builder();
    private Op messages;
    private Op proc;
    private Op sys;

    private CreationList() {}

    /**
     * What the first process needs.
     *
     * @param empty an empty read-only directory
     * @param namespaces those it enters instead of making them
     * @param stubId as whom it is to run
     * @param groups whether it may choose its groups
     * @param ownSys whether it may mount a {@code /sys}; else it gets what it sees of the host's
     * @param inherited what holds for all executions
     * @param endowment what it has when it is there
     */
    record Parts(
            String hostname,
            Rootfs rootfs,
            Mounts mounts,
            Fd empty,
            OwnedNamespaces namespaces,
            Cgroup.Entrance cgroup,
            Nursery nursery,
            int stubId,
            boolean groups,
            boolean ownSys,
            Inherited inherited,
            Nursery.Endowment endowment) {}

    /**
     * What a sandbox's first process puts on for all that will ever run in it.
     *
     * @param signals take back what this process was told to ignore
     * @param bounds drop the capabilities that nobody keeps
     * @param landlock puts on a Landlock rule set, where there is one
     */
    record Inherited(List<Op> signals, List<Op> bounds, Optional<Op> landlock) {}

    static OpList of(Parts parts) {
        CreationList creation = new CreationList();
        creation.namespaces(parts);
        creation.mounts(parts);
        creation.renounce(parts);
        return creation.list.build();
    }

    private void namespaces(Parts parts) {
        // Code that nobody trusts must not go before all else; nor does a group of version 1 take such a process.
        // A process that is scheduled as idle may have no right to more.
        list.add(Processes.ordinaryScheduling().tolerating(Errno.EPERM));
        parts.cgroup().join(list);
        // Not made by clone3: its root is to be the sandbox's group, which this process has only now joined.
        list.add(Namespaces.unshare(Namespaces.CGROUP));
        parts.namespaces().network().ifPresent(network -> list.add(Namespaces.enter(network, Namespaces.NETWORK)));
        // Here, where the host's are seen: nobody but its root may mount these where they are not.
        messages = kernelFileSystem("mqueue", ATTR_NOTHING_SPECIAL);
        proc = kernelFileSystem("proc", ATTR_NOTHING_SPECIAL);
        sys = parts.ownSys() ? kernelFileSystem("sysfs", ATTR_NOTHING_SPECIAL | Mount.ATTR_RDONLY) : hostSys();
        list.add(Namespaces.enter(parts.nursery().mounts(), Namespaces.MOUNT));
        list.add(Namespaces.unshare(Namespaces.MOUNT));
        list.add(Namespaces.sethostname(parts.hostname()));
    }

    private void mounts(Parts parts) {
        Rootfs rootfs = parts.rootfs();
        Arg root = Arg.of(rootfs.root());
        list.add(Mount.attach(root, "/"));
        list.add(FileOps.fchdir(root, "root"));
        list.add(FileOps.chroot("."));
        list.add(Mount.attach(Arg.of(rootfs.devices()), root, "dev"));
        list.add(Mount.attach(Arg.of(rootfs.terminals()), Arg.of(rootfs.devices()), "pts"));
        list.add(Mount.attach(Arg.of(rootfs.sharedMemory()), Arg.of(rootfs.devices()), "shm"));
        list.add(Mount.attach(Arg.of(messages), Arg.of(rootfs.devices()), "mqueue"));
        list.add(Mount.attach(Arg.of(proc), root, "proc"));
        list.add(Mount.attach(Arg.of(sys), root, "sys"));
        for (Rootfs.Part part : rootfs.parts()) {
            list.add(Mount.attach(Arg.of(part.mount()), root, part.path()));
        }
        // A path below /proc or /sys leads into the kernel's own file systems, and /dev is ours: no image can bend it.
        for (String path : MASKED_FILES) {
            list.add(Mount.mount("/dev/null", path, Mount.MS_BIND).tolerating(Errno.ENOENT));
        }
        for (String path : MASKED_DIRECTORIES) {
            Op clone = list.add(Mount.cloneTree(Arg.of(parts.empty()), "empty"));
            list.add(Mount.attach(Arg.of(clone), path).tolerating(Errno.ENOENT));
        }
        for (String path : READ_ONLY) {
            list.add(Mount.mount(path, path, Mount.MS_BIND | Mount.MS_REC).tolerating(Errno.ENOENT));
            list.add(Mount.mount("", path, Mount.MS_BIND | Mount.MS_REMOUNT | Mount.MS_RDONLY | NOTHING_SPECIAL)
                    .tolerating(Errno.ENOENT));
        }
        list.addAll(parts.mounts().attach());
    }

    private Op kernelFileSystem(String type, long attributes) {
        Op context = list.add(Mount.fsopen(type));
        list.add(Mount.create(context));
        return list.add(Mount.fsmount(context, attributes));
    }

    private Op hostSys() {
        Op open = list.add(FileOps.open("/sys", FileOps.O_PATH | FileOps.O_DIRECTORY));
        Op clone = list.add(Mount.cloneTrees(Arg.of(open), "/sys"));
        list.add(Mount.isolate(Arg.of(clone), "/sys", ATTR_NOTHING_SPECIAL | Mount.ATTR_RDONLY));
        return clone;
    }

    private void renounce(Parts parts) {
        list.add(FileOps.umask(022));
        list.addAll(parts.inherited().signals());
        Privileges.becomeStub(
                list,
                parts.namespaces().user(),
                parts.stubId(),
                parts.groups(),
                parts.inherited().bounds());
        parts.inherited().landlock().ifPresent(list::add);
        if (parts.endowment().detachment().isPresent()) {
            list.add(Processes.setsid()); // nothing that ends the engine's session ends it
        }
        parts.nursery().become(list, parts.endowment());
    }
}
