package dev.cay.engine.state;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Volumes;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;

/**
 * The named volumes of this machine. Thread-safe, also between processes.
 *
 * <pre>
 * NAME/volume.json   its limit
 * NAME/data/         what is in it, or where its image is to be mounted
 * NAME/data.img      if it has a limit: a file system of that size, as no other limit holds on every file system of the host
 * NAME/users/ID      the sandbox has it mounted; empty, or not if it is to be the only one
 * .lock              held by whoever changes any of this
 * </pre>
 *
 * <p>A user that is no sandbox any more, as after a restart of the machine, counts for nothing.
 */
public final class VolumeStore implements Volumes {
    /** The name of the directory. */
    public static final String NAME = "volumes";

    /** The smallest limit: less is no file system. */
    public static final Size MINIMUM = Size.mib(1);

    private static final int VERSION = 1;

    private static final byte[] ALONE = "alone\n".getBytes(StandardCharsets.US_ASCII);

    private final Path base;
    private final Path lock;
    private final Predicate<String> lives;
    private final VolumeImage images;

    private VolumeStore(Path base, Predicate<String> lives, VolumeImage images) {
        this.base = base;
        this.lives = lives;
        this.images = images;
        lock = base.resolve(".lock");
    }

    /**
     * Opens the volumes in a directory, which is made if it is missing.
     *
     * @param lives whether there is a sandbox of an id
     * @param root whether this is the host's root, who alone can mount volumes that have a limit
     */
    public static VolumeStore open(Path base, Predicate<String> lives, boolean root) throws IOException {
        return open(base, lives, root ? VolumeImage.ext4() : VolumeImage.none());
    }

    static VolumeStore open(Path base, Predicate<String> lives, VolumeImage images) throws IOException {
        return new VolumeStore(Directories.make(base).toRealPath(), lives, images);
    }

    /**
     * Where a volume is.
     *
     * @param data the directory that holds its content, once the image is mounted there
     * @param image the file that is to be mounted on {@code data}; empty if nothing is
     */
    public record Place(Path data, Optional<Path> image) {}

    @Override
    public Info create(String name, Optional<Size> limit) {
        Info info = new Info(name, limit, List.of());
        limit.filter(size -> size.compareTo(MINIMUM) < 0).ifPresent(size -> {
            throw new SandboxException.InvalidSpec(
                    "a volume of " + size + " is too small", "give it " + MINIMUM + " or more, or no limit");
        });
        return guarded("make", name, () -> {
            Path born = base.resolve(Directories.NEW + name + "-" + random());
            try {
                make(born, limit);
                return FileLocks.locked(lock, () -> {
                    if (Files.exists(base.resolve(name))) {
                        throw new SandboxException.Conflict(
                                "there is a volume " + name + " already", "choose another name");
                    }
                    Files.move(born, base.resolve(name), StandardCopyOption.ATOMIC_MOVE);
                    return info;
                });
            } catch (IOException | RuntimeException e) {
                Directories.delete(born);
                throw e;
            }
        });
    }

    @Override
    public List<Info> list() {
        return guarded("list", "volumes", () -> {
            List<Info> volumes = new ArrayList<>();
            for (String name : Directories.names(base).stream().sorted().toList()) {
                if (!name.startsWith(".")) {
                    read(name).ifPresent(volumes::add);
                }
            }
            return volumes;
        });
    }

    @Override
    public void remove(String name) {
        guarded("remove", name, () -> {
            Path gone = base.resolve(Directories.GONE + checked(name) + "-" + random());
            FileLocks.locked(lock, () -> {
                Info info = read(name).orElseThrow(() -> notFound(name));
                if (!info.users().isEmpty()) {
                    throw new SandboxException.Conflict(
                            "the volume " + name + " is used by " + String.join(", ", info.users()),
                            "remove the sandbox first");
                }
                return Files.move(base.resolve(name), gone, StandardCopyOption.ATOMIC_MOVE);
            });
            Directories.delete(gone); // it may be large; nobody has to wait for it
            return name;
        });
    }

    /**
     * Enters a sandbox as the only user of a volume that has a limit.
     *
     * @return its image, a file system
     * @throws SandboxException.NotFound if there is no such volume: one that is made by the way has no limit
     * @throws SandboxException.InvalidSpec if it has none, and so is no image
     * @throws SandboxException.Conflict if another sandbox uses it
     */
    public Path useAlone(String name, String sandbox) {
        checkId(sandbox);
        return guarded(
                "use",
                name,
                () -> FileLocks.locked(lock, () -> {
                    Info info = read(checked(name))
                            .orElseThrow(() -> new SandboxException.NotFound(
                                    "there is no volume " + name,
                                    "one of a microVM has a size: cay volume create " + name + " --limit SIZE"));
                    Path image = place(info)
                            .image()
                            .orElseThrow(() -> new SandboxException.InvalidSpec(
                                    "the volume " + name + " has no limit, and so is no disk",
                                    "make one that has: cay volume create NAME --limit SIZE"));
                    requireFree(name, info.users(), sandbox);
                    Files.write(user(name, sandbox), ALONE);
                    return image;
                }));
    }

    private static void requireFree(String name, List<String> users, String sandbox) {
        for (String user : users) {
            if (!user.equals(sandbox)) {
                throw new SandboxException.Conflict(
                        "the volume " + name + " is used by " + user, "a microVM shares no volume; remove one of them");
            }
        }
    }

    private boolean isAlone(String name, String sandbox) throws IOException {
        try {
            return Files.size(user(name, sandbox)) > 0;
        } catch (NoSuchFileException e) {
            return false; // it has just left
        }
    }

    /** Enters a sandbox as a user of a volume, which is made if it is missing. */
    public Place use(String name, String sandbox) {
        checkId(sandbox);
        while (true) {
            Optional<Place> place = guarded(
                    "use",
                    name,
                    () -> FileLocks.locked(lock, () -> {
                        Optional<Info> info = read(checked(name));
                        if (info.isPresent()) {
                            for (String user : info.get().users()) {
                                if (isAlone(name, user)) {
                                    requireFree(name, List.of(user), sandbox);
                                }
                            }
                            Files.write(user(name, sandbox), new byte[0]);
                        }
                        return info.map(this::place);
                    }));
            if (place.isPresent()) {
                return place.get();
            }
            try {
                create(name, Optional.empty());
            } catch (SandboxException.Conflict e) {
                // somebody else has just made it
            }
        }
    }

    /** The sandbox uses it no more. Without effect if it does not. */
    public void release(String name, String sandbox) {
        checkId(sandbox);
        guarded(
                "release",
                name,
                () -> FileLocks.locked(lock, () -> Files.deleteIfExists(user(checked(name), sandbox))));
    }

    /** Removes what is left of volumes whose maker, or remover, was killed in the middle, if it began before. */
    public void sweep(Instant before) throws IOException {
        Directories.sweep(base, before);
    }

    private void make(Path directory, Optional<Size> limit) throws IOException {
        Files.createDirectory(directory, Directories.PRIVATE);
        Files.createDirectory(directory.resolve("users"), Directories.PRIVATE);
        Files.createDirectory(directory.resolve("data"));
        if (limit.isPresent()) {
            images.make(directory.resolve("data.img"), limit.get());
        }
        OptionalLong bytes = limit.map(size -> OptionalLong.of(size.bytes())).orElse(OptionalLong.empty());
        String json = JsonWriter.object(out -> out.field("version", VERSION).field("limit", bytes));
        Directories.replace(directory.resolve("volume.json"), json.getBytes(StandardCharsets.UTF_8));
    }

    private Optional<Info> read(String name) throws IOException {
        String json;
        try {
            json = new String(Files.readAllBytes(base.resolve(name).resolve("volume.json")), StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        OptionalLong limit = StateJson.read(json, "the volume " + name, in -> {
            StateJson.checkVersion(in, VERSION);
            return in.optionalNumber("limit", 0, Long.MAX_VALUE);
        });
        List<String> users = Directories.names(base.resolve(name).resolve("users")).stream()
                .filter(lives)
                .sorted()
                .toList();
        return Optional.of(new Info(name, limit.stream().mapToObj(Size::bytes).findFirst(), users));
    }

    private Place place(Info info) {
        Path directory = base.resolve(info.name());
        return new Place(directory.resolve("data"), info.limit().map(_ -> directory.resolve("data.img")));
    }

    private Path user(String name, String sandbox) {
        return base.resolve(name).resolve("users").resolve(sandbox);
    }

    private static String checked(String name) {
        return new Info(name, Optional.empty(), List.of()).name();
    }

    private static void checkId(String sandbox) {
        if (!SandboxRecord.ID.matcher(sandbox).matches()) {
            throw new IllegalArgumentException("'" + sandbox + "' is not the id of a sandbox");
        }
    }

    private static String random() {
        return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    private static <T> T guarded(String what, String name, FileLocks.Action<T> action) {
        try {
            return action.run();
        } catch (IOException e) {
            throw HostFailure.of("cannot " + what + " " + name, "", e);
        }
    }

    private static SandboxException notFound(String name) {
        return new SandboxException.NotFound("there is no volume " + name, "list those that there are");
    }
}
