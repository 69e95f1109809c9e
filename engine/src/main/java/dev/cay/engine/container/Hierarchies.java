package dev.cay.engine.container;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where this machine's control groups are mounted; see cgroups(7). On a machine with version 2 only, every controller is
 * there; on a hybrid one the version 2 tree tracks processes and the controllers sit in version 1 trees.
 *
 * @param unified the version 2 tree
 * @param legacy the version 1 trees of the controllers that are not in the version 2 tree
 * @param missing controllers that are in no tree that may be written to
 */
record Hierarchies(Path unified, Map<Controller, Path> legacy, Set<Controller> missing) {
    Hierarchies(Path unified, Map<Controller, Path> legacy) {
        this(unified, legacy, Set.of());
    }

    /** The controllers that limits are made of. */
    enum Controller {
        MEMORY("memory", "memory"),
        PIDS("pids", "pids"),
        CPU("cpu", "cpu"),
        IO("io", "blkio");

        private final String unifiedName;
        private final String legacyName;

        Controller(String unifiedName, String legacyName) {
            this.unifiedName = unifiedName;
            this.legacyName = legacyName;
        }

        String unifiedName() {
            return unifiedName;
        }

        String legacyName() {
            return legacyName;
        }
    }

    /** Reads them from {@code /proc/self/mountinfo}; empty if there is no version 2 tree. */
    static Optional<Hierarchies> detect() throws IOException {
        return parse(Files.readString(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1));
    }

    /** The format is that of proc_pid_mountinfo(5). */
    static Optional<Hierarchies> parse(String mountinfo) {
        Path unified = null;
        Map<Controller, Path> legacy = new EnumMap<>(Controller.class);
        for (String line : mountinfo.split("\n")) {
            int separator = line.indexOf(" - ");
            if (separator < 0 || line.indexOf("cgroup", separator) < 0) {
                continue;
            }
            String[] mount = line.substring(0, separator).split(" ");
            String[] type = line.substring(separator + 3).split(" ");
            if (mount.length < 5 || type.length < 3 || !mount[3].equals("/")) {
                continue;
            }
            Path path = Path.of(unescape(mount[4]));
            if (type[0].equals("cgroup2") && unified == null) {
                unified = path;
            } else if (type[0].equals("cgroup")) {
                List<String> options = Arrays.asList(type[2].split(","));
                for (Controller controller : Controller.values()) {
                    if (options.contains(controller.legacyName())) {
                        legacy.putIfAbsent(controller, path);
                    }
                }
            }
        }
        return unified == null ? Optional.empty() : Optional.of(new Hierarchies(unified, Map.copyOf(legacy)));
    }

    /** Blanks, tabs, newlines and backslashes stand as three octal digits. */
    static String unescape(String field) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < field.length(); i++) {
            if (field.charAt(i) == '\\' && i + 3 < field.length()) {
                text.append((char) Integer.parseInt(field.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                text.append(field.charAt(i));
            }
        }
        return new String(text.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    /**
     * What of the version 2 tree has been handed over to a user who runs this process in it: the uppermost of the groups around this
     * process that are the user's, see "Delegation" in the kernel's cgroup-v2.rst.
     */
    static Optional<Hierarchies> delegated(long user) throws IOException {
        Optional<Hierarchies> machine = detect();
        if (machine.isEmpty()) {
            return Optional.empty();
        }
        Path tree = machine.get().unified();
        Path group = tree.resolve(ownGroup(Files.readString(Path.of("/proc/self/cgroup"), StandardCharsets.UTF_8)));
        Optional<Path> base = Optional.empty();
        while (!group.equals(tree) && belongsTo(user, group)) {
            base = Optional.of(group);
            group = group.getParent();
        }
        return base.isEmpty() ? Optional.empty() : Optional.of(delegated(base.get()));
    }

    private static Hierarchies delegated(Path base) throws IOException {
        List<String> available = List.of(
                Files.readString(base.resolve("cgroup.controllers")).strip().split(" "));
        Set<Controller> missing = EnumSet.noneOf(Controller.class);
        for (Controller controller : Controller.values()) {
            if (!available.contains(controller.unifiedName())) {
                missing.add(controller);
            }
        }
        return new Hierarchies(base, Map.of(), missing);
    }

    /** The relative path of a process's group, from the text of proc_pid_cgroup(5). */
    static String ownGroup(String text) {
        for (String line : text.split("\n")) {
            if (line.startsWith("0::/")) {
                return line.substring("0::/".length());
            }
        }
        return "";
    }

    private static boolean belongsTo(long user, Path group) throws IOException {
        for (Path file : List.of(group, group.resolve("cgroup.procs"), group.resolve("cgroup.subtree_control"))) {
            if (!Files.exists(file) || ((Number) Files.getAttribute(file, "unix:uid")).longValue() != user) {
                return false;
            }
        }
        return true;
    }

    /** Whether some engine has a group of this name. */
    boolean exists(String name) {
        try (DirectoryStream<Path> engines = Files.newDirectoryStream(unified.resolve(CgroupParent.GROUP))) {
            for (Path engine : engines) {
                if (Files.isDirectory(engine.resolve(name))) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            return false; // no engine has ever been here
        }
    }

    /** Whether a controller sits in a version 1 tree. */
    boolean isLegacy(Controller controller) {
        return legacy.containsKey(controller);
    }
}
