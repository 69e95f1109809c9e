package dev.cay.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;

/**
 * What sandboxes that outlive their makers have on this machine: records, names, user ids, control groups and processes. It
 * is cheap to look at, for tests that look often.
 *
 * @param lines what there is, readable
 */
record DetachedState(Set<String> lines) {
    static final Path SANDBOXES = Path.of("/run/cay/sandboxes");

    private static final Path RANGES = Path.of("/run/cay/ranges");
    private static final Path ENGINES = Path.of("/run/cay/engines");
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** What stays from the first detached sandbox of the machine on: the log of events, locks, what holds them all. */
    private static boolean stays(String name) {
        return name.startsWith("events") || name.equals("names.lock") || name.equals("names");
    }

    static DetachedState now() {
        try {
            Set<String> lines = new TreeSet<>();
            children(SANDBOXES).stream()
                    .filter(path -> !stays(path.getFileName().toString()))
                    .forEach(path -> lines.add("record " + path));
            children(SANDBOXES.resolve("names")).forEach(path -> lines.add("name " + path.getFileName()));
            children(RANGES).stream()
                    .filter(path -> path.getFileName().toString().startsWith("single-"))
                    .forEach(path -> lines.add("ids " + path.getFileName()));
            for (Path tree : trees()) {
                for (Path group : children(tree.resolve("cay/detached"))) {
                    if (Files.isDirectory(group)) {
                        lines.add("group " + group);
                        processes(group).forEach(pid -> lines.add("process " + pid + " in " + group));
                    }
                }
            }
            return new DetachedState(lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is different now, after waiting a short while for what is on its way out; empty if nothing is. */
    String differenceFromNow() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            Set<String> left = new TreeSet<>(now().lines);
            left.removeAll(lines);
            if (left.isEmpty() || System.nanoTime() > deadline) {
                return left.isEmpty() ? "" : "left behind: " + String.join("\nleft behind: ", left);
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** The engines that have entered themselves, dead or alive. */
    static Set<String> engines() {
        try {
            Set<String> names = new TreeSet<>();
            children(ENGINES).forEach(path -> names.add(path.getFileName().toString()));
            return names;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The processes of a sandbox's execution, by their numbers on the host. */
    static List<Long> processesOf(String sandbox, int execution) {
        return processesIn(sandbox + "/" + execution);
    }

    /** The processes in a group of detached sandboxes. */
    private static List<Long> processesIn(String group) {
        try {
            for (Path tree : trees()) {
                Path directory = tree.resolve("cay/detached").resolve(group);
                if (Files.exists(directory.resolve("cgroup.kill"))) {
                    return processes(directory);
                }
            }
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The numbers of the executions that have a group of their own now. */
    static Set<Integer> groupsOf(String sandbox) {
        Set<Integer> numbers = new TreeSet<>();
        try {
            for (Path tree : trees()) {
                for (Path child : children(tree.resolve("cay/detached").resolve(sandbox))) {
                    if (Files.isDirectory(child)) {
                        numbers.add(Integer.parseInt(child.getFileName().toString()));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return numbers;
    }

    private static List<Long> processes(Path group) {
        try {
            return Files.readAllLines(group.resolve("cgroup.procs")).stream()
                    .map(Long::valueOf)
                    .toList();
        } catch (IOException e) {
            return List.of(); // it has just gone
        }
    }

    /** Where the trees of control groups are mounted. */
    private static List<Path> trees() throws IOException {
        List<Path> trees = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)) {
            if (line.contains(" - cgroup")) {
                trees.add(Path.of(line.split(" ")[4]));
            }
        }
        return trees;
    }

    private static List<Path> children(Path directory) throws IOException {
        List<Path> children = new ArrayList<>();
        if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
                entries.forEach(children::add);
            } catch (DirectoryIteratorException | NoSuchFileException e) {
                return children;
            }
        }
        return children;
    }
}
