package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.Furnishing;
import dev.cay.Mount;
import dev.cay.ResourceLimit;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.engine.container.GuestUser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What a guest is to be. Checked whole before anything is done; it stands on no command line and in no file of the guest.
 *
 * @param root its root file system
 * @param readOnly whether nothing of that can be changed once it is up
 * @param limits of every process, each resource at most once; its first has those that it can live with
 * @param hostname at most 64 characters
 * @param hostAlias by which name the guest knows its host
 * @param addressing how it comes to its addresses; those of its host get that name
 * @param directories that are made where they are missing
 * @param mounts besides its root, in the order in which they are made: parents first
 * @param threads how many processes and threads its commands may have, above 0; as many as the kernel says if empty
 * @param furnishing what is put into its root file system
 */
public record GuestSpec(
        Root root,
        boolean readOnly,
        List<ProcessLimit> limits,
        String hostname,
        String hostAlias,
        GuestAddressing addressing,
        List<String> directories,
        List<GuestMount> mounts,
        OptionalInt threads,
        Furnishing furnishing) {
    /** The serial of the disk that changes go to. */
    static final String CHANGES = "changes";

    /** The name by which a guest knows its host. */
    public static final String HOST_ALIAS = "host.cay.internal";

    private static final ProcessLimit FILES = new ProcessLimit(ProcessLimit.Resource.NOFILE, 1024, 1 << 20);

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?");

    /** Where a root file system comes from. */
    public sealed interface Root {
        /** There is none but the initramfs. */
        record Initramfs() implements Root {}

        /**
         * A disk.
         *
         * @param type its file system; empty to try those that the kernel knows
         */
        record Disk(String serial, Optional<String> type, boolean readOnly) implements Root {
            public Disk {
                Disks.check(serial, type);
            }
        }

        /**
         * Layers, and changes over them.
         *
         * @param lower the serials of disks with EROFS, the lowest first; at least one
         */
        record Overlay(List<String> lower, Upper upper) implements Root {
            public Overlay {
                lower = List.copyOf(lower);
                requireNonNull(upper, "upper is null");
                lower.forEach(serial -> Disks.check(serial, Optional.empty()));
                require(!lower.isEmpty(), "an overlay of no layer");
                require(Set.copyOf(lower).size() == lower.size(), "an overlay with one layer twice");
            }
        }
    }

    /** Where changes go. */
    public sealed interface Upper {
        /** Into memory, at most so much. */
        record Memory(Size size) implements Upper {
            public Memory {
                requireNonNull(size, "size is null");
            }
        }

        /** Onto a disk, in its directories {@code upper} and {@code work}. */
        record Disk(String serial, String type) implements Upper {
            public Disk {
                Disks.check(serial, Optional.of(type));
            }
        }
    }

    public GuestSpec {
        requireNonNull(root, "root is null");
        limits = List.copyOf(limits);
        directories = List.copyOf(directories);
        requireNonNull(addressing, "addressing is null");
        requireNonNull(furnishing, "furnishing is null");
        require(NAME.matcher(hostname).matches(), "a host name '" + hostname + "'");
        require(NAME.matcher(hostAlias).matches(), "a host that is called '" + hostAlias + "'");
        Set<ProcessLimit.Resource> resources = new HashSet<>();
        limits.forEach(limit -> require(resources.add(limit.resource()), "two limits of " + limit.resource()));
        directories.forEach(path -> require(path.startsWith("/"), "a directory '" + path + "'"));
        mounts = ordered(mounts);
        threads.ifPresent(most -> require(most > 0, most + " threads"));
    }

    /**
     * That of a sandbox.
     *
     * @param id of it
     * @param layers the serials of the disks with its image's layers, the lowest first
     * @param gateways of its network, if it is on one
     * @param volumes the serials of the disks that are its volumes, by their names
     * @param user its default user; of no meaning if it sees nothing of this machine
     */
    static GuestSpec of(
            String id,
            SandboxSpec spec,
            List<String> layers,
            List<String> gateways,
            Map<String, String> volumes,
            GuestUser user) {
        List<GuestMount> mounts = new ArrayList<>();
        int shares = 0;
        for (Mount mount : spec.mounts()) {
            String path = Path.of(mount.target()).normalize().toString();
            mounts.add(
                    switch (mount) {
                        case Mount.Tmpfs tmpfs -> memory(path, tmpfs.size(), tmpfs.mode());
                        case Mount.Named named ->
                            new GuestMount.Disk(
                                    volumes.get(named.volume()),
                                    path,
                                    Optional.of("ext4"),
                                    new GuestMount.Options(named.readOnly(), true));
                        case Mount.Bind bind ->
                            new GuestMount.Share(
                                    FileServer.name(shares++),
                                    path,
                                    Files.isDirectory(bind.source()),
                                    new GuestMount.Options(bind.readOnly(), bind.executable()),
                                    user);
                    });
        }
        boolean hasScratch = mounts.stream().anyMatch(mount -> mount.path().equals("/tmp"));
        if (spec.writable() instanceof Writable.Nothing nothing && !hasScratch) {
            mounts.add(memory("/tmp", nothing.tmp(), 01777));
        }
        return new GuestSpec(
                new Root.Overlay(layers, upper(spec.writable())),
                spec.writable() instanceof Writable.Nothing,
                limits(spec),
                spec.hostname().orElse(id),
                HOST_ALIAS,
                gateways.isEmpty() ? new GuestAddressing.CommandLine() : new GuestAddressing.Port(gateways),
                spec.workingDirectory().stream().toList(),
                mounts,
                OptionalInt.of(spec.limits().pids()),
                spec.furnishing());
    }

    /** The same with other addresses. */
    GuestSpec with(GuestAddressing found) {
        return new GuestSpec(
                root, readOnly, limits, hostname, hostAlias, found, directories, mounts, threads, furnishing);
    }

    private static Upper upper(Writable writable) {
        return switch (writable) {
            case Writable.Tmpfs tmpfs -> new Upper.Memory(tmpfs.size());
            case Writable.Nothing nothing -> new Upper.Memory(nothing.tmp());
            case Writable.Disk _ -> new Upper.Disk(CHANGES, "ext4");
            case Writable.Directory _ -> throw new IllegalArgumentException("no guest has directories of the host");
        };
    }

    private static List<ProcessLimit> limits(SandboxSpec spec) {
        List<ProcessLimit> limits = new ArrayList<>();
        if (!spec.resourceLimits().containsKey(ResourceLimit.OPEN_FILES)) {
            limits.add(FILES); // the kernel gives its first process so few that no program could ask for more
        }
        spec.resourceLimits().forEach((limit, value) -> limits.add(ProcessLimit.of(limit, value)));
        return limits;
    }

    private static GuestMount memory(String path, Size size, int mode) {
        return new GuestMount.Tmpfs(path, Optional.of(size), OptionalInt.of(mode), GuestMount.Options.ALL);
    }

    /** Parents first, as what is mounted later lies over what is below it; and always the same order. */
    private static List<GuestMount> ordered(List<GuestMount> mounts) {
        Set<String> places = new HashSet<>();
        for (GuestMount mount : mounts) {
            require(places.add(mount.path()), "two mounts at " + mount.path());
        }
        for (GuestMount mount : mounts) {
            if (mount instanceof GuestMount.Share share && !share.directory()) {
                String below = share.path() + "/";
                require(places.stream().noneMatch(place -> place.startsWith(below)), "a mount below a file, " + below);
            }
        }
        List<GuestMount> ordered = new ArrayList<>(mounts);
        ordered.sort(Comparator.<GuestMount>comparingInt(mount -> depth(mount.path()))
                .thenComparing(GuestMount::path));
        return List.copyOf(ordered);
    }

    private static int depth(String path) {
        return (int) path.chars().filter(character -> character == '/').count();
    }

    /** Where the first of its shares is, which is below no other one. */
    String firstShare() {
        for (GuestMount mount : mounts) {
            if (mount instanceof GuestMount.Share) {
                return mount.path();
            }
        }
        throw new IllegalStateException("it has none");
    }

    /** Whether its root cannot be changed once it is up. */
    boolean isSealed() {
        return readOnly || root instanceof Root.Disk disk && disk.readOnly();
    }

    /** Whether what changes in its root file system goes to a disk. */
    boolean changesDisk() {
        return root instanceof Root.Overlay overlay && overlay.upper() instanceof Upper.Disk;
    }

    /** The serials of all disks that it needs. */
    Set<String> serials() {
        Set<String> serials = new TreeSet<>();
        switch (root) {
            case Root.Initramfs _ -> {}
            case Root.Disk disk -> serials.add(disk.serial());
            case Root.Overlay overlay -> {
                serials.addAll(overlay.lower());
                if (overlay.upper() instanceof Upper.Disk disk) {
                    serials.add(disk.serial());
                }
            }
        }
        for (GuestMount mount : mounts) {
            if (mount instanceof GuestMount.Disk disk) {
                serials.add(disk.serial());
            }
        }
        return serials;
    }

    /** Who makes what is missing at a path: whoever owns what of the host lies above it, else root. */
    GuestUser maker(String path) {
        GuestUser maker = GuestUser.ROOT;
        for (GuestMount mount : mounts) {
            if (path.startsWith(mount.path() + "/")) {
                maker = mount instanceof GuestMount.Share share ? share.owner() : GuestUser.ROOT;
            }
        }
        return maker;
    }

    /** Whether something of what is written in it is there when it has ended. */
    boolean keepsChanges() {
        return mounts.stream()
                .anyMatch(mount ->
                        !(mount instanceof GuestMount.Tmpfs) && !mount.options().readOnly());
    }

    static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException("no guest has " + message);
        }
    }

    /** What is the same about all disks. */
    static final class Disks {
        private static final Pattern SERIAL = Pattern.compile("[a-z0-9]{1,20}");
        private static final Pattern TYPE = Pattern.compile("[a-z0-9_]{1,32}");

        private Disks() {}

        static void check(String serial, Optional<String> type) {
            require(SERIAL.matcher(serial).matches(), "a disk '" + serial + "'");
            type.ifPresent(name -> require(TYPE.matcher(name).matches(), "a file system '" + name + "'"));
        }
    }
}
