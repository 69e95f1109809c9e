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
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Another JVM with an engine of its own, {@link ChildOperator}, that does what it is told line by line. */
final class OtherProcess implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;
    private static final String LIBRARY = "-Ddev.cay.linux.library=";

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
        return start(wrapper, environment, java());
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

    /**
     * The same with code at another place, since not everybody may read this one.
     *
     * @param code an empty directory
     */
    static OtherProcess start(List<String> wrapper, Map<String, String> environment, Path code) {
        return start(
                wrapper,
                environment,
                java(path ->
                        copied(path, code.resolve(Integer.toHexString(path.hashCode()) + "-" + path.getFileName()))));
    }

    private static OtherProcess start(List<String> wrapper, Map<String, String> environment, List<String> java) {
        try {
            List<String> command = new ArrayList<>(wrapper);
            command.addAll(java);
            String mark = "cay-it-" + UUID.randomUUID();
            command.add(mark);
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().putAll(environment);
            return new OtherProcess(builder.start(), mark);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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

    /** This JVM's Java, with modules and test classes that it has archived. */
    private static List<String> java() {
        ClassArchive archive = ClassArchive.get(classes());
        return java(
                joined(archive.modules(), path -> path),
                archive.classes().toString(),
                List.of(
                        "-Xlog:disable",
                        "-Xlog:all=warning,cds*=off,aot*=off:stderr",
                        "-XX:SharedArchiveFile=" + archive.file()));
    }

    /** The same with modules and classes as they are, from where they can be read. */
    private static List<String> java(UnaryOperator<Path> readable) {
        List<String> command = new ArrayList<>(java(
                joined(EngineModules.places(), readable),
                readable.apply(classes()).toString(),
                List.of()));
        command.replaceAll(
                word -> word.equals(LIBRARY + NATIVE_METHODS) ? LIBRARY + readable.apply(NATIVE_METHODS) : word);
        return command;
    }

    private static String joined(List<Path> paths, UnaryOperator<Path> readable) {
        return paths.stream().map(path -> readable.apply(path).toString()).collect(Collectors.joining(":"));
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

    /** With native methods, as the command line has them. */
    static List<String> java(String modules, String classes, List<String> options) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Xmx96m"));
        command.addAll(options);
        command.addAll(List.of(
                "-p",
                modules,
                "--add-modules",
                "dev.cay.engine",
                "--enable-native-access=dev.cay.linux",
                "--add-exports=dev.cay.engine/dev.cay.engine.microvm=ALL-UNNAMED",
                LIBRARY + NATIVE_METHODS,
                "-cp",
                classes,
                ChildOperator.class.getName()));
        return command;
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
