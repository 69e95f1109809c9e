package dev.cay.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the machine's memory is used for, in KiB, at one moment. Only differences between two moments mean something.
 *
 * <p>It is counted by what it is used for, not by what is free: memory of other processes and cached files come and go meanwhile
 * and are nobody's here.
 *
 * @param kernel of the kernel for itself: all that is neither free nor a process's nor the content of a file. Source: proc_meminfo(5)
 * @param processes private memory of the processes that this one has started. Source: proc_pid_smaps_rollup(5), Pss_Anon
 * @param files the contents of files in memory (tmpfs)
 * @param heap objects of this JVM that are still used
 */
record HostMemory(long kernel, long processes, long files, long heap) {
    private static final Path CACHES = Path.of("/proc/sys/vm/drop_caches");
    /** Names of files that nobody uses; not their contents, which are not counted. */
    private static final String UNUSED_NAMES = "2\n";

    /** Looks now, after what nobody needs has been given back. */
    static HostMemory now() throws IOException {
        System.gc();
        Files.writeString(CACHES, UNUSED_NAMES);
        Runtime runtime = Runtime.getRuntime();
        long heap = (runtime.totalMemory() - runtime.freeMemory()) >> 10;
        Map<String, Long> machine = fields(Files.readString(Path.of("/proc/meminfo")));
        return new HostMemory(kernel(machine), anonymousOfChildren(), field(machine, "Shmem"), heap);
    }

    /** What of {@code /proc/meminfo} is the kernel's. */
    static long kernel(Map<String, Long> machine) {
        return field(machine, "MemTotal")
                - field(machine, "MemFree")
                - field(machine, "Buffers")
                - field(machine, "Cached") // Shmem included
                - field(machine, "SwapCached")
                - field(machine, "AnonPages");
    }

    /** Reads lines of the form {@code Name:   123 kB}; others are ignored. */
    static Map<String, Long> fields(String text) {
        Map<String, Long> fields = new LinkedHashMap<>();
        for (String line : text.lines().toList()) {
            List<String> words = List.of(line.split("\\s+"));
            if (words.size() == 3 && words.get(0).endsWith(":") && words.get(2).equals("kB")) {
                String name = words.get(0).substring(0, words.get(0).length() - 1);
                fields.put(name, Long.parseLong(words.get(1)));
            }
        }
        return fields;
    }

    private static long field(Map<String, Long> fields, String name) {
        return fields.getOrDefault(name, 0L);
    }

    private static long anonymousOfChildren() throws IOException {
        long total = 0;
        for (ProcessHandle child : ProcessHandle.current().descendants().toList()) {
            try {
                String text = Files.readString(Path.of("/proc", Long.toString(child.pid()), "smaps_rollup"));
                total += field(fields(text), "Pss_Anon");
            } catch (NoSuchFileException e) {
                // it has ended meanwhile
            }
        }
        return total;
    }

    HostMemory minus(HostMemory before) {
        return new HostMemory(
                kernel - before.kernel, processes - before.processes, files - before.files, heap - before.heap);
    }

    long total() {
        return kernel + processes + files + heap;
    }
}
