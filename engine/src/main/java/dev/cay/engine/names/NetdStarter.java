package dev.cay.engine.names;

import dev.cay.SandboxException;
import dev.cay.engine.state.NetworkStore;
import java.io.File;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Sees to it that detached sandboxes have their {@link Netd}. */
public final class NetdStarter {
    private static final String MODULE = "dev.cay.engine";
    private static final String MAIN = "dev.cay.engine.network.NetdMain";

    /**
     * It mostly waits, so memory is worth more than time: a small heap, one compiler, which only takes on what is used very often, one
     * collector; classes are read as they are, since of an archive, whose addresses do not fit, each page becomes a copy. Of a
     * resident 51 MB that leaves 44.
     */
    private static final List<String> FLAGS = List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xms2m",
            "-Xmn1m",
            "-Xmx32m",
            "-Xss256k",
            "-Xshare:off",
            "-XX:CompileThresholdScaling=10",
            "-XX:ReservedCodeCacheSize=16m",
            "-Xlog:disable");

    private static final String LOG = "netd.log";
    private static final long PATIENCE_NANOSECONDS = 20_000_000_000L;
    private static final long LOOK_MILLIS = 5;

    private NetdStarter() {}

    /**
     * Returns when what is written in the leases now is in force for the names of detached sandboxes. Starts the process if there
     * is none.
     *
     * @throws SandboxException.SetupFailed if it cannot be started
     */
    public static synchronized void ensure() throws IOException {
        Path socket = NetworkStore.LEASES.resolve(Netd.SOCKET);
        if (Netd.call(socket)) {
            return;
        }
        Path log = NetworkStore.LEASES.resolve(LOG);
        Process process = start(log);
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (!Netd.call(socket)) {
            // One that ends may have found that another is just beginning, or just ending.
            if (!process.isAlive()) {
                if (process.exitValue() != 0) {
                    throw failed(log, "it exited with " + process.exitValue());
                }
                process = start(log);
            }
            if (System.nanoTime() - deadline > 0) {
                throw failed(log, "it does not answer");
            }
            pause();
        }
    }

    /** Whether there is one, or one is just beginning. Costs next to nothing. */
    public static boolean lives() throws IOException {
        try (FileChannel channel = FileChannel.open(NetworkStore.LEASES.resolve(Netd.LOCK), StandardOpenOption.WRITE);
                FileLock free = channel.tryLock()) {
            return free == null;
        } catch (NoSuchFileException e) {
            return false;
        } catch (OverlappingFileLockException e) {
            return true; // in this process
        }
    }

    /** Tells it to look at the leases if it is there: something has gone. */
    public static void tell() {
        Netd.call(NetworkStore.LEASES.resolve(Netd.SOCKET));
    }

    private static Process start(Path log) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command());
        builder.directory(new File("/"));
        builder.environment().keySet().retainAll(List.of("PATH", "LANG", "LC_CTYPE", "LC_ALL"));
        builder.environment().put("MALLOC_ARENA_MAX", "1"); // it has time: memory is worth more
        builder.redirectInput(new File("/dev/null"));
        builder.redirectOutput(log.toFile());
        builder.redirectErrorStream(true);
        return builder.start();
    }

    /** The same Java with the same modules, or jars, as this process. */
    static List<String> command() {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(FLAGS);
        for (String property : List.of("dev.cay.linux.library", NameService.SERVERS)) {
            Optional.ofNullable(System.getProperty(property))
                    .ifPresent(value -> command.add("-D" + property + "=" + value));
        }
        if (NetdStarter.class.getModule().isNamed()) {
            command.add("--enable-native-access=dev.cay.linux");
            Optional.ofNullable(System.getProperty("jdk.module.path"))
                    .ifPresent(path -> command.addAll(List.of("-p", path)));
            command.addAll(List.of("-m", MODULE + "/" + MAIN));
        } else {
            command.add("--enable-native-access=ALL-UNNAMED");
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN));
        }
        return command;
    }

    private static SandboxException failed(Path log, String what) throws IOException {
        String said = Files.exists(log) ? new String(Files.readAllBytes(log), StandardCharsets.UTF_8).strip() : "";
        return new SandboxException.SetupFailed(
                "the process that answers the questions of detached sandboxes cannot be started: " + what
                        + (said.isEmpty() ? "" : ": " + said.substring(0, Math.min(said.length(), 500))),
                "see " + log,
                new IOException(what));
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(LOOK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while it waited for names to be answered", e);
        }
    }
}
