package dev.cay.engine.container;

import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.engine.files.ContainerFiles;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * The way to the files of a container, opened when somebody first asks for them. Thread-safe.
 *
 * <p>A file system that somebody else answers for, such as one of FUSE or NFS, may never answer. A thread that waits for it in the
 * kernel cannot be called off. So where one is mounted, contents are read and written in a child of the first process too, as
 * everything else is, for which nobody waits without end.
 */
final class FilesDoor implements AutoCloseable {
    /** The kernel answers for these by itself, or with a disk. */
    private static final Set<String> OF_THE_KERNEL = Set.of(
            "bpf",
            "btrfs",
            "cgroup",
            "cgroup2",
            "devpts",
            "devtmpfs",
            "efivarfs",
            "erofs",
            "ext2",
            "ext3",
            "ext4",
            "f2fs",
            "iso9660",
            "mqueue",
            "overlay",
            "proc",
            "ramfs",
            "squashfs",
            "sysfs",
            "tmpfs",
            "vfat",
            "xfs",
            "zfs");

    private final Kernel kernel;
    private final Child first;
    private final Kernel inside;
    private final SandboxSpec spec;
    private Optional<Fd> root = Optional.empty();
    private Optional<ContainerFiles> files = Optional.empty();

    /** @param groups whether the sandbox's root may choose its groups */
    FilesDoor(Kernel kernel, Child first, Stub stub, boolean groups, SandboxSpec spec) {
        this.kernel = kernel;
        this.first = first;
        this.inside = new InsideKernel(stub, groups);
        this.spec = spec;
    }

    synchronized SandboxFiles open() throws SyscallException {
        if (files.isEmpty()) {
            root = Optional.of(Accounts.root(kernel, first));
            files = Optional.of(new ContainerFiles(inside, mayStall() ? inside : kernel, root.get()));
        }
        return files.get();
    }

    /** What is mounted there is settled when the first process begins. */
    private boolean mayStall() {
        if (spec.mounts().isEmpty()) {
            return false;
        }
        try {
            Path table = Path.of("/proc/" + first.pid() + "/mountinfo");
            return mayStall(Files.readString(table, StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return true; // the sandbox ends just now
        }
    }

    /** Whether somebody else answers for one of the file systems in the text of proc_pid_mountinfo(5). */
    static boolean mayStall(String mountinfo) {
        for (String line : mountinfo.split("\n")) {
            int type = line.indexOf(" - ") + 3;
            int end = line.indexOf(' ', type);
            if (type < 3 || end < 0 || !OF_THE_KERNEL.contains(line.substring(type, end))) {
                return true;
            }
        }
        return false;
    }

    @Override
    public synchronized void close() {
        root.ifPresent(Fd::close);
        root = Optional.empty();
        files = Optional.empty();
    }
}
