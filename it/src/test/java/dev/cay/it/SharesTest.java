package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** Directories and files of the host in microVMs. Most tests share one that boots once. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SharesTest {
    private static final String NAME = "cay-it-shares";
    private static final int OWNER = 4567;

    Sandboxes engine;
    private Sandbox sandbox;
    private Path work;
    private Path fixed;
    private Path alone;

    /** Says by whom files are served. */
    void choose() {}

    /** Who that is. */
    MachineInfo.Files giver() {
        return MachineInfo.Files.VIRTIOFSD;
    }

    /** Its maker says so, and so does whoever asks about it by its name. */
    @Test
    void itIsKnownWhoGivesItFiles() {
        assertThat(sandbox.info().machine()).flatMap(MachineInfo::files).contains(giver());
        try (Sandboxes other = Sandboxes.local();
                Sandbox seen = other.open(sandbox.id())) {
            assertThat(seen.info().machine()).flatMap(MachineInfo::files).contains(giver());
        }
    }

    /** Kills whoever serves the files of the machine that was made last. */
    private static void killServer() {
        ProcessHandle.current()
                .descendants()
                .filter(SharesTest::seesShares)
                .max((a, b) -> Long.compare(a.pid(), b.pid()))
                .orElseThrow()
                .destroyForcibly();
    }

    private static boolean seesShares(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc/" + process.pid() + "/mountinfo"))
                    .contains(" /tmp/shares/0 ");
        } catch (IOException e) {
            return false; // it has just ended
        }
    }

    @BeforeAll
    void boot() throws IOException {
        choose();
        engine = Sandboxes.local();
        GuestKernels.debian();
        Path root = Lab.smallRoot();
        Files.writeString(root.resolve("etc/group"), "root:x:0:\nstaff:x:77:\n");
        Files.writeString(root.resolve("etc/passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1234:77::/srv:/bin/sh\n");
        GuestKernels.link(root, "ln", "mv", "dd", "cmp", "find", "sync", "chown", "grep", "mknod");
        GuestKernels.importRoot(engine, NAME, root);
        work = owned("work");
        fixed = owned("fixed");
        alone = owned("alone");
        sandbox = engine.create(spec().user("app")
                .mount(Mount.bind(work, "/work"))
                .mount(Mount.bindReadOnly(fixed, "/in/fixed"))
                .mount(new Mount.Bind(work, "/noexec", false, false, false))
                .mount(Mount.bind(alone.resolve("file"), "/etc/alone"))
                .mount(Mount.bindReadOnly(fixed.resolve("other"), "/etc/hosts"))
                .mount(Mount.tmpfs("/work/memory", Size.mib(1)))
                .build());
        try (Sandbox seen = engine.open(sandbox.id())) { // others may come: no more is made in the background
            seen.exec("true");
        }
    }

    static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(128))
                .tmpfs(Size.mib(32));
    }

    /** A directory of somebody's, with a file. */
    private static Path owned(String name) throws IOException {
        Path directory = Files.createDirectory(Lab.directory().resolve(name));
        Files.writeString(directory.resolve("file"), "the host's\n");
        Files.writeString(directory.resolve("other"), "not shared\n");
        Lab.onHost("chown", "-R", OWNER + ":" + OWNER, directory.toString());
        return directory;
    }

    @AfterAll
    void close() {
        sandbox.close();
        engine.images().remove(NAME);
        engine.close();
    }

    private String sh(String script) {
        return Lab.sh(sandbox, script);
    }

    private String as(String user, String script) {
        ExecResult result = sandbox.exec(
                ExecSpec.builder("sh", "-c", "exec 2>&1\n" + script).user(user).build());
        return result.stdout().stripTrailing();
    }

    private static String owner(Path file) throws IOException {
        Map<String, Object> found = Files.readAttributes(file, "unix:uid,gid", java.nio.file.LinkOption.NOFOLLOW_LINKS);
        return found.get("uid") + ":" + found.get("gid");
    }

    @Test
    void whatTheGuestWritesIsOnTheHostAndBelongsToTheOwner() throws IOException {
        assertThat(sh("cat /work/file; stat -c %u:%g /work/file; id -u")).isEqualTo("the host's\n1234:77\n1234");
        sh("cd /work && echo more >> file && mkdir d && echo new > d/new && ln -s x link && ln d/new hard"
                + " && mv d/new d/moved && chmod 640 d/moved");
        assertThat(work.resolve("file")).hasContent("the host's\nmore\n");
        assertThat(work.resolve("d/moved")).hasContent("new\n");
        assertThat(Files.getPosixFilePermissions(work.resolve("d/moved")))
                .isEqualTo(PosixFilePermissions.fromString("rw-r-----"));
        for (String name : List.of("file", "d", "d/moved", "link", "hard")) {
            assertThat(owner(work.resolve(name))).as(name).isEqualTo(OWNER + ":" + OWNER);
        }
        Files.writeString(work.resolve("from-host"), "later\n");
        assertThat(sh("cat /work/from-host; rm -r /work/d /work/link /work/hard; find /work -name 'moved'"))
                .isEqualTo("later");
        assertThat(work.resolve("d")).doesNotExist();
    }

    @Test
    void contentOfAnySizeIsWhole() throws IOException {
        byte[] bytes = new byte[3_000_017];
        new java.util.Random(6).nextBytes(bytes);
        Files.write(work.resolve("large"), bytes);
        Lab.onHost("chown", OWNER + "", work.resolve("large").toString());
        sh("cd /work && dd if=large of=copy bs=65537 2>/dev/null && cmp large copy && mv copy /work/memory/.. ");
        assertThat(work.resolve("copy")).hasBinaryContent(bytes);
    }

    @Test
    void whatIsListedIsWholeAndWhatIsOpenStays() throws IOException {
        Path many = Files.createDirectory(work.resolve("many"));
        for (int i = 0; i < 3000; i++) {
            Files.createFile(many.resolve("a-name-of-some-length-" + i));
        }
        Lab.onHost("chown", "-R", OWNER + ":" + OWNER, many.toString());
        assertThat(sh("cd /work/many && find . -type f -user app | grep -c name-of"))
                .isEqualTo("3000");
        assertThat(sh("cd /work && echo one > gone && exec 3<>gone && rm gone && echo two >&3 && cat /proc/self/fd/3"
                        + " 2>/dev/null; stat -L -c %s /proc/self/fd/3; ls gone 2>/dev/null | wc -l"))
                .endsWith("4\n0");
        assertThat(sh("cd /work && for i in 1 2 3 4; do echo $i >> log & done; wait; cat log | sort | tr -d '\\n'"))
                .isEqualTo("1234");
    }

    @Test
    void nobodyWritesInTheNameOfTheHostsRoot() throws IOException {
        Path ofRoot = Files.writeString(work.resolve("of-root"), "root's\n");
        assertThat(sh("stat -c %u /work/of-root")).isEqualTo("65534");
        as("root", "echo changed >> /work/of-root; echo x > /work/p; chmod 4755 /work/p; chown 0:0 /work/p");
        as("root", "chown " + OWNER + " /work/p; mknod /work/device c 1 3");
        assertThat(ofRoot).hasContent("root's\n");
        try (var files = Files.list(work)) {
            List<String> ofTheHost = List.of("of-root", "from-host", "out", "swapped", "kept", "aside", "link");
            for (Path file : files.filter(
                            file -> !ofTheHost.contains(file.getFileName().toString()))
                    .toList()) {
                assertThat(owner(file)).as(file.toString()).doesNotStartWith("0:");
            }
        }
        assertThat(work.resolve("device")).doesNotExist();
    }

    @Test
    void readOnlyAndNoexecHoldForTheGuestsRootToo() {
        assertThat(as("root", "echo x > /in/fixed/file")).contains("Read-only file system");
        assertThat(as("root", "mount -o remount,rw,bind /in/fixed; echo x > /in/fixed/new"))
                .contains("Read-only file system");
        assertThat(fixed.resolve("new")).doesNotExist();
        assertThat(as(
                        "app",
                        "cp /bin/busybox /work/cat 2>/dev/null || cat /bin/busybox > /work/cat; chmod 755 /work/cat;"
                                + " echo yes | /work/cat; /noexec/cat /work/file"))
                .startsWith("yes\n")
                .contains("Permission denied");
        assertThat(sh("grep -E ' /(work|noexec|in/fixed|etc/alone) ' /proc/mounts | grep -c nosuid,nodev"))
                .isEqualTo("4");
    }

    @Test
    void aFileComesWithoutItsNeighbours() {
        assertThat(sh("cat /etc/alone; echo changed > /etc/alone; cat /etc/alone; ls /dev | grep -c shares || true"))
                .isEqualTo("the host's\nchanged\n0");
        assertThat(alone.resolve("file")).hasContent("changed\n");
        assertThat(as("root", "find / -xdev -name other; grep -c cay /proc/mounts; ls -d /dev/.*"))
                .doesNotContain("other")
                .doesNotContain(".shares");
    }

    /** What is mounted over a file that sandboxes have of their own is what there is. */
    @Test
    void aNameFileOfTheHostStays() {
        assertThat(sh("cat /etc/hosts /etc/hostname")).isEqualTo("not shared\n" + sandbox.id());
        assertThat(fixed.resolve("other")).hasContent("not shared\n");
    }

    @Test
    void whatIsMountedBelowIsTheGuests() {
        sh("echo x > /work/memory/y");
        assertThat(work.resolve("memory")).isEmptyDirectory();
    }

    /** Whoever changes the tree on the host, or in another sandbox, leads the guest nowhere. */
    @Test
    void noSymlinkLeadsOut() throws Exception {
        Path secret = Files.writeString(Lab.directory().resolve("secret"), "the secret\n");
        Files.createSymbolicLink(work.resolve("out"), secret);
        assertThat(as("app", "cat /work/out")).contains("No such file");
        Path swapped = Files.createDirectory(work.resolve("swapped"));
        Path kept = Files.createDirectory(work.resolve("kept"));
        for (Path directory : List.of(swapped, kept)) {
            Files.writeString(directory.resolve("secret"), "harmless\n");
        }
        AtomicBoolean over = new AtomicBoolean();
        Thread attacker = Thread.ofPlatform().start(() -> {
            try {
                for (Path link = work.resolve("link"), aside = work.resolve("aside"); !over.get(); ) {
                    Files.createSymbolicLink(link, secret.getParent());
                    Files.move(swapped, aside);
                    Files.move(link, swapped, StandardCopyOption.ATOMIC_MOVE);
                    Files.delete(swapped);
                    Files.move(aside, swapped);
                }
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        String seen = sh("for i in $(seq 30 2>/dev/null || echo 1 2 3 4 5 6 7 8 9); do"
                + " cat /work/swapped/secret 2>/dev/null; cat /work/kept/secret; done; true");
        over.set(true);
        attacker.join();
        assertThat(seen).contains("harmless").doesNotContain("the secret");
    }

    @Test
    void whatGivesAwayTheHostIsRefused() {
        for (String path : List.of("/etc", "/proc/self", "/", "/root")) {
            assertThatThrownBy(() -> engine.create(
                            spec().mount(Mount.bind(Path.of(path), "/x")).build()))
                    .isInstanceOf(SandboxException.InvalidSpec.class)
                    .hasMessageContaining("a sandbox does not get");
        }
        assertThatThrownBy(() -> engine.create(
                        spec().mount(Mount.bind(work.resolve("none"), "/x")).build()))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    /** Its guest would wait for ever for an answer. */
    @Test
    void aMachineEndsWithWhoServesItsFiles() throws Exception {
        Sandbox other = engine.create(spec().mount(Mount.bind(fixed, "/in")).build());
        try {
            assertThat(Lab.sh(other, "cat /in/file")).isEqualTo("the host's");
            killServer();
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 100; i++) {
                            other.exec("true");
                            Thread.sleep(100);
                        }
                    })
                    .isInstanceOf(SandboxException.Closed.class);
        } finally {
            other.close();
        }
    }
}
