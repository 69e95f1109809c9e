package dev.cay.engine.container;

import dev.cay.Mount;
import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What a sandbox sees besides its root file system: detached mounts, and descriptors of the places in its root where its first
 * process hangs them. These have been looked up and made by the host, so the first process follows no path.
 */
record Mounts(List<Attachment> attachments) implements AutoCloseable {
    Mounts {
        attachments = List.copyOf(attachments);
    }

    /**
     * A mount and where it goes to.
     *
     * @param path where that is in the sandbox, for the reader of an error message
     */
    record Attachment(String path, Fd mount, Fd place) {}

    /**
     * What the mounts depend on.
     *
     * @param id the sandbox's
     * @param mounts those of its specification
     * @param firstId the host's id of the sandbox's root
     * @param userNamespace the sandbox's, if it has one
     * @param identity its default user
     */
    record Plan(
            String id,
            List<Mount> mounts,
            Rootfs rootfs,
            int firstId,
            Optional<Fd> userNamespace,
            Accounts.Identity identity) {
        Plan {
            mounts = List.copyOf(mounts);
        }
    }

    /** Refuses sources that are missing or give the host away, before anything is made. */
    static void check(List<? extends Mount> mounts) {
        for (Mount mount : mounts) {
            if (mount instanceof Mount.Bind bind) {
                HostPaths.ofThisMachine().require(bind);
            }
        }
    }

    /** @param undo gives volumes back when the sandbox is gone */
    static Mounts create(LocalKernel kernel, VolumeSource volumes, Plan plan, Cleanup undo) throws IOException {
        return create(
                kernel,
                maps -> kernel.namespaces(Optional.of(maps), false).user().orElseThrow(),
                volumes,
                plan,
                undo);
    }

    static Mounts create(
            Kernel kernel, MountSources.IdNamespaces namespaces, VolumeSource volumes, Plan plan, Cleanup undo)
            throws IOException {
        List<Attachment> attachments = new ArrayList<>();
        MountTargets targets = new MountTargets(kernel, plan.rootfs(), plan.firstId());
        try (Cleanup failing = new Cleanup();
                MountSources sources = new MountSources(kernel, namespaces, volumes, plan)) {
            for (Mount mount : outermostFirst(plan.mounts())) {
                MountSources.Source source = sources.open(mount, undo);
                failing.push(source.mount());
                MountTargets.Place place = targets.resolve(mount.target(), source.directory());
                failing.push(place.file());
                targets.put(place, source.mount(), source.maker());
                attachments.add(new Attachment(place.path(), source.mount(), place.file()));
            }
            failing.release();
        }
        return new Mounts(attachments);
    }

    /** One that lies beneath another comes after it. */
    private static List<Mount> outermostFirst(List<Mount> mounts) {
        return mounts.stream().sorted(Comparator.comparingInt(Mounts::depth)).toList();
    }

    private static int depth(Mount mount) {
        int depth = 0;
        for (String name : mount.target().split("/")) {
            depth += name.isEmpty() || name.equals(".") ? 0 : 1;
        }
        return depth;
    }

    /** The first process's calls. */
    List<Op> attach() {
        return attachments.stream()
                .map(one -> dev.cay.linux.Mount.attachAt(Arg.of(one.mount()), Arg.of(one.place()), one.path()))
                .toList();
    }

    @Override
    public void close() {
        attachments.forEach(one -> {
            one.mount().close();
            one.place().close();
        });
    }
}
