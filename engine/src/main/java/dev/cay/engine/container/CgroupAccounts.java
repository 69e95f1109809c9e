package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What the kernel counts in the control groups of one sandbox. Thread-safe.
 *
 * @param limitedIo whether a version 1 tree has a group of the sandbox for io
 */
record CgroupAccounts(CgroupParent parent, String name, boolean limitedIo) {
    private static final int MAXIMUM_FILE = 32 * 1024;
    private static final String RESIDENT = "\nVmRSS:";

    /** See {@link Group#oomKills}. */
    long oomKills() {
        try {
            return countOomKills();
        } catch (SandboxException.HostFailed e) {
            if (e.getCause() instanceof SyscallException gone && (gone.is(Errno.ENOENT) || gone.is(Errno.ENODEV))) {
                return 0;
            }
            throw e;
        }
    }

    private long countOomKills() {
        return parent.isLegacy(Controller.MEMORY)
                ? field(read(Controller.MEMORY, "memory.oom_control"), "oom_kill")
                : field(read(Controller.MEMORY, "memory.events"), "oom_kill");
    }

    /** See {@link Group#usage}. */
    Usage usage() {
        if (!parent.hierarchies().missing().isEmpty()) {
            throw NoCgroup.noAccounts();
        }
        boolean old = parent.isLegacy(Controller.MEMORY);
        // The version 2 tree accounts for processor time even where its cpu controller is off.
        long cpu = field(read(parent.unified(), "cpu.stat"), "usage_usec");
        return new Usage(
                Duration.ofNanos(cpu * 1000),
                Size.bytes(number(read(Controller.MEMORY, old ? "memory.usage_in_bytes" : "memory.current"))),
                Size.bytes(number(read(Controller.MEMORY, old ? "memory.max_usage_in_bytes" : "memory.peak"))),
                number(read(Controller.PIDS, "pids.current")),
                ioBytes("Read", "rbytes"),
                ioBytes("Write", "wbytes"),
                oomKills());
    }

    /** See {@link Group#usage(String)}. */
    Optional<ExecutionUsage> usage(String group) {
        Path directory = parent.path(group);
        try {
            long cpu = field(Files.readString(directory.resolve("cpu.stat"), StandardCharsets.US_ASCII), "usage_usec");
            List<String> processes = Files.readAllLines(directory.resolve("cgroup.procs"), StandardCharsets.US_ASCII);
            long resident = 0;
            for (String process : processes) {
                resident += residentOf(process);
            }
            return Optional.of(new ExecutionUsage(Duration.ofNanos(cpu * 1000), Size.kib(resident), processes.size()));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            if (Files.exists(directory)) {
                throw new UncheckedIOException(e);
            }
            return Optional.empty(); // it has just been removed
        }
    }

    private static long residentOf(String process) {
        try {
            return resident(Files.readString(Path.of("/proc", process, "status"), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return 0;
        }
    }

    /**
     * Of the memory of a process, how many KiB are there, see proc_pid_status(5); 0 once it has ended. A process names itself as it
     * likes, in the first line.
     */
    static long resident(String status) {
        int at = status.indexOf(RESIDENT);
        int end = at < 0 ? -1 : status.indexOf(" kB", at);
        return end < 0 ? 0 : number(status.substring(at + RESIDENT.length(), end));
    }

    private Optional<Size> ioBytes(String legacyKey, String unifiedKey) {
        if (!parent.isLegacy(Controller.IO)) {
            return Optional.of(Size.bytes(sum(read(Controller.IO, "io.stat"), unifiedKey + "=")));
        }
        return limitedIo
                ? Optional.of(Size.bytes(sum(read(Controller.IO, "blkio.throttle.io_service_bytes"), legacyKey + " ")))
                : Optional.empty();
    }

    private String read(Controller controller, String file) {
        return read(parent.directory(controller), file);
    }

    private String read(Fd directory, String file) {
        Arg.Buffer buffer = new Arg.Buffer(MAXIMUM_FILE);
        Op open = FileOps.openAt(Arg.of(directory), name + "/" + file, FileOps.O_RDONLY, 0);
        Op read = FileOps.read(Arg.of(open), buffer);
        try {
            Results results = parent.run(OpList.of(open, read, FileOps.close(open)));
            return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        } catch (SyscallException e) {
            throw Cgroup.failed(e);
        }
    }

    static long number(String text) {
        return Long.parseLong(text.trim());
    }

    /** The number that stands behind a key at the beginning of a line; 0 if none does. */
    static long field(String text, String key) {
        for (String line : text.split("\n")) {
            if (line.startsWith(key) && line.length() > key.length() && line.charAt(key.length()) == ' ') {
                return number(line.substring(key.length() + 1));
            }
        }
        return 0;
    }

    /** The sum, over all lines, of the numbers that stand behind a key; 0 if there is none. */
    static long sum(String text, String key) {
        long sum = 0;
        for (String line : text.split("\n")) {
            int at = line.indexOf(key);
            if (at >= 0) {
                int end = line.indexOf(' ', at + key.length());
                sum += number(line.substring(at + key.length(), end < 0 ? line.length() : end));
            }
        }
        return sum;
    }
}
