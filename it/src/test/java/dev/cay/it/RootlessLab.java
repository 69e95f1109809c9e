package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Engines of an ordinary user. To the kernel and to newuidmap(1) it is a real one; that it is in /etc/passwd is seen by its own
 * processes only.
 */
@ExtendWith(RootLane.class)
abstract class RootlessLab {
    static final int USER = 23456;
    static final int FIRST_SUBORDINATE = 2_000_000;

    private Path place;

    /** A directory that goes with the test. */
    final Path place() {
        return place;
    }

    @BeforeEach
    final void makePlace() throws IOException {
        place = Lab.directory();
        for (String name : List.of("home", "run", "work")) {
            Files.createDirectory(place.resolve(name));
            Files.setAttribute(place.resolve(name), "unix:uid", USER);
            Files.setAttribute(place.resolve(name), "unix:gid", USER);
        }
        Files.writeString(place.resolve("passwd"), passwd("root:x:0:0::/root:/bin/sh\n"));
        Files.writeString(place.resolve("group"), "root:x:0:\ncaller:x:" + USER + ":\n");
    }

    private String passwd(String others) {
        return others + "caller:x:" + USER + ":" + USER + "::" + place.resolve("home") + ":/bin/sh\n";
    }

    @AfterEach
    final void nothingOfTheUserIsLeft() throws IOException {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!processes().isEmpty() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(processes()).isEmpty();
        Lab.delete(place);
    }

    /** Those that run as the user, or as one of the user's. */
    static List<String> processes() throws IOException {
        List<String> processes = new ArrayList<>();
        try (var entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : entries) {
                try {
                    String status = Files.readString(process.resolve("status"), StandardCharsets.ISO_8859_1);
                    long user = status.lines()
                            .filter(line -> line.startsWith("Uid:"))
                            .mapToLong(line -> Long.parseLong(line.split("\\s+")[1]))
                            .findFirst()
                            .orElse(0);
                    if (user == USER || user >= FIRST_SUBORDINATE && user < FIRST_SUBORDINATE + 65_536) {
                        processes.add(process + " " + status.lines().findFirst().orElse(""));
                    }
                } catch (IOException e) {
                    // it has just ended
                }
            }
        }
        return processes;
    }

    /** Another engine of the user. */
    OtherProcess engine(boolean subordinates, Optional<Path> cgroup) throws IOException {
        return engine(subordinates, cgroup, "");
    }

    /** @param preparation what root does before, in a mount namespace of the engine's own */
    OtherProcess engine(boolean subordinates, Optional<Path> cgroup, String preparation) throws IOException {
        return OtherProcess.start(asUser(subordinates, cgroup, preparation), environment());
    }

    /** What the user has in the environment. */
    final Map<String, String> environment() {
        return Map.of(
                "HOME",
                place.resolve("home").toString(),
                "XDG_RUNTIME_DIR",
                place.resolve("run").toString(),
                "XDG_DATA_HOME",
                place.resolve("home").toString());
    }

    /** What a command stands behind that is the user's. */
    final List<String> asUser(boolean subordinates, Optional<Path> cgroup, String preparation) throws IOException {
        String ranges = subordinates ? "caller:" + FIRST_SUBORDINATE + ":65536\n" : "";
        Files.writeString(place.resolve("subuid"), ranges);
        Files.writeString(place.resolve("subgid"), ranges);
        StringBuilder script = new StringBuilder("set -e\n");
        for (String file : List.of("passwd", "group", "subuid", "subgid")) {
            script.append("[ -e /etc/" + file + " ] || : > /etc/" + file + "\n");
            script.append("mount --bind " + place.resolve(file) + " /etc/" + file + "\n");
        }
        script.append(preparation);
        cgroup.ifPresent(group -> script.append("echo $$ > " + group.resolve("self/cgroup.procs") + "\n"));
        script.append("exec setpriv --reuid " + USER + " --regid " + USER + " --clear-groups \"$@\"\n");
        return List.of("unshare", "--mount", "--propagation", "private", "sh", "-c", script.toString(), "sh");
    }

    static void await(String program) throws IOException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (processes().stream().noneMatch(line -> line.endsWith(program)) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(processes()).anyMatch(line -> line.endsWith(program));
    }
}
