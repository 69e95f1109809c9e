package dev.cay.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Everything on this machine that a sandbox could leave behind, as readable lines. What other living engines of the machine
 * own is left out: several may run beside each other.
 */
final class MachineState {
    /** Where something can be left. */
    enum Kind {
        LINKS,
        NETWORK_NAMESPACES,
        PACKET_FILTER,
        MOUNTS,
        CONTROL_GROUPS,
        PROCESSES,
        DESCRIPTORS,
        FILES,
        THREADS
    }

    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Path STATE = Path.of("/run/cay");

    /** Where it stands in a line of {@code /proc/net/unix}, and of the other families. */
    private static final int UNIX_INODE = 6;

    private static final int INODE = 9;

    private final Map<Kind, List<String>> lines = new EnumMap<>(Kind.class);

    private MachineState() throws IOException {
        Set<String> foreign = foreignEngines();
        lines.put(Kind.LINKS, output("ip", "-o", "link"));
        lines.put(Kind.NETWORK_NAMESPACES, names(Path.of("/run/netns")));
        lines.put(Kind.PACKET_FILTER, output("nft", "list", "ruleset"));
        lines.put(Kind.MOUNTS, mounts());
        lines.put(Kind.CONTROL_GROUPS, controlGroups(foreign));
        lines.put(Kind.PROCESSES, processes(foreign));
        lines.put(Kind.DESCRIPTORS, descriptors());
        lines.put(Kind.FILES, files(foreign));
        lines.put(Kind.THREADS, threads());
        lines.values().forEach(list -> list.sort(null));
    }

    static MachineState now() {
        try {
            return new MachineState();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /**
     * Waits a short while until the machine is as it was in this state; the kernel takes apart what is gone in its own time.
     *
     * @return what is different after that, line by line; empty if nothing is
     */
    String differenceFromNow() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            String difference = difference(now());
            if (difference.isEmpty() || System.nanoTime() > deadline) {
                return difference;
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    private String difference(MachineState later) {
        StringBuilder text = new StringBuilder();
        for (Kind kind : Kind.values()) {
            List<String> gone = new ArrayList<>(lines.get(kind));
            List<String> left = new ArrayList<>();
            for (String line : later.lines.get(kind)) {
                if (!gone.remove(line)) {
                    left.add(line);
                }
            }
            left.forEach(line ->
                    text.append(kind).append(" left behind: ").append(line).append('\n'));
            gone.forEach(
                    line -> text.append(kind).append(" gone: ").append(line).append('\n'));
        }
        return text.toString();
    }

    /** Engines whose lock another living process holds; see /proc/locks in proc(5). */
    private static Set<String> foreignEngines() throws IOException {
        Set<String> lockedByOthers = new HashSet<>();
        for (String line : Files.readAllLines(Path.of("/proc/locks"))) {
            String[] fields = line.trim().split("\\s+");
            if (fields.length > 5
                    && !fields[4].equals(Long.toString(ProcessHandle.current().pid()))) {
                lockedByOthers.add(fields[5].substring(fields[5].lastIndexOf(':') + 1));
            }
        }
        Set<String> foreign = new HashSet<>();
        for (Path file : children(STATE.resolve("engines"))) {
            if (lockedByOthers.contains(inode(file))) {
                foreign.add(file.getFileName().toString());
            }
        }
        return foreign;
    }

    private static String inode(Path file) {
        try {
            return Files.getAttribute(file, "unix:ino", LinkOption.NOFOLLOW_LINKS)
                    .toString();
        } catch (IOException e) {
            return "gone";
        }
    }

    private static List<String> mounts() throws IOException {
        List<String> mounts = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)) {
            mounts.add(line);
        }
        return mounts;
    }

    /** All directories below a group named cay, but not those of foreign engines; and the roots' own children by number. */
    private static List<String> controlGroups(Set<String> foreign) throws IOException {
        List<String> groups = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)) {
            int separator = line.indexOf(" - cgroup");
            if (separator < 0) {
                continue;
            }
            Path cay = Path.of(line.split(" ")[4]).resolve("cay");
            for (Path engine : children(cay)) {
                if (Files.isDirectory(engine)
                        && !foreign.contains(engine.getFileName().toString())) {
                    Files.walkFileTree(engine, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                            groups.add(directory.toString());
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFileFailed(Path file, IOException failure) {
                            return FileVisitResult.CONTINUE;
                        }
                    });
                }
            }
        }
        return groups;
    }

    /** Our descendants, and what runs in the control groups of engines that are gone. */
    private static List<String> processes(Set<String> foreign) throws IOException {
        Map<Long, String[]> stats = new HashMap<>();
        for (Path directory : children(Path.of("/proc"))) {
            String name = directory.getFileName().toString();
            if (name.chars().allMatch(Character::isDigit)) {
                stat(directory).ifPresent(stat -> stats.put(Long.parseLong(name), stat));
            }
        }
        long self = ProcessHandle.current().pid();
        List<String> processes = new ArrayList<>();
        stats.forEach((pid, stat) -> {
            boolean ours = isBelow(pid, self, stats);
            // One that has ended and is nobody's any more waits for the machine's first process to look.
            boolean orphan = !stat[0].equals("Z") && isOrphan(pid, foreign);
            if ((ours || orphan) && !stat[2].equals("ip") && !stat[2].equals("nft")) {
                processes.add("pid " + pid + " started " + stat[3] + " " + stat[2] + " parent " + stat[1]);
            }
        });
        return processes;
    }

    private static boolean isBelow(long pid, long ancestor, Map<Long, String[]> stats) {
        for (String[] stat = stats.get(pid); stat != null; stat = stats.get(Long.parseLong(stat[1]))) {
            if (stat[1].equals(Long.toString(ancestor))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isOrphan(long pid, Set<String> foreign) {
        String groups = contentOf(Path.of("/proc/" + pid + "/cgroup"));
        return groups.contains("/cay/") && foreign.stream().noneMatch(groups::contains);
    }

    /** State, parent, name and time of start. */
    private static java.util.Optional<String[]> stat(Path directory) {
        try {
            String stat = Files.readString(directory.resolve("stat"), StandardCharsets.ISO_8859_1);
            int end = stat.lastIndexOf(')');
            String[] rest = stat.substring(end + 2).split(" ");
            return java.util.Optional.of(
                    new String[] {rest[0], rest[1], stat.substring(stat.indexOf('(') + 1, end), rest[19]});
        } catch (IOException e) {
            return java.util.Optional.empty(); // it has just ended
        }
    }

    /**
     * What this process has open: paths as they are, pipes and sockets without their numbers, no jars. A socket counts once, however
     * many descriptors it has: while a virtual thread waits for it there is one more, and whether one does when a test begins is chance.
     */
    private static List<String> descriptors() throws IOException {
        List<String> targets = new ArrayList<>();
        Set<String> sockets = new HashSet<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path entry : entries) {
                String raw = link(entry);
                if (raw.startsWith("socket:[")) {
                    sockets.add(raw.substring("socket:[".length(), raw.length() - 1));
                    continue;
                }
                String target = raw.replaceAll("\\[[0-9]+]", "").replaceAll("^/proc/[0-9]+/fd$", "");
                // The JDK makes one for each group of sockets that virtual threads wait for, and keeps it.
                boolean ofJdk = target.endsWith(".jar")
                        || target.endsWith("/modules")
                        || target.equals("anon_inode:[eventpoll]");
                if (!target.isEmpty() && !ofJdk) {
                    targets.add(target);
                }
            }
        }
        for (String inode : sockets) {
            String socket = socket(inode);
            if (!socket.contains(
                    "/.java_pid")) { // at which the JVM listens from then on that somebody has looked at it (jstack)
                targets.add(socket);
            }
        }
        return targets;
    }

    /** What is known of a socket, which says whose it is. */
    private static String socket(String inode) {
        for (String family : List.of("unix", "netlink", "tcp", "tcp6", "udp", "udp6")) {
            for (String line :
                    contentOf(Path.of("/proc/self/net/" + family)).lines().toList()) {
                String[] fields = line.trim().split("\\s+");
                int at = family.equals("unix") ? UNIX_INODE : INODE;
                if (fields.length > at && fields[at].equals(inode)) {
                    return "socket " + family
                            + (family.equals("unix") && fields.length > at + 1 ? " " + fields[at + 1] : "");
                }
            }
        }
        return "socket of another network";
    }

    private static List<String> files(Set<String> foreign) throws IOException {
        List<String> files = new ArrayList<>();
        for (Path directory : children(STATE)) {
            if (!Files.isDirectory(directory)) {
                files.add(directory.toString());
                continue;
            }
            for (Path file : children(directory)) {
                String name = file.getFileName().toString();
                if (directory.endsWith("sandboxes") && (name.startsWith("events") || name.equals("names.lock"))) {
                    continue; // what happened is kept
                }
                if (directory.endsWith("networks") && name.matches("denied.*|netd[.](lock|log)")) {
                    continue; // the same
                }
                if (directory.endsWith("engines") && name.endsWith(".new")) {
                    continue; // an engine on its way; one that died there goes when the next one enters
                }
                if (directory.endsWith("acceleration")) {
                    continue; // what was found out of this machine is kept
                }
                if (!foreign.contains(name) && !foreign.contains(contentOf(file))) {
                    files.add(file + " " + contentOf(file));
                }
            }
        }
        for (Path file : children(Path.of("/tmp"))) {
            if (file.getFileName().toString().startsWith(Lab.PREFIX)) {
                files.add(file.toString());
            }
        }
        return files;
    }

    private static String contentOf(Path file) {
        try {
            return Files.isRegularFile(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            return "";
        }
    }

    private static List<String> threads() {
        List<String> threads = new ArrayList<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("cay-")) {
                threads.add(thread.getName());
            }
        }
        return threads;
    }

    private static String link(Path path) {
        try {
            return Files.readSymbolicLink(path).toString();
        } catch (IOException e) {
            return "";
        }
    }

    private static List<String> names(Path directory) throws IOException {
        return new ArrayList<>(children(directory).stream().map(Path::toString).toList());
    }

    private static List<Path> children(Path directory) throws IOException {
        List<Path> children = new ArrayList<>();
        if (Files.isDirectory(directory)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
                entries.forEach(children::add);
            } catch (java.nio.file.DirectoryIteratorException | java.nio.file.NoSuchFileException e) {
                return children;
            }
        }
        return children;
    }

    private static final Set<String> MISSING = java.util.concurrent.ConcurrentHashMap.newKeySet();

    /** The lines a program prints; none if this machine does not have the program. */
    private static List<String> output(String... command) throws IOException {
        if (MISSING.contains(command[0])) {
            return new ArrayList<>();
        }
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String text;
            try (var stream = process.getInputStream()) {
                text = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            }
            process.getErrorStream().close();
            process.waitFor(10, TimeUnit.SECONDS);
            return new ArrayList<>(text.lines().toList());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (IOException e) {
            MISSING.add(command[0]);
            return new ArrayList<>();
        }
    }
}
