package dev.cay.engine.container;

import dev.cay.Mount.Bind;
import dev.cay.Mount.Named;
import dev.cay.Mount.Tmpfs;
import dev.cay.SandboxException;
import dev.cay.engine.container.MountTargets.Maker;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Makes the detached mounts of what a sandbox shall see besides its root file system, as it shall see them. The user namespaces that
 * shift their ids live no longer than this. Not thread-safe.
 */
final class MountSources implements AutoCloseable {
    private static final long ATTRIBUTES = Mount.ATTR_NOSUID | Mount.ATTR_NODEV;

    private final Kernel kernel;
    private final IdNamespaces namespaces;
    private final VolumeSource volumes;
    private final Mounts.Plan plan;
    private final Map<OwnedNamespaces.Maps, Fd> shifts = new HashMap<>();

    /** Makes user namespaces. */
    interface IdNamespaces {
        Fd make(OwnedNamespaces.Maps maps) throws SyscallException;
    }

    /**
     * A mount that hangs nowhere.
     *
     * @param directory whether it can be mounted over a directory, and not over a file
     * @param maker who makes what is missing in it
     */
    record Source(Fd mount, boolean directory, Maker maker) {}

    MountSources(Kernel kernel, IdNamespaces namespaces, VolumeSource volumes, Mounts.Plan plan) {
        this.kernel = kernel;
        this.namespaces = namespaces;
        this.volumes = volumes;
        this.plan = plan;
    }

    /** @param undo gives a volume back when the sandbox is gone */
    Source open(dev.cay.Mount mount, Cleanup undo) throws IOException {
        return switch (mount) {
            case Bind bind -> bind(bind);
            case Tmpfs tmpfs -> tmpfs(tmpfs);
            case Named named -> volume(named, undo);
        };
    }

    private Source bind(Bind bind) throws IOException {
        Path real = HostPaths.ofThisMachine().require(bind);
        // A symlink that has got into the path since then fails the opening.
        Op open = FileOps.openResolved(
                real.toString(), FileOps.O_PATH, FileOps.RESOLVE_NO_SYMLINKS | FileOps.RESOLVE_NO_MAGICLINKS);
        Arg.Buffer room = FileStatus.room();
        Op clone = Mount.cloneTrees(Arg.of(open), real.toString());
        Results results = kernel.run(OpList.of(
                open,
                DirectoryOps.status(Arg.of(open), new byte[0], room),
                clone,
                FileOps.close(open),
                Mount.isolate(Arg.of(clone), real.toString(), attributes(bind.readOnly(), bind.executable()))));
        FileStatus status = FileStatus.of(results.bytes(room));
        try (Cleanup failing = new Cleanup()) {
            Fd mount = failing.push(results.fd(clone));
            if (!HostPaths.isMountable(status.type())) {
                throw new SandboxException.InvalidSpec(
                        "the mount's source " + bind.source() + " has become a device", "mount something else");
            }
            if (plan.userNamespace().isPresent()) {
                shift(mount, real, status);
            }
            failing.release();
            Accounts.Identity identity = plan.identity();
            Maker maker = new Maker(plan.firstId() + identity.user(), plan.firstId() + identity.group(), true);
            return new Source(mount, status.isDirectory(), maker);
        }
    }

    private static long attributes(boolean readOnly, boolean executable) {
        return ATTRIBUTES | (readOnly ? Mount.ATTR_RDONLY : 0) | (executable ? 0 : Mount.ATTR_NOEXEC);
    }

    /** Makes the owner of a source the user of the sandbox, in the whole tree or not at all. */
    private void shift(Fd mount, Path source, FileStatus status) throws IOException {
        OwnedNamespaces.Maps maps =
                IdExchange.maps(plan.firstId(), IdRanges.MAPPED_IDS, status.user(), status.group(), plan.identity());
        Fd namespace = shifts.get(maps);
        if (namespace == null) {
            namespace = namespaces.make(maps);
            shifts.put(maps, namespace);
        }
        try {
            kernel.run(OpList.of(Mount.shiftAllIds(Arg.of(mount), source.toString(), namespace)));
        } catch (SyscallException e) {
            if (e.is(Errno.EINVAL) || e.is(Errno.EPERM)) {
                throw unshiftable(new Submounts(kernel).unshiftable(source, namespace), source, e);
            }
            throw e;
        }
    }

    private static SandboxException unshiftable(Optional<Submounts.Entry> culprit, Path source, SyscallException e) {
        String where =
                culprit.map(entry -> entry.path() + " (" + entry.type() + ")").orElse(source.toString());
        boolean below =
                culprit.filter(entry -> !source.startsWith(entry.path())).isPresent();
        return new SandboxException.SetupFailed(
                "cannot mount " + source + ": the file system of " + where + " cannot shift ids, or does so already",
                below
                        ? "mount the directories beside " + where + " one by one"
                        : "use a directory on ext4, xfs, btrfs or tmpfs",
                e);
    }

    private Source tmpfs(Tmpfs tmpfs) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("tmpfs"));
        String id = Integer.toUnsignedString(plan.firstId());
        list.add(Mount.set(context, "size", tmpfs.size().toString()));
        list.add(Mount.set(context, "nr_inodes", Long.toString(Rootfs.inodes(tmpfs.size()))));
        list.add(Mount.set(context, "mode", Integer.toOctalString(tmpfs.mode())));
        list.add(Mount.set(context, "uid", id));
        list.add(Mount.set(context, "gid", id));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, ATTRIBUTES));
        list.add(FileOps.close(context));
        return new Source(kernel.run(list.build()).fd(mount), true, new Maker(plan.firstId(), plan.firstId(), false));
    }

    /** Its files have the ids that they have in the sandboxes: it belongs to nobody on the host. */
    private Source volume(Named named, Cleanup undo) throws IOException {
        VolumeSource.Place place = volumes.use(named.volume(), plan.id());
        undo.push(() -> volumes.release(named.volume(), plan.id()));
        try (Cleanup failing = new Cleanup()) {
            Fd mount = failing.push(
                    place.image().isPresent()
                            ? new LoopImages(kernel).mount(place.image().get(), LoopImages.Kind.EXT4)
                            : directory(place.data().toString()));
            kernel.run(OpList.of(Mount.isolate(Arg.of(mount), named.volume(), attributes(named.readOnly(), true))));
            if (plan.userNamespace().isPresent()) {
                shiftVolume(mount, named.volume(), plan.userNamespace().get());
            }
            failing.release();
            return new Source(mount, true, new Maker(plan.firstId(), plan.firstId(), true));
        }
    }

    private Fd directory(String path) throws SyscallException {
        Op open = FileOps.openResolved(path, FileOps.O_PATH | FileOps.O_DIRECTORY, FileOps.RESOLVE_NO_SYMLINKS);
        Op clone = Mount.cloneTree(Arg.of(open), path);
        return kernel.run(OpList.of(open, clone, FileOps.close(open))).fd(clone);
    }

    private void shiftVolume(Fd mount, String volume, Fd namespace) throws SyscallException {
        try {
            kernel.run(OpList.of(Mount.shiftAllIds(Arg.of(mount), volume, namespace)));
        } catch (SyscallException e) {
            if (!e.is(Errno.EINVAL)) {
                throw e;
            }
            throw new SandboxException.SetupFailed(
                    "cannot mount the volume " + volume + ": its file system cannot shift ids",
                    "give the volume a limit: then it has a file system of its own",
                    e);
        }
    }

    @Override
    public void close() {
        shifts.values().forEach(Fd::close);
        shifts.clear();
    }
}
