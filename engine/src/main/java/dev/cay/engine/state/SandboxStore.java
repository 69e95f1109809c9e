package dev.cay.engine.state;

import dev.cay.BootStep;
import dev.cay.Isolation;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxState;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;

/**
 * The sandboxes of this machine, each a directory named by its id. Thread-safe, also between processes.
 *
 * <pre>
 * ID/state.json    the {@link SandboxRecord}, replaced as a whole
 * ID/journal       the {@link Journal}
 * ID/executions/   see {@link Executions}
 * ID/socket        where its first process listens, also that of a sandbox that ends with its maker
 * ID/messages      what that has said before it ended by itself
 * ID/boot.json     how it came up, if it is a microVM
 * ID/console, ID/files*  see {@link MachineOutput}
 * ID/lock          held by whoever changes any of this
 * names/NAME       a link to the id of the sandbox that is called so
 * names.lock       held by whoever changes a name
 * events           see {@link EventLog}
 * </pre>
 *
 * <p>A directory appears with its record in it and disappears as a whole, each by being renamed. An id is never used twice.
 */
public final class SandboxStore {
    /** The name of the directory, which is in memory, so that nothing is left when the machine is restarted. */
    public static final String NAME = "sandboxes";

    private static final int MAXIMUM_MESSAGE = 64;

    /** What is made ahead for a sandbox begins so; it is nobody's name. */
    private static final String READY = ".ready-";

    private static final String PAUSED = "paused";
    private static final String LOCK = "lock";
    private final Path base;
    private final Names names;
    private final EventLog events;

    /** A record as it is written. */
    private record Parsed(String text, SandboxRecord record) {}

    /** The one that was read last. */
    private volatile Optional<Parsed> parsed = Optional.empty();

    private SandboxStore(Path base) throws IOException {
        this.base = base;
        names = new Names(base, this::exists);
        events = new EventLog(base);
    }

    /** Opens a store; it is made if it is missing. */
    public static SandboxStore open(Path base) throws IOException {
        return new SandboxStore(Directories.make(base).toRealPath());
    }

    public EventLog events() {
        return events;
    }

    /** What is done under a sandbox's lock. */
    public interface Action<T> {
        T run() throws IOException;
    }

    /**
     * Enters a new sandbox and its name.
     *
     * @throws SandboxException.Conflict if the id or the name is taken
     * @throws SandboxException.InvalidSpec if it is too large to be written down
     */
    public void create(SandboxRecord record) throws IOException {
        create(record, _ -> {});
    }

    /** Adds to the directory of a sandbox before anybody sees it. */
    public interface Addition {
        void addTo(Path directory) throws IOException;
    }

    /** The same with more in its directory. */
    public void create(SandboxRecord record, Addition addition) throws IOException {
        Path born = base.resolve(bornBy(record.owner()) + record.id());
        try {
            Files.createDirectory(born, Directories.PRIVATE);
        } catch (FileAlreadyExistsException e) {
            throw taken(record.id());
        }
        try {
            Files.createDirectory(born.resolve("executions"), Directories.PRIVATE);
            RecordFile.write(born, record);
            Files.createFile(born.resolve(LOCK)); // so that no room is needed to remove it
            addition.addTo(born);
            Files.move(born, directory(record.id()), StandardCopyOption.ATOMIC_MOVE); // not onto one with content
        } catch (IOException | RuntimeException e) {
            Directories.delete(born);
            if (exists(record.id())) {
                throw taken(record.id());
            }
            throw e;
        }
        try {
            if (record.spec().name().isPresent()) {
                names.claim(record.spec().name().get(), record.id());
            }
        } catch (IOException | RuntimeException e) {
            delete(record.id());
            throw e;
        }
    }

    private static String bornBy(String engine) {
        return Directories.NEW + engine + "-";
    }

    /** Makes a directory for what an engine makes ahead for its sandboxes; whoever has made it removes it. */
    public Path makeReady(String engine) throws IOException {
        return Files.createTempDirectory(base, READY + engine + "-", Directories.PRIVATE);
    }

    /** Removes what an engine that has died has written of sandboxes that ended with it, and what it had half written or deleted. */
    public void removeOf(String engine) throws IOException {
        for (String name : Directories.names(base)) {
            if (name.startsWith(bornBy(engine))
                    || name.startsWith(READY + engine + "-")
                    || name.startsWith(Directories.GONE)) {
                Directories.delete(base.resolve(name));
            }
        }
        for (SandboxRecord record : list()) {
            if (record.isAttached() && record.owner().equals(engine)) {
                events.append(new SandboxEvent(
                        Instant.now(), record.id(), record.name(), SandboxEvent.Kind.REMOVED, OptionalInt.empty(), ""));
                delete(record.id());
            }
        }
    }

    /** Whether there is a sandbox of this id. */
    public boolean exists(String id) {
        return SandboxRecord.ID.matcher(id).matches() && Files.exists(base.resolve(id));
    }

    /**
     * What is written of a sandbox now.
     *
     * @throws SandboxException.NotFound if there is none of this id
     * @throws SandboxException.Unsupported if another version of Cay has written it
     * @throws SandboxException.HostFailed if it is damaged
     */
    public SandboxRecord read(String id) throws IOException {
        try {
            SandboxRecord record = parsed(RecordFile.read(directory(id)));
            if (!record.id().equals(id)) {
                throw RecordFile.damaged("it is that of " + record.id());
            }
            return record;
        } catch (NoSuchFileException e) {
            throw exists(id) ? RecordFile.damaged("it is missing") : notFound(id);
        }
    }

    /** Whoever runs a command looks several times, and to parse a record takes a cold JVM a millisecond. */
    private SandboxRecord parsed(String text) {
        Optional<Parsed> last = parsed;
        if (last.isPresent() && last.get().text().equals(text)) {
            return last.get().record();
        }
        SandboxRecord record = SandboxRecord.fromJson(text);
        parsed = Optional.of(new Parsed(text, record));
        return record;
    }

    /** The ids of all sandboxes, in no order. */
    public List<String> ids() throws IOException {
        List<String> ids = new ArrayList<>();
        for (String name : Directories.names(base)) {
            if (SandboxRecord.ID.matcher(name).matches()) {
                ids.add(name);
            }
        }
        return ids;
    }

    /** All sandboxes in the order they were made, but for those whose record cannot be read. */
    public List<SandboxRecord> list() throws IOException {
        List<SandboxRecord> records = new ArrayList<>();
        for (String id : ids()) {
            try {
                records.add(read(id));
            } catch (SandboxException.NotFound | SandboxException.Unsupported | SandboxException.HostFailed e) {
                // it is gone by now, or for a sweep to deal with
            }
        }
        records.sort((one, other) -> { // Comparator's own functions cost a cold JVM milliseconds
            int order = one.created().compareTo(other.created());
            return order != 0 ? order : one.id().compareTo(other.id());
        });
        return records;
    }

    /**
     * The id of a sandbox that is called so.
     *
     * @param name its id, its name, or the beginning of its id
     * @throws SandboxException.NotFound if there is none
     * @throws SandboxException.Conflict if several ids begin so
     */
    public String resolve(String name) throws IOException {
        if (SandboxRecord.ID.matcher(name).matches() && exists(name)) {
            return name;
        }
        Optional<String> holder = names.holder(name);
        if (holder.isPresent()) {
            return holder.get();
        }
        List<String> ids = name.isEmpty()
                ? List.of()
                : ids().stream().filter(id -> id.startsWith(name)).sorted().toList();
        if (ids.isEmpty()) {
            throw notFound(name);
        }
        if (ids.size() > 1) {
            throw new SandboxException.Conflict(
                    "the ids of " + ids.size() + " sandboxes begin with " + name, "give more of its digits");
        }
        return ids.getFirst();
    }

    /**
     * Does something while nobody else changes the sandbox. The thread may already have its lock.
     *
     * @throws SandboxException.NotFound if there is none of this id
     */
    public <T> T locked(String id, Action<T> action) throws IOException {
        return present(id, () -> FileLocks.locked(lock(id), () -> present(id, action)));
    }

    /** The same without waiting: empty if somebody else works on it. */
    public <T> Optional<T> tryLocked(String id, Action<T> action) throws IOException {
        return present(id, () -> FileLocks.tryLocked(lock(id), () -> present(id, action)));
    }

    /** It may go while its lock is waited for. */
    private <T> T present(String id, Action<T> action) throws IOException {
        try {
            if (exists(id)) {
                return action.run();
            }
        } catch (NoSuchFileException e) {
            if (exists(id)) {
                throw e;
            }
        }
        throw notFound(id);
    }

    /** Replaces what is written of a sandbox; for what is no {@link Event}. */
    public SandboxRecord update(String id, UnaryOperator<SandboxRecord> change) throws IOException {
        return locked(id, () -> {
            SandboxRecord changed = change.apply(read(id));
            RecordFile.write(directory(id), changed);
            return changed;
        });
    }

    /**
     * Lets something happen to a sandbox. What is so afterwards is written down; what has to be done is the caller's.
     *
     * @throws SandboxException.Conflict if it cannot happen in the state that the sandbox is in
     */
    public List<Effect> advance(String id, Event event) throws IOException {
        return locked(id, () -> {
            SandboxRecord record = read(id);
            Transition transition = Lifecycle.next(record.life(), event);
            if (transition instanceof Transition.Refused refused) { // no pattern switch: see SpecJson
                throw new SandboxException.Conflict(
                        "sandbox " + record.name() + ": " + refused.message(), refused.hint());
            }
            Transition.Moved moved = (Transition.Moved) transition;
            update(id, _ -> record.after(event, moved.life()));
            return moved.effects();
        });
    }

    /** What has to be undone when it ends. */
    public Journal journal(String id) {
        return new Journal(id, directory(id).resolve("journal"));
    }

    /** Where its first process listens. */
    public Path socket(String id) {
        return socket(directory(id));
    }

    /** The same in the directory of a sandbox. */
    public static Path socket(Path directory) {
        return directory.resolve("socket");
    }

    /** Where its first process says why it ends. */
    public Path messages(String id) {
        return directory(id).resolve("messages");
    }

    /** Why its first process ended by itself; empty if it did not, or could not say so. */
    Optional<Death> lastWords(SandboxRecord record) throws IOException {
        Optional<Death> said = lastWords(messages(record.id()));
        if (record.spec().isolation() != Isolation.MICROVM) {
            return said;
        }
        MachineOutput machine = machine(record.id());
        if (said.isEmpty()) { // it had to end with another one
            return lastWords(machine.filesMessages()).map(_ -> Death.FILES_ENDED);
        }
        return said.get() == Death.COMMAND_ENDED ? Optional.of(machine.lastWords()) : said;
    }

    private static Optional<Death> lastWords(Path messages) throws IOException {
        try (InputStream in = Files.newInputStream(messages)) {
            return Death.said(new String(in.readNBytes(MAXIMUM_MESSAGE), StandardCharsets.US_ASCII));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** What is written of a microVM that outlives its maker besides its record. */
    public MachineOutput machine(String id) {
        return new MachineOutput(directory(id));
    }

    /** Writes down how a microVM came up. */
    public void writeBoot(String id, List<BootStep> steps) throws IOException {
        BootFile.write(directory(id).resolve("boot.json"), steps);
    }

    /** How a microVM came up; empty if it is none. */
    public List<BootStep> boot(String id) throws IOException {
        return BootFile.read(directory(id).resolve("boot.json"));
    }

    public Executions executions(String id) {
        return new Executions(directory(id).resolve("executions"));
    }

    /** Gives the next command of a sandbox its number; see {@link Executions#begin}. */
    public int nextExecution(String id) throws IOException {
        return update(id, record -> {
                    if (record.state() == SandboxState.DEAD || record.state() == SandboxState.REMOVING) {
                        throw new SandboxException.Closed("sandbox " + record.name() + " is "
                                + record.state().text());
                    }
                    return record.lastExecution(Math.addExact(record.lastExecution(), 1));
                })
                .lastExecution();
    }

    /**
     * Enters commands that have been started elsewhere, and go on in a new sandbox.
     *
     * @param last the highest number that one of them has been given
     */
    public void inherit(String id, Executions others, int last) throws IOException {
        locked(id, () -> {
            others.enterInto(executions(id));
            return update(id, record -> record.lastExecution(Math.max(record.lastExecution(), last)));
        });
    }

    /** Deletes what is written of a sandbox, and gives back its name. Without effect if there is none. */
    public void delete(String id) throws IOException {
        try {
            locked(id, () -> {
                names.release(id);
                Files.move(directory(id), gone(id), StandardCopyOption.ATOMIC_MOVE);
                clear(id);
                return id;
            });
        } catch (SandboxException.NotFound e) {
            // somebody was faster
        }
    }

    /**
     * Takes one out of the store at once, and gives back its name. Who works on it meanwhile finds it gone. Its files are
     * nobody's any more, and yet to be {@linkplain #clear deleted}.
     *
     * @param named whether it may have a name
     * @return whether it was there
     */
    public boolean withdraw(String id, boolean named) throws IOException {
        if (named) {
            names.release(id);
        }
        try {
            Files.move(directory(id), gone(id), StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (NoSuchFileException e) {
            return false; // somebody has removed it
        }
    }

    /** Deletes the files of one that has been withdrawn. */
    public void clear(String id) throws IOException {
        Directories.delete(gone(id));
    }

    /** Removes what is left of sandboxes whose maker, or remover, was killed in the middle. */
    void sweepLeftovers(Instant before) throws IOException {
        Directories.sweep(base, before);
        names.sweep();
    }

    /** Whether somebody has halted what runs in a sandbox. */
    public boolean isPaused(String id) {
        return Files.exists(directory(id).resolve(PAUSED));
    }

    /** Writes down that somebody halts it, before he does, or that he has let it go on. Whoever calls this holds its lock. */
    public void setPaused(String id, boolean paused) throws IOException {
        Path file = directory(id).resolve(PAUSED);
        if (paused) {
            Files.writeString(file, "");
        } else {
            Files.deleteIfExists(file);
        }
    }

    /** Where all that is written of a sandbox is. */
    public Path directory(String id) {
        if (!SandboxRecord.ID.matcher(id).matches()) {
            throw notFound(id);
        }
        return base.resolve(id);
    }

    private Path gone(String id) {
        return base.resolve(Directories.GONE + id);
    }

    private Path lock(String id) {
        return directory(id).resolve(LOCK);
    }

    private static SandboxException taken(String id) {
        return new SandboxException.Conflict("there is a sandbox " + id + " already", "choose another id");
    }

    private static SandboxException notFound(String name) {
        return new SandboxException.NotFound("there is no sandbox " + name, "list those that there are");
    }
}
