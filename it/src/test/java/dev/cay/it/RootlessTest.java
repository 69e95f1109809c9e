package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.HOST6;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.INTERNET6;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.LAN6;
import static dev.cay.it.NetworkWorld.METADATA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Engines of an ordinary user. To the kernel and to newuidmap(1) it is a real one; that it is in /etc/passwd is seen by its own
 * processes only.
 */
@ExtendWith(RootLane.class)
class RootlessTest {
    private static final int USER = 23456;
    private static final int FIRST_SUBORDINATE = 2_000_000;

    /** Where it is everybody's, as on most machines, with a device that is nobody else's here. */
    private static final String TAP_DEVICE = "mount -t tmpfs none /dev/net\nmknod -m 666 /dev/net/tun c 10 200\n";

    private static final String OTHER_ADDRESS = "93.184.216.77";

    private static final String GREET = """
            import socket, sys
            s = socket.socket(); s.bind(('', int(sys.argv[1]))); s.listen()
            client = s.accept()[0]; client.send(b'hello'); client.shutdown(socket.SHUT_WR)
            client.recv(1) # who has heard it hangs up; before that pasta must not end
            """;

    private Path place;

    @BeforeEach
    void makePlace() throws IOException {
        place = Lab.directory();
        for (String name : List.of("home", "run", "work", "code")) {
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
    void nothingOfTheUserIsLeft() throws IOException {
        long deadline = System.nanoTime() + 10_000_000_000L;
        while (!processes().isEmpty() && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(processes()).isEmpty();
        Lab.delete(place);
    }

    /** Those that run as the user, or as one of the user's. */
    private static List<String> processes() throws IOException {
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
    private OtherProcess engine(boolean subordinates, Optional<Path> cgroup) throws IOException {
        return engine(subordinates, cgroup, "");
    }

    /** @param preparation what root does before, in a mount namespace of the engine's own */
    private OtherProcess engine(boolean subordinates, Optional<Path> cgroup, String preparation) throws IOException {
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
        return OtherProcess.start(
                List.of("unshare", "--mount", "--propagation", "private", "sh", "-c", script.toString(), "sh"),
                Map.of(
                        "HOME",
                        place.resolve("home").toString(),
                        "XDG_RUNTIME_DIR",
                        place.resolve("run").toString(),
                        "XDG_DATA_HOME",
                        place.resolve("home").toString()),
                place.resolve("code"));
    }

    @Test
    void whereThereAreSubordinateIdsASandboxHasUsers() throws IOException {
        try (OtherProcess engine = engine(true, Optional.empty())) {
            assertThat(engine.tell(
                            "once",
                            "plain",
                            "box",
                            "id -u; hostname; ls /sys/class/net; echo $$; cat /proc/self/uid_map"))
                    .matches("exited 0 0\\|box\\|lo\\|2\\| *0 +0 +1\\| *1 +1 +65535");
            assertThat(engine.tell("once", "user", "nobody", "id -u")).isEqualTo("exited 0 65534");
            assertThat(engine.tell("once", "plain", "box", "chown 33:33 /tmp && stat -c %u:%g /tmp"))
                    .isEqualTo("exited 0 33:33");
        }
    }

    @Test
    void withoutThemItHasRootAlone() throws IOException {
        try (OtherProcess engine = engine(false, Optional.empty())) {
            assertThat(engine.tell("once", "plain", "box", "id -u; echo x > /dev/null; echo y > /tmp/y; cat /tmp/y"))
                    .isEqualTo("exited 0 0|y");
            engine.order("once", "user", "nobody", "true");
            assertThat(engine.answer().orElseThrow())
                    .as("there is no such id here")
                    .startsWith("ok spawn-failed");
        }
    }

    @Test
    void theHostStaysAsItIs() throws IOException {
        try (OtherProcess engine = engine(true, Optional.empty())) {
            assertThat(engine.tell(
                            "once", "plain", "box", "touch /usr/bin/x /bin/y; echo 1 > /proc/sys/kernel/panic; exit 0"))
                    .startsWith("exited 0");
            assertThat(Path.of("/usr/bin/x")).doesNotExist();
            assertThat(engine.tell("once", "network", "-", "ls /sys/class/net | grep -c ."))
                    .as("the host's network when it is asked for")
                    .isNotEqualTo("exited 0 0");
            assertThat(engine.tell(
                            "once", "plain", "box", "mount -t tmpfs none /mnt; echo $?; unshare -U true; echo $?"))
                    .matches("exited 0 \\d*[1-9]\\|[1-9]\\d*");
            assertThat(engine.tell("once", "plain", "box", "ls /home /root /run/user | grep -v :"))
                    .doesNotContain("caller");
        }
    }

    @Test
    void whatASandboxWritesOnABindMountBelongsToTheUser() throws IOException {
        Path work = place.resolve("work");
        try (OtherProcess engine = engine(true, Optional.empty())) {
            assertThat(engine.tell("once", "bind", work.toString(), "echo hi > /bound/file; stat -c %u /bound/file"))
                    .isEqualTo("exited 0 0");
            assertThat(Files.getAttribute(work.resolve("file"), "unix:uid")).isEqualTo(USER);
            assertThat(engine.tell("once", "volume", "data", "echo 1 > /volume/a; cat /volume/a"))
                    .isEqualTo("exited 0 1");
            assertThat(engine.tell("once", "volume", "data", "cat /volume/a")).isEqualTo("exited 0 1");
        }
    }

    @Test
    void whatCannotBeHadIsSaid() throws IOException {
        try (OtherProcess engine = engine(true, Optional.empty())) {
            engine.order("once", "memory", "64m", "true");
            assertThat(engine.answer().orElseThrow())
                    .startsWith("failed unsupported")
                    .contains("memory cannot be limited");
            assertThat(engine.tell("once", "pids", "20", "for i in $(seq 40); do sleep 3 & done; wait; echo no"))
                    .as("this one needs no control group")
                    .doesNotContain("no");
        }
    }

    /** An image as a user packs one that was made elsewhere: with owners, and with what an overlay could take for its own. */
    private Path archive(String content) throws IOException {
        Path root = Lab.smallRoot();
        Files.createDirectories(root.resolve("srv/of/app"));
        Files.writeString(root.resolve("srv/of/app/file"), content);
        Files.setAttribute(root.resolve("srv/of/app"), "unix:uid", 1234);
        Files.setAttribute(root.resolve("srv/of/app/file"), "unix:gid", 77);
        Lab.onHost(
                "setfattr",
                "-n",
                "user.overlay.opaque",
                "-v",
                "y",
                root.resolve("srv").toString());
        Path archive = place.resolve("root.tar");
        Lab.onHost("tar", "-C", root.toString(), "--xattrs", "--numeric-owner", "-cf", archive.toString(), ".");
        return archive;
    }

    private List<String> layers() throws IOException {
        try (var entries = Files.newDirectoryStream(place.resolve("home/cay/layers"), "[!.]*")) {
            List<String> names = new ArrayList<>();
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
            return names;
        }
    }

    @Test
    void anImageIsUnpackedForTheUserAndItsChangesCanBeCommitted() throws IOException {
        Path archive = archive("from the image");
        try (OtherProcess engine = engine(true, Optional.empty())) {
            engine.tell("image", "import", "one " + archive);
            assertThat(engine.tell("image", "run", "one stat -c %u:%g /srv/of/app /srv/of/app/file /bin; id -u"))
                    .endsWith("1234:0 0:77 0:0 0");
            engine.tell(
                    "image",
                    "change",
                    "one two rm -r /srv/of /bin/ls; mkdir /srv/of; echo more > /srv/of/new; touch /bin/added");
            assertThat(engine.tell(
                            "image", "run", "two cat /srv/of/*; test -e /bin/ls; echo $?; test -e /bin/added; echo $?"))
                    .endsWith("more 1 0");
            assertThat(engine.tell("image", "run", "one cat /srv/of/app/file; test -e /bin/ls; echo $?"))
                    .as("the first one is as it was")
                    .endsWith("from the image0");
        }
        assertThat(layers()).hasSize(4);
        try (OtherProcess engine = engine(true, Optional.empty())) {
            engine.tell("image", "remove", "two");
            engine.tell("image", "remove", "one");
        }
        assertThat(layers())
                .as("whatever belongs to other ids than the user's own")
                .isEmpty();
    }

    @Test
    void withOneIdAllOfAnImageBelongsToRoot() throws IOException {
        Path archive = archive("from the image");
        try (OtherProcess engine = engine(false, Optional.empty())) {
            engine.tell("image", "import", "one " + archive);
            assertThat(engine.tell("image", "run", "one stat -c %u:%g /srv/of/app /srv/of/app/file"))
                    .endsWith("0:0 0:0");
        }
    }

    @Test
    void aLayerWhoseMakerIsKilledIsMadeAgain() throws IOException {
        int steps = 0;
        for (int quarter = 4; quarter >= 1; quarter--) { // the first time nothing kills it
            int fatal = quarter * steps / 4;
            String name = "image" + quarter;
            String look = name + " cat /srv/of/app/file; ls /bin | wc -l";
            try (OtherProcess engine = engine(true, Optional.empty())) {
                engine.tell("image", "import", name + " " + archive(name + ":"));
                engine.tell("die-at", Integer.toString(fatal));
                engine.order("image", "run", look);
                assertThat(engine.answer().isPresent())
                        .as("killed before list %s", fatal)
                        .isEqualTo(fatal == 0);
                steps = fatal == 0 ? Integer.parseInt(engine.tell("count")) : steps;
            }
            try (OtherProcess engine = engine(true, Optional.empty())) {
                assertThat(engine.tell("image", "run", look))
                        .as("after it was killed before list %s", fatal)
                        .endsWith(name + ":23");
            }
        }
        assertThat(layers()).hasSize(8);
        assertThat(place.resolve("home/cay/layers")).isDirectoryNotContaining("glob:**/.new-*");
    }

    @Test
    void aDetachedSandboxIsTakenUpByAnotherProcess() throws IOException {
        try (OtherProcess one = engine(true, Optional.empty())) {
            one.tell("create", "box", "while :; do sleep 1; done");
            assertThat(one.tell("exec", "box", "echo here > /tmp/f; id -u")).isEqualTo("exited 0 0");
            one.kill();
        }
        try (OtherProcess other = engine(true, Optional.empty())) {
            assertThat(other.tell("exec", "box", "cat /tmp/f")).isEqualTo("exited 0 here");
            assertThat(other.tell("timed", "box", "200", "sleep 100")).startsWith("timeout");
            other.tell("remove", "box");
        }
    }

    @Test
    void itDiesWithItsEngine() throws IOException {
        OtherProcess engine = engine(true, Optional.empty());
        engine.order("once", "plain", "box", "sleep 1000");
        await("sleep");
        engine.kill();
        engine.close();
    }

    /** A command that is its sandbox's first process does not see that its engine is gone. */
    @Test
    void withoutAnInitItDiesWithItsEngineToo() throws IOException {
        OtherProcess engine = engine(true, Optional.empty());
        engine.tell("create-without-init", "box", "trap '' TERM HUP; echo $$; sleep 1000; sleep 1000");
        engine.tell("own-attached");
        assertThat(engine.tell("line", "0")).isEqualTo("1");
        engine.kill();
        engine.close();
    }

    /** The policy of a sandbox of root, in the sandbox's own network namespace; pasta(1) carries on what may pass. */
    @Test
    void aSandboxReachesWhatItsPolicySaysThroughPasta() throws Exception {
        Lab.need("pasta");
        try (NetworkWorld world = NetworkWorld.create()) {
            wayOut(world);
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                assertThat(reached(engine, "public"))
                        .contains(
                                "tcp," + INTERNET + ",7000 " + HOST,
                                "udp," + INTERNET + ",7000 " + HOST,
                                "tcp," + INTERNET6 + ",7000 " + address(HOST6).getHostAddress(),
                                "tcp," + LAN + ",7000 ECONNREFUSED",
                                "tcp," + LAN6 + ",7000 ECONNREFUSED",
                                "tcp," + METADATA + ",7000 ECONNREFUSED",
                                "tcp," + OTHER_ADDRESS + ",7000 ECONNREFUSED")
                        .noneMatch(line -> line.endsWith("timeout"))
                        .filteredOn(line -> line.matches(".*7000 [0-9a-f]+[.:].*"))
                        .hasSize(3);
                assertThat(reached(engine, "deny")).noneMatch(line -> line.matches(".*7000 [0-9a-f]+[.:].*"));
                assertThat(reached(engine, "default,deny;allow," + LAN + ":tcp"))
                        .contains("tcp," + LAN + ",7000 192.168.77.1", "tcp," + INTERNET + ",7000 ECONNREFUSED");
                assertThat(engine.tell("once", "way-out", "public", "nft flush ruleset 2>&1 || echo $?"))
                        .as("its root may not change it")
                        .contains("not permitted");
                engine.order("once", "way-out", "public", python(GREET) + " 8080");
                String greeting = "";
                long deadline = System.nanoTime() + 60_000_000_000L;
                while (!greeting.equals("hello") && System.nanoTime() < deadline) {
                    greeting = NetworkWorld.connect(world.host, "127.0.0.1", 18080);
                }
                assertThat(greeting).as("from its published port").isEqualTo("hello");
                assertThat(engine.answer().orElseThrow()).startsWith("ok exited 0");
                engine.order("once", "way-out", "public", "sleep 1000");
                await("sleep");
                assertThat(processes()).anyMatch(line -> line.contains("passt") || line.contains("pasta"));
                engine.kill();
            }
        }
    }

    /** By way of a place that has nothing behind it, and with one more address, which is of this machine and public. */
    private static void wayOut(NetworkWorld world) throws Exception {
        try (Rtnetlink host = world.host.rtnetlink()) {
            int link = host.link("internet").orElseThrow().index();
            host.execute(
                    Route.via(new IpPrefix(address("0.0.0.0"), 0), address(INTERNET), link)
                            .add(),
                    Route.via(new IpPrefix(address("::"), 0), address(INTERNET6), link)
                            .add(),
                    InterfaceAddress.of(host.link("lo").orElseThrow().index(), address(OTHER_ADDRESS), 32)
                            .add());
        }
    }

    private static List<String> reached(OtherProcess engine, String policy) {
        StringBuilder targets = new StringBuilder();
        for (String place : List.of(INTERNET, INTERNET6, LAN, LAN6, METADATA, HOST, OTHER_ADDRESS)) {
            targets.append(" tcp,").append(place).append(",7000");
        }
        targets.append(" udp,")
                .append(INTERNET)
                .append(",7000 udp,")
                .append(LAN)
                .append(",7000");
        String answer = engine.tell("once", "way-out", policy, python(NetworkWorld.PROBE) + targets);
        assertThat(answer).startsWith("exited 0 ");
        return List.of(answer.substring("exited 0 ".length()).split("\\|"));
    }

    /** In one line. */
    private static String python(String program) {
        String text = Base64.getEncoder().encodeToString(program.getBytes(StandardCharsets.UTF_8));
        return "exec python3 -c \"$(echo " + text + " | base64 -d)\"";
    }

    @Test
    void withoutPastaItSaysWhatToDo() throws IOException {
        String hidden = "[ ! -e /usr/bin/pasta ] || mount --bind /dev/null /usr/bin/pasta\n";
        try (OtherProcess engine = engine(true, Optional.empty(), hidden)) {
            engine.order("once", "way-out", "public", "true");
            assertThat(engine.answer().orElseThrow())
                    .startsWith("failed unsupported")
                    .contains("there is no /usr/bin/pasta");
        }
        assumeTrue(Lab.has("pasta"), "pasta is not installed");
        String closed = "mount -t tmpfs none /dev/net\nmknod -m 600 /dev/net/tun c 10 200\n";
        try (OtherProcess engine = engine(true, Optional.empty(), closed)) {
            engine.order("once", "way-out", "public", "true");
            assertThat(engine.answer().orElseThrow())
                    .startsWith("failed unsupported")
                    .contains("/dev/net/tun is not this user's to open");
            engine.order("once", "way-out", "default,deny;allow,example.org", "true");
            assertThat(engine.answer().orElseThrow()).contains("knows no domains");
        }
    }

    private static void await(String program) throws IOException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (processes().stream().noneMatch(line -> line.endsWith(program)) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(10_000_000);
        }
        assertThat(processes()).anyMatch(line -> line.endsWith(program));
    }

    /** As systemd does it with Delegate=yes. */
    @Test
    void inADelegatedControlGroupACommandDiesWithAllItsDescendants() throws IOException {
        Path group = cgroups().resolve("cay-it-" + place.getFileName());
        Path self = group.resolve("self");
        Files.createDirectory(group);
        Files.createDirectory(self);
        try {
            for (String file : List.of(
                    "",
                    "cgroup.procs",
                    "cgroup.subtree_control",
                    "self",
                    "self/cgroup.procs",
                    "self/cgroup.subtree_control")) {
                Files.setAttribute(group.resolve(file), "unix:uid", USER);
            }
            try (OtherProcess engine = engine(true, Optional.of(group))) {
                engine.tell("create", "box", "while :; do sleep 1; done");
                assertThat(group.resolve("cay/detached")).isDirectory();
                assertThat(engine.tell("timed", "box", "300", "setsid sleep 987 & exec sleep 986"))
                        .startsWith("timeout");
                assertThat(engine.tell(
                                "exec", "box", "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 98[7]'; true"))
                        .isEqualTo("exited 0 0");
                engine.tell("remove", "box");
            }
        } finally {
            removeGroups(group);
        }
    }

    private static Path cgroups() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1)) {
            if (line.contains(" - cgroup2 ")) {
                return Path.of(line.split(" ")[4]);
            }
        }
        throw new AssertionError("no cgroup2 file system is mounted");
    }

    private static void removeGroups(Path group) throws IOException {
        Files.walkFileTree(group, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
