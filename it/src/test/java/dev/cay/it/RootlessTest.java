package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Sandboxes of an ordinary user. */
class RootlessTest extends RootlessLab {
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
        Path work = place().resolve("work");
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
        Path archive = place().resolve("root.tar");
        Lab.onHost("tar", "-C", root.toString(), "--xattrs", "--numeric-owner", "-cf", archive.toString(), ".");
        return archive;
    }

    private List<String> layers() throws IOException {
        try (var entries = Files.newDirectoryStream(place().resolve("home/cay/layers"), "[!.]*")) {
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
        assertThat(place().resolve("home/cay/layers")).isDirectoryNotContaining("glob:**/.new-*");
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

    /** As systemd does it with Delegate=yes. */
    @Test
    void inADelegatedControlGroupACommandDiesWithAllItsDescendants() throws IOException {
        Path group = cgroups().resolve("cay-it-" + place().getFileName());
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
