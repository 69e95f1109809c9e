package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds out which of many mounts is to blame. */
record Submounts(Kernel kernel) {
    private static final Path TABLE = Path.of("/proc/self/mountinfo");

    /** A mount of this process. */
    record Entry(Path path, String type) {}

    /** The first mount, from a source downwards, that a user namespace cannot be applied to; see mount_setattr(2). */
    Optional<Entry> unshiftable(Path source, Fd namespace) throws IOException {
        String table = Files.readString(TABLE, StandardCharsets.UTF_8);
        for (Entry entry : of(table, source)) {
            Path place = source.startsWith(entry.path()) ? source : entry.path();
            Op clone = Mount.cloneTree(place.toString());
            try (Fd mount = kernel.run(OpList.of(clone)).fd(clone)) {
                kernel.run(OpList.of(Mount.shiftAllIds(Arg.of(mount), place.toString(), namespace)));
            } catch (SyscallException e) {
                return Optional.of(entry);
            }
        }
        return Optional.empty();
    }

    /** The mount that a path lies on, then those below the path. */
    static List<Entry> of(String mountinfo, Path source) {
        Optional<Entry> own = Optional.empty();
        List<Entry> below = new ArrayList<>();
        for (String line : mountinfo.lines().toList()) {
            Optional<Entry> entry = parse(line);
            if (entry.isPresent() && source.startsWith(entry.get().path())) {
                boolean deeper = own.isEmpty()
                        || entry.get().path().getNameCount() >= own.get().path().getNameCount();
                own = deeper ? entry : own;
            } else if (entry.isPresent() && entry.get().path().startsWith(source)) {
                below.add(entry.get());
            }
        }
        own.ifPresent(below::addFirst);
        return below;
    }

    /** See proc_pid_mountinfo(5). */
    private static Optional<Entry> parse(String line) {
        String[] fields = line.split(" ");
        int separator = List.of(fields).indexOf("-");
        return separator < 5 || separator + 1 >= fields.length || !fields[4].startsWith("/")
                ? Optional.empty()
                : Optional.of(new Entry(Path.of(unescape(fields[4])), fields[separator + 1]));
    }

    /** Blanks, tabs, line feeds and backslashes stand there in octal. */
    private static String unescape(String text) {
        return text.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }
}
