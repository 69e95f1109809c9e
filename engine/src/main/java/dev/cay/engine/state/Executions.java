package dev.cay.engine.state;

import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Errno;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The commands of a sandbox that can be taken up again, and the last that could: for number N a file {@code N}, its {@link
 * ExecutionRecord}, and {@code N.json}, what its record does not say. Whoever changes something holds the sandbox's lock.
 */
public final class Executions {
    /** The number of the sandbox's own command. */
    public static final int OWN = 1;

    /** How many that have ended are kept at least, besides the sandbox's own command. */
    public static final int KEPT = 64;

    /** So many more and they are forgotten, all but those: to look who has ended takes a cold JVM a millisecond and more. */
    public static final int EXCESS = 16;

    /** A command has its record and what that does not say. */
    private static final int FILES_EACH = 2;

    private static final String SUFFIX = ".json";

    private final Path directory;

    Executions(Path directory) {
        this.directory = directory;
    }

    /**
     * Enters a command before it is started. The oldest of those that have ended are forgotten if there are too many.
     *
     * @param number from {@link SandboxStore#nextExecution}, or {@link #OWN}, which replaces the one before
     * @param user as whom it is to run
     */
    public ExecutionRecord begin(int number, ExecSpec command, String user, Instant time) throws IOException {
        List<String> names = Directories.names(directory);
        if (names.size() >= FILES_EACH * (1 + KEPT + EXCESS)) {
            forget(names);
        }
        Path file = file(number);
        Path born = directory.resolve(number + ".new");
        ExecutionRecord.create(born, ExecutionRecord.ringFor(command.kept().bytes()));
        Files.deleteIfExists(sidecar(number)); // an end of the one before is not this one's
        Files.move(born, file, StandardCopyOption.ATOMIC_MOVE);
        write(
                number,
                new Sidecar(
                        command.command(),
                        user,
                        command.terminal().isPresent(),
                        time,
                        Optional.empty(),
                        Optional.empty()));
        return new ExecutionRecord(file);
    }

    /**
     * Writes down how a command ended, if more is known of it than its record says: who killed it, why it never started, what it has
     * used.
     */
    public void ended(int number, Exit exit, Optional<ExecutionUsage> usage) throws IOException {
        Sidecar sidecar = read(number);
        write(
                number,
                new Sidecar(
                        sidecar.command(),
                        sidecar.user(),
                        sidecar.terminal(),
                        sidecar.time(),
                        Optional.of(exit),
                        usage));
    }

    /**
     * What a command that has ended had used, if that is written.
     *
     * @throws SandboxException.NotFound if there is none of this number
     */
    public Optional<ExecutionUsage> usage(int number) throws IOException {
        return read(number).usage();
    }

    /**
     * What all of them had used of whom that is written, by their numbers.
     *
     * @param usages is added to
     * @return the numbers of the others
     */
    public List<Integer> usages(Map<Integer, ExecutionUsage> usages) throws IOException {
        List<Integer> unwritten = new ArrayList<>();
        for (int number : numbers(Directories.names(directory))) {
            try {
                Optional<ExecutionUsage> usage = usage(number);
                if (usage.isPresent()) {
                    usages.put(number, usage.get());
                } else {
                    unwritten.add(number);
                }
            } catch (SandboxException.NotFound e) {
                // it has just been forgotten
            }
        }
        return unwritten;
    }

    /**
     * The record of a command.
     *
     * @throws SandboxException.NotFound if there is none of this number
     */
    public ExecutionRecord record(int number) {
        if (!has(number)) {
            throw notFound(number);
        }
        return new ExecutionRecord(file(number));
    }

    /** Whether there is a record of this number. */
    public boolean has(int number) {
        return Files.exists(sidecar(number));
    }

    /** How the sandbox's own command has ended that is written down as running; empty if it runs. */
    public Optional<Exit> ownExit() throws IOException {
        try {
            return info(OWN, false).exit();
        } catch (SandboxException.NotFound e) { // whoever began to start it died before he could
            return Optional.of(Exit.spawnFailed(Errno.ESRCH.number(), "never started"));
        }
    }

    /**
     * What is known of a command.
     *
     * @param dead whether the sandbox is: then all its commands have ended, whatever is written of them
     * @throws SandboxException.NotFound if there is none of this number
     */
    public ExecutionInfo info(int number, boolean dead) throws IOException {
        Sidecar sidecar = read(number);
        ExecutionRecord.Header header;
        try {
            header = new ExecutionRecord(file(number)).header();
        } catch (FileNotFoundException e) {
            throw notFound(number);
        }
        Optional<Exit> exit = sidecar.exit().or(header::exit);
        return new ExecutionInfo(
                number,
                sidecar.command(),
                sidecar.user(),
                sidecar.terminal(),
                header.pid(),
                header.started().equals(Instant.EPOCH) ? sidecar.time() : header.started(),
                dead ? exit.or(() -> Optional.of(Death.KILLED.exit())) : exit);
    }

    /**
     * Enters all of them elsewhere. What is in their records is not: a first process that keeps these itself, in a machine that goes
     * on elsewhere as well, has it there.
     */
    public void enterInto(Executions others) throws IOException {
        for (int number : numbers(Directories.names(directory))) {
            try {
                ExecutionRecord.create(others.file(number), new ExecutionRecord(file(number)).ring());
                Files.copy(sidecar(number), others.sidecar(number));
            } catch (FileNotFoundException | NoSuchFileException e) {
                Files.deleteIfExists(others.file(number)); // it has just been forgotten
            }
        }
    }

    /** How the sandbox's own command ended the last time; empty if it runs, or there is no trace of it. */
    Optional<Exit> end() throws IOException {
        try {
            return info(OWN, false).exit();
        } catch (SandboxException.NotFound e) {
            return Optional.empty();
        }
    }

    /** All of them, by number. */
    public List<ExecutionInfo> list(boolean dead) throws IOException {
        List<ExecutionInfo> list = new ArrayList<>();
        for (int number : numbers(Directories.names(directory))) {
            try {
                list.add(info(number, dead));
            } catch (SandboxException.NotFound e) {
                // it has just been forgotten
            }
        }
        return list;
    }

    /** Those that have been begun after a number, in order. */
    List<Integer> numbersAfter(int last) throws IOException {
        return numbers(Directories.names(directory)).stream()
                .filter(number -> number > last)
                .toList();
    }

    /** When one has been entered or forgotten, or something written down of one by the host. */
    Instant changed() throws IOException {
        try {
            return Files.getLastModifiedTime(directory).toInstant();
        } catch (NoSuchFileException e) {
            return Instant.MIN; // there has been none yet, or the sandbox has gone
        }
    }

    private void forget(List<String> names) throws IOException {
        List<Integer> others = new ArrayList<>(numbers(names));
        others.remove((Integer) OWN);
        int excess = others.size() - KEPT + 1;
        for (int number : others) {
            if (excess <= 0) {
                return;
            }
            if (hasEnded(number)) {
                Files.deleteIfExists(sidecar(number));
                Files.deleteIfExists(file(number));
                excess--;
            }
        }
    }

    private boolean hasEnded(int number) throws IOException {
        try {
            return info(number, false).exit().isPresent();
        } catch (SandboxException.NotFound | SandboxException.HostFailed e) {
            return true; // half of it is all there is
        }
    }

    private static List<Integer> numbers(List<String> names) {
        return names.stream()
                .filter(Executions::isSidecar)
                .map(name -> Integer.valueOf(name.substring(0, name.length() - SUFFIX.length())))
                .sorted()
                .toList();
    }

    private static boolean isSidecar(String name) {
        int digits = name.length() - SUFFIX.length();
        if (digits < 1 || digits > 9 || !name.endsWith(SUFFIX) || name.charAt(0) == '0') {
            return false;
        }
        for (int i = 0; i < digits; i++) {
            if (name.charAt(i) < '0' || name.charAt(i) > '9') {
                return false;
            }
        }
        return true;
    }

    private record Sidecar(
            List<String> command,
            String user,
            boolean terminal,
            Instant time,
            Optional<Exit> exit,
            Optional<ExecutionUsage> usage) {}

    private void write(int number, Sidecar sidecar) throws IOException {
        String json = JsonWriter.object(out -> out.texts("command", sidecar.command())
                .field("user", sidecar.user())
                .field("terminal", sidecar.terminal())
                .field("time", StateJson.nanos(sidecar.time()))
                .object("exit", sidecar.exit(), StateJson::write)
                .object("usage", sidecar.usage(), StateJson::write));
        Directories.replace(sidecar(number), json.getBytes(StandardCharsets.UTF_8));
    }

    private Sidecar read(int number) throws IOException {
        try {
            String json = new String(Files.readAllBytes(sidecar(number)), StandardCharsets.UTF_8);
            return StateJson.read(json, "the record of execution " + number, Executions::sidecar);
        } catch (NoSuchFileException e) {
            throw notFound(number);
        }
    }

    private static Sidecar sidecar(JsonObject in) {
        return new Sidecar(
                in.texts("command"),
                in.text("user"),
                in.flag("terminal"),
                StateJson.instant(in.number("time", Long.MIN_VALUE, Long.MAX_VALUE)),
                in.optionalObject("exit", StateJson::readExit),
                in.optionalObject("usage", StateJson::readUsage));
    }

    private Path file(int number) {
        return directory.resolve(Integer.toString(number));
    }

    private Path sidecar(int number) {
        return directory.resolve(number + SUFFIX);
    }

    private static SandboxException notFound(int number) {
        return new SandboxException.NotFound("there is no execution " + number, "list those that there are");
    }
}
