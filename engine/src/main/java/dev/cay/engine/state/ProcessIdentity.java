package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A process, and no other that gets its number after it.
 *
 * @param pid its number on the host
 * @param startTime when it was started, in clock ticks since boot: field 22 of proc_pid_stat(5)
 * @param bootId which boot that was: {@code /proc/sys/kernel/random/boot_id}
 */
public record ProcessIdentity(long pid, long startTime, String bootId) {
    private static final Path PROC = Path.of("/proc");
    private static final int START_TIME = 22;
    private static final int STATE = 3;

    private static volatile String boot = "";

    public ProcessIdentity {
        requireNonNull(bootId, "bootId is null");
        if (pid < 1 || pid > Integer.MAX_VALUE || startTime < 0) {
            throw new IllegalArgumentException("there is no process " + pid + " started at " + startTime);
        }
    }

    /** By hand, as is hashCode: those of records cost a cold JVM milliseconds. */
    @Override
    public boolean equals(Object other) {
        return other instanceof ProcessIdentity process
                && pid == process.pid
                && startTime == process.startTime
                && bootId.equals(process.bootId);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(pid) ^ Long.hashCode(startTime);
    }

    /**
     * The process that has this number now; empty if there is none. Hold its pidfd first: only then is the answer about the same
     * process.
     */
    public static Optional<ProcessIdentity> of(long pid) throws IOException {
        String stat;
        try {
            stat = Files.readString(PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            if (!Files.exists(PROC.resolve(Long.toString(pid)))) {
                return Optional.empty(); // it ended in between: ESRCH
            }
            throw e;
        }
        return Optional.of(new ProcessIdentity(pid, startTime(stat), currentBoot()));
    }

    /** The boot of now, which is that of this process. */
    public static String currentBoot() throws IOException {
        if (boot.isEmpty()) {
            boot = Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
        }
        return boot;
    }

    /** The name before it, in parentheses, may contain anything. */
    static long startTime(String stat) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ");
        return Long.parseLong(fields[START_TIME - STATE]);
    }
}
