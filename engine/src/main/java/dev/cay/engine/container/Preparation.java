package dev.cay.engine.container;

import dev.cay.Network;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import dev.cay.linux.HostKernel;
import dev.cay.linux.OwnedNamespaces;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What takes the kernel longest and does not depend on a sandbox's name: its ids, its user and network namespaces and its
 * file systems.
 *
 * @param range lives as long as the sandbox
 * @param writable lives as long as the sandbox
 * @param namespaces needed until the first process lives in them
 * @param rootfs needed until the first process has put it together
 * @param accounts the users of that root file system
 */
record Preparation(
        IdRanges.Range range,
        Optional<WritableDirectory> writable,
        OwnedNamespaces namespaces,
        Rootfs rootfs,
        Accounts accounts)
        implements AutoCloseable {
    /** Lets go of what the first process has taken over, or never will. */
    void dismantle() {
        namespaces.close();
        rootfs.close();
    }

    /** For one that no sandbox has taken. */
    @Override
    public void close() {
        dismantle();
        writable.ifPresent(WritableDirectory::close);
        range.close();
    }

    /** Makes preparations. Thread-safe. */
    interface Maker {
        Preparation make(SandboxSpec spec) throws IOException;
    }

    /** Makes them on this machine. */
    record HostMaker(HostKernel kernel, Layers layers, IdRanges ranges) implements Maker {
        @Override
        public Preparation make(SandboxSpec spec) throws IOException {
            try (Cleanup undo = new Cleanup()) {
                Optional<WritableDirectory> writable = spec.writable() instanceof Writable.Directory(var path)
                        ? Optional.of(undo.push(WritableDirectory.open(kernel, path)))
                        : Optional.empty();
                IdRanges.Range range = undo.push(range(spec, writable));
                OwnedNamespaces namespaces = undo.push(OwnedNamespaces.create(
                        kernel,
                        spec.userNamespace(),
                        spec.network() instanceof Network.None,
                        range.first(),
                        IdRanges.RANGE_SIZE));
                Rootfs rootfs = Rootfs.create(
                        kernel, new Rootfs.Plan(spec, layers, namespaces.user(), range.first(), writable));
                undo.push(rootfs);
                Preparation made =
                        new Preparation(range, writable, namespaces, rootfs, Accounts.read(kernel, rootfs.root()));
                undo.release();
                return made;
            }
        }

        private IdRanges.Range range(SandboxSpec spec, Optional<WritableDirectory> writable) throws IOException {
            OptionalLong owner = writable.isPresent() ? writable.get().owner() : OptionalLong.empty();
            if (spec.userNamespace()) {
                return owner.isPresent() ? ranges.take(owner.getAsLong()) : ranges.take();
            }
            if (owner.orElse(0) != 0) {
                throw new IOException("the changes in " + writable.get().path() + " were made in a user namespace");
            }
            return IdRanges.hostIds();
        }
    }
}
