package dev.cay.it;

import dev.cay.linux.Architecture;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Another JVM with an engine of its own, {@link ChildOperator}, that does what it is told line by line. */
final class OtherProcess implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 120;

    /** Where native methods are found, as the starter of the command line says it. */
    static final Path NATIVE_METHODS = Path.of(
            System.getProperty("cay.root"),
            "linux/src/main/resources/dev/cay/linux",
            "native-methods-" + Architecture.current().text() + ".so");

    private final Process process;
    private final String mark;
    private final BufferedReader answers;
    private final OutputStream orders;

    private OtherProcess(Process process, String mark) {
        this.process = process;
        this.mark = mark;
        answers = process.inputReader(StandardCharsets.UTF_8);
        orders = process.getOutputStream();
    }

    static OtherProcess start() {
        return start(List.of(), Map.of());
    }

    /**
     * Starts one.
     *
     * @param wrapper a command that runs what follows it
     * @param environment what it has in its environment besides ours
     */
    static OtherProcess start(List<String> wrapper, Map<String, String> environment) {
        try {
            List<String> command = new ArrayList<>(wrapper);
            command.addAll(ClassArchive.get(classes()).java());
            String mark = "cay-it-" + UUID.randomUUID();
            command.add(mark);
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().putAll(environment);
            return new OtherProcess(builder.start(), mark);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where one begins. */
    interface Beginning {
        OtherProcess start() throws Exception;
    }

    /**
     * For a test that needs many, one after the other: the next one begins while the test looks at what the last one has left. To
     * begin is most of what such a process does.
     */
    static final class Succession implements AutoCloseable {
        private final Beginning beginning;
        private OtherProcess next;

        Succession(Beginning beginning) throws Exception {
            this.beginning = beginning;
            next = beginning.start();
        }

        /** The number of the process that has begun and is not needed yet. */
        long waiting() {
            return next.pid();
        }

        /** The caller closes it. */
        OtherProcess next() throws Exception {
            OtherProcess one = next;
            next = beginning.start();
            return one;
        }

        @Override
        public void close() {
            next.kill();
        }
    }

    /** A file, or a directory with all that is in it, where everybody may read it. */
    static Path copied(Path from, Path to) {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path copy = to.resolve(from.relativize(file).toString());
                if (!Files.exists(copy)) {
                    Files.copy(file, copy);
                }
                Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
            return to;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path classes() {
        try {
            Path classes = Path.of(
                    ChildOperator.class.getResource("ChildOperator.class").toURI());
            for (int level = 0; level < 4; level++) {
                classes = classes.getParent();
            }
            return classes;
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Gives an order, whose answer is read later. */
    void order(String... words) {
        try {
            orders.write((String.join(" ", words) + "\n").getBytes(StandardCharsets.UTF_8));
            orders.flush();
        } catch (IOException e) {
            // it is dead, which its answer will tell
        }
    }

    /** What it answers next; empty if it died. A child that it leaves may keep its output open, so that has no end then. */
    Optional<String> answer() {
        try {
            while (!answers.ready()) {
                if (!process.isAlive() && !answers.ready()) {
                    return Optional.empty();
                }
                LockSupport.parkNanos(1_000_000);
            }
            return Optional.ofNullable(answers.readLine());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Gives an order and waits for the answer, which must come and be a success. */
    String tell(String... words) {
        order(words);
        String answer = answer().orElseThrow(
                        () -> new AssertionError("it died of " + String.join(" ", words) + ": exit code " + await()));
        if (!answer.startsWith("ok")) {
            throw new AssertionError(String.join(" ", words) + ": " + answer);
        }
        return answer.substring(2).strip();
    }

    /** What lives of it after its death: children of its own memory that have not become another program yet. Kills them. */
    List<Long> orphans() {
        List<Long> orphans = new ArrayList<>();
        ProcessHandle.allProcesses()
                .filter(other ->
                        other.pid() != process.pid() && commandLine(other.pid()).contains(mark))
                .forEach(other -> {
                    orphans.add(other.pid());
                    other.destroyForcibly();
                });
        return orphans;
    }

    long pid() {
        return process.pid();
    }

    private static String commandLine(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    /** Kills it and waits until it is dead. */
    void kill() {
        process.destroyForcibly();
        await();
    }

    /** Waits until it has ended by itself; says how. */
    int await() {
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("the other process does not end");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Lets it end in an orderly way. */
    @Override
    public void close() {
        try {
            orders.close();
        } catch (IOException e) {
            // it is dead
        }
        try {
            await();
            answers.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            process.destroyForcibly();
        }
    }
}
