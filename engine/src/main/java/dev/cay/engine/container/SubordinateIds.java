package dev.cay.engine.container;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Ids of this machine that a user may have besides the own one, see subuid(5), and that newuidmap(1) and newgidmap(1), which are root's,
 * put into a user namespace of the user.
 *
 * @param firstUser the first of the users
 * @param firstGroup the first of the groups
 * @param count how many there are of each
 */
record SubordinateIds(long firstUser, long firstGroup, int count) {
    static final List<Path> PROGRAMS = List.of(Path.of("/usr/bin/newuidmap"), Path.of("/usr/bin/newgidmap"));

    /** More are of no use: as many ids has a sandbox, and one the first process. */
    private static final int ENOUGH = IdRanges.RANGE_SIZE;

    /** Fewer than an ordinary system has are taken for none. */
    private static final int LEAST = 1000;

    /** Those of a user; empty if there are none or nobody is there to map them. */
    static Optional<SubordinateIds> find(long user) throws IOException {
        if (!PROGRAMS.stream().allMatch(Files::isExecutable)) {
            return Optional.empty();
        }
        return find(user, System.getProperty("user.name", ""), read("/etc/subuid"), read("/etc/subgid"));
    }

    static Optional<SubordinateIds> find(long user, String name, String subuid, String subgid) {
        Optional<long[]> users = first(user, name, subuid);
        Optional<long[]> groups = first(user, name, subgid);
        if (users.isEmpty() || groups.isEmpty()) {
            return Optional.empty();
        }
        long count = Math.min(ENOUGH, Math.min(users.get()[1], groups.get()[1]));
        return count < LEAST
                ? Optional.empty()
                : Optional.of(new SubordinateIds(users.get()[0], groups.get()[0], (int) count));
    }

    private static String read(String path) throws IOException {
        Path file = Path.of(path);
        return Files.isReadable(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
    }

    /** The first and the number of the first range of a user. */
    private static Optional<long[]> first(long user, String name, String table) {
        for (String line : table.split("\n")) {
            String[] fields = line.split(":");
            if (fields.length == 3
                    && (fields[0].equals(name) || fields[0].equals(Long.toString(user)))
                    && fields[1].matches("[0-9]{1,10}")
                    && fields[2].matches("[0-9]{1,10}")) {
                return Optional.of(new long[] {Long.parseLong(fields[1]), Long.parseLong(fields[2])});
            }
        }
        return Optional.empty();
    }

    /** The group of this process, from proc_pid_status(5). */
    static long effectiveGroup() throws IOException {
        for (String line : Files.readString(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1)
                .split("\n")) {
            if (line.startsWith("Gid:")) {
                return Long.parseLong(line.split("\\s+")[2]);
            }
        }
        throw new IOException("/proc/self/status does not tell the group");
    }

    /** Makes root of a process's user namespace the user, and these ids those from 1 on. */
    void map(int pid, long user, long group) throws IOException {
        run(PROGRAMS.getFirst(), pid, user, firstUser);
        run(PROGRAMS.getLast(), pid, group, firstGroup);
    }

    private void run(Path program, int pid, long own, long first) throws IOException {
        List<Object> arguments = List.of(program, pid, 0, own, 1, 1, first, count);
        Process process = new ProcessBuilder(
                        arguments.stream().map(Object::toString).toList())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        try {
            if (process.waitFor() != 0) {
                throw new IOException(program.getFileName() + " failed: " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
