package dev.cay.engine.container;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;

/**
 * What the engines of this machine, or of an ordinary user, know of each other; see {@link Places#run}.
 *
 * <p>{@code engines/ID} is locked for as long as the engine lives, whatever ends it, so whoever can lock it may clean up after
 * it. {@code ranges/N} names, as a link, the engine that has claimed a block of user ids, {@code ranges/single-N} the sandbox that has
 * claimed a single range. {@code mount} is an empty directory on
 * which an engine hangs its first mount, in a mount namespace of its own.
 */
final class StateDirectory implements AutoCloseable {
    /** In it, an empty directory that an engine hangs its first mount on. */
    static final String MOUNT = "mount";

    /** The engines of this process. To open and close the file of one would give up its lock; see fcntl_locking(2). */
    private static final Set<String> LIVING = ConcurrentHashMap.newKeySet();

    /** How the name of an engine ends that is on its way in: it has done nothing yet. */
    private static final String BORN = ".new";

    private static final Undo NOTHING = new Undo() {
        @Override
        public void undo(String engine, long deadline) {}
    };

    /** For how long what dead engines have left may take to end, all together. */
    private static final long PATIENCE_NANOSECONDS = 1_000_000_000L;

    /** What is in the file of a dead engine of whom something is left that does not end: the next ones do not wait for it. */
    private static final byte TRIED = 1;

    private static final int ATTEMPTS = 16;

    private final Path engines;
    private final Path ranges;
    private final String engine;
    private final FileChannel lock;

    private StateDirectory(Path engines, Path ranges, String engine, FileChannel lock) {
        this.engines = engines;
        this.ranges = ranges;
        this.engine = engine;
        this.lock = lock;
    }

    /** Enters a new engine. */
    static StateDirectory open(Path path) throws IOException {
        Path engines = path.resolve("engines");
        Path ranges = path.resolve("ranges");
        for (Path directory : new Path[] {path, path.resolve(MOUNT), engines, ranges}) {
            try {
                Files.createDirectory(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                // another engine has been here
            }
        }
        for (int attempt = 1; ; attempt++) {
            try {
                return enter(engines, ranges);
            } catch (NoSuchFileException e) { // somebody who cleans up has found it before it was locked
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    private static StateDirectory enter(Path engines, Path ranges) throws IOException {
        String engine = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong(), 10);
        // Born under another name: nobody may find it unlocked and undo what an engine of this name has done.
        Path born = engines.resolve(engine + BORN);
        LIVING.add(engine);
        FileChannel lock = null;
        try {
            lock = FileChannel.open(born, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            lock.lock();
            Files.move(born, engines.resolve(engine));
            return new StateDirectory(engines, ranges, engine, lock);
        } catch (IOException | RuntimeException e) {
            if (lock != null) {
                lock.close();
            }
            LIVING.remove(engine);
            throw e;
        }
    }

    /** The name of this engine, unique among the living. */
    String engine() {
        return engine;
    }

    /** Whether an engine lives. */
    boolean lives(String other) throws IOException {
        if (LIVING.contains(other)) {
            return true;
        }
        try (FileChannel channel = FileChannel.open(engines.resolve(other), StandardOpenOption.WRITE);
                FileLock free = channel.tryLock()) {
            return free == null;
        } catch (OverlappingFileLockException e) {
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** Undoes what an engine that has died left outside of this directory. */
    interface Undo {
        /** @param deadline of {@link System#nanoTime}, until when to wait for what does not end at once */
        void undo(String engine, long deadline) throws IOException;
    }

    /**
     * Cleans up after the engines that have died. What cannot be cleaned up yet is left to a later one.
     *
     * @param patient whether to wait also for what another has waited for in vain
     * @return what that is, in words
     */
    List<String> sweep(Undo undo, boolean patient) throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        List<String> failures = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(engines)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                boolean born = name.endsWith(BORN);
                String other = born ? name.substring(0, name.length() - BORN.length()) : name;
                if (!LIVING.contains(other)) {
                    try {
                        sweep(file, other, born ? NOTHING : undo, deadline, patient);
                    } catch (IOException e) {
                        failures.add("engine " + other + ": " + e.getMessage());
                    }
                }
            }
        }
        return failures;
    }

    private void sweep(Path file, String engine, Undo undo, long deadline, boolean patient) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
                FileLock owned = channel.tryLock()) {
            if (owned == null || !Files.exists(file)) {
                return;
            }
            boolean tried = channel.size() > 0;
            try {
                undo.undo(engine, tried && !patient ? System.nanoTime() : deadline);
            } catch (IOException e) {
                if (!tried) {
                    // Not in a field: to get a logger takes ten milliseconds.
                    System.getLogger(StateDirectory.class.getName())
                            .log(
                                    System.Logger.Level.WARNING,
                                    "cannot clean up after the engine " + engine + ": " + e.getMessage());
                    channel.write(ByteBuffer.wrap(new byte[] {TRIED}));
                }
                throw e;
            }
            releaseRanges(engine);
            Files.deleteIfExists(file);
        } catch (OverlappingFileLockException | NoSuchFileException e) {
            // it lives in this very process, or has just been swept by another
        }
    }

    /** Claims a block of user ids for this engine. */
    boolean claimRange(int block) throws IOException {
        return claim(Integer.toString(block), engine);
    }

    /**
     * Claims user ids for somebody.
     *
     * @param name the number of a block of ranges, or {@code single-N} for the range N alone
     */
    boolean claim(String name, String owner) throws IOException {
        try {
            // A link is there with its content or not at all, whenever its maker is killed.
            Files.createSymbolicLink(ranges.resolve(name), Path.of(owner));
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        }
    }

    /** Gives back what somebody has claimed; without effect if it is somebody else's by now. */
    void release(String name, String owner) throws IOException {
        Path file = ranges.resolve(name);
        if (owner(file).equals(owner)) {
            Files.deleteIfExists(file);
        }
    }

    /**
     * Gives back single ranges that belong to nobody: whoever claimed them died before the sandbox was there.
     *
     * @param exists whether there is a sandbox of an id
     */
    void releaseOrphans(Predicate<String> exists) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(ranges)) {
            for (Path file : files) {
                String owner = owner(file);
                if (!owner.isEmpty() && !exists.test(owner) && !lives(owner)) {
                    release(file.getFileName().toString(), owner);
                }
            }
        }
    }

    /** Gives back all that an engine, or a sandbox, has claimed. */
    void releaseRanges(String engine) throws IOException {
        List<Path> claimed = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(ranges)) {
            for (Path file : files) {
                if (owner(file).equals(engine)) {
                    claimed.add(file);
                }
            }
        }
        for (Path file : claimed) {
            Files.deleteIfExists(file);
        }
    }

    private static String owner(Path range) throws IOException {
        try {
            return Files.readSymbolicLink(range).toString();
        } catch (NoSuchFileException e) {
            return ""; // another engine has just left
        }
    }

    /** Leaves: nothing of this engine remains. */
    @Override
    public void close() throws IOException {
        releaseRanges(engine);
        Files.deleteIfExists(engines.resolve(engine));
        lock.close();
        LIVING.remove(engine);
    }
}
