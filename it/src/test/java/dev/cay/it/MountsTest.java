package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.line;
import static dev.cay.it.Lab.onHost;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a sandbox sees of the host besides its root file system, and what it can do with it. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MountsTest {
    private static final int OWNER = 1000;

    /** A directory of a user of the host, with a file in it. */
    private static Path source() throws IOException {
        Path source = Lab.directory();
        Files.writeString(source.resolve("file"), "the host's\n");
        own(source.resolve("file"), OWNER);
        own(source, OWNER);
        return source;
    }

    private static void own(Path file, int id) throws IOException {
        Files.setAttribute(file, "unix:uid", id, LinkOption.NOFOLLOW_LINKS);
        Files.setAttribute(file, "unix:gid", id, LinkOption.NOFOLLOW_LINKS);
    }

    private static String owner(Path file) throws IOException {
        return Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                + ":"
                + Files.getAttribute(file, "unix:gid", LinkOption.NOFOLLOW_LINKS);
    }

    private static SandboxSpec.Builder mounting(Mount... mounts) {
        SandboxSpec.Builder spec = SandboxSpec.host();
        for (Mount mount : mounts) {
            spec.mount(mount);
        }
        return spec;
    }

    private static String as(Sandbox sandbox, String user, String script) {
        ExecResult result = sandbox.exec(
                ExecSpec.builder("sh", "-c", "exec 2>&1\n" + script).user(user).build());
        return result.stdout().stripTrailing();
    }

    @ParameterizedTest
    @ValueSource(strings = {"root", "nobody", "1000", "4321:4322"})
    void whatTheSandboxsUserWritesBelongsToTheOwner(String user, Sandboxes engine) throws IOException {
        Path source = source();
        try (Sandbox sandbox =
                engine.create(mounting(Mount.bind(source, "/work")).user(user).build())) {
            assertThat(sh(sandbox, "stat -c %u:%g /work/file")).isEqualTo(sh(sandbox, "echo $(id -u):$(id -g)"));
            sh(sandbox, "echo more >> /work/file; mkdir /work/d; echo new > /work/d/new; ln -s x /work/link");
        }
        assertThat(source.resolve("file")).hasContent("the host's\nmore\n");
        for (String name : List.of("file", "d", "d/new", "link")) {
            assertThat(owner(source.resolve(name))).as(name).isEqualTo(OWNER + ":" + OWNER);
        }
    }

    @Test
    void aSourceOfRootIsTheSandboxUsersToo(Sandboxes engine) throws IOException {
        Path source = Lab.directory();
        try (Sandbox sandbox = engine.create(
                mounting(Mount.bind(source, "/work")).user("nobody").build())) {
            sh(sandbox, "touch /work/x");
        }
        assertThat(owner(source.resolve("x"))).isEqualTo("0:0");
    }

    @Test
    void nobodyWritesInTheNameOfTheHostsRoot(Sandboxes engine) throws IOException {
        Path source = source();
        Path ofRoot = source.resolve("of-root");
        Files.writeString(ofRoot, "root's\n");
        Path ofAll = Files.writeString(source.resolve("of-all"), "");
        Files.setPosixFilePermissions(ofAll, PosixFilePermissions.fromString("rw-rw-rw-"));
        for (String user : List.of("root", "nobody")) {
            try (Sandbox sandbox = engine.create(
                    mounting(Mount.bind(source, "/work")).user(user).build())) {
                assertThat(sh(sandbox, "stat -c %u /work/of-root")).isEqualTo("65534");
                sh(sandbox, "echo changed >> /work/of-all");
                as(sandbox, "root", "echo changed >> /work/of-root; cp /bin/true /work/p; chmod 4755 /work/p");
                for (int id : new int[] {0, OWNER, 65534}) {
                    as(sandbox, "root", "chown " + id + ":" + id + " /work/p; chmod 4755 /work/p");
                    as(sandbox, Integer.toString(id), "cp /bin/true /work/q" + id + "; chmod 4755 /work/q" + id);
                }
            }
        }
        assertThat(ofRoot).hasContent("root's\n");
        try (var files = Files.list(source)) {
            for (Path file :
                    files.filter(file -> !List.of(ofRoot, ofAll).contains(file)).toList()) {
                assertThat(owner(file))
                        .as(file.toString())
                        .doesNotStartWith("0:")
                        .doesNotEndWith(":0");
            }
        }
    }

    @Test
    void withoutAUserNamespaceIdsAreThoseOfTheHost(Sandboxes engine) throws IOException {
        Path source = source();
        try (Sandbox sandbox = engine.create(
                mounting(Mount.bind(source, "/work")).userNamespace(false).build())) {
            assertThat(sh(sandbox, "touch /work/x; stat -c %u:%g /work/file")).isEqualTo(OWNER + ":" + OWNER);
        }
        assertThat(owner(source.resolve("x"))).isEqualTo("0:0");
    }

    @Test
    void k9ReadOnlyIncludesAllThatIsMountedBelow(Sandboxes engine) throws IOException {
        Path source = source();
        Path below = Files.createDirectory(source.resolve("below"));
        onHost("mount", "-t", "tmpfs", "none", below.toString());
        try {
            Files.writeString(below.resolve("file"), "deep\n");
            Mount writable = Mount.bind(source, "/rw");
            try (Sandbox sandbox = engine.create(
                    mounting(Mount.bindReadOnly(source, "/ro"), writable).build())) {
                assertThat(sh(sandbox, "cat /ro/below/file")).isEqualTo("deep");
                for (String path : List.of("/ro/x", "/ro/below/x", "/ro/file", "/ro/below/file")) {
                    assertThat(attempt(sandbox, "echo x > " + path)).as(path).contains("Read-only file system");
                }
                assertThat(attempt(sandbox, "mount -o remount,rw,bind /ro && echo REACHED"))
                        .doesNotContain("REACHED");
                sh(sandbox, "echo x > /rw/below/x && echo x > /rw/x");
                onHost("mount", "-t", "tmpfs", "none", source.resolve("below").toString());
                try {
                    assertThat(sh(sandbox, "ls /rw/below")).as("mounted later").contains("x");
                } finally {
                    onHost("umount", below.toString());
                }
            }
            assertThat(below.resolve("x")).hasContent("x");
        } finally {
            onHost("umount", below.toString());
        }
    }

    @Test
    void nothingRunsFromWhatIsNotExecutableAndNothingIsADevice(Sandboxes engine) throws IOException {
        Path source = source();
        Files.copy(Path.of("/bin/true"), source.resolve("true"));
        Files.setPosixFilePermissions(source.resolve("true"), PosixFilePermissions.fromString("rwxr-xr-x"));
        onHost("mknod", "-m", "666", source.resolve("null").toString(), "c", "1", "3");
        Mount noexec = new Mount.Bind(source, "/noexec", false, false, false);
        try (Sandbox sandbox =
                engine.create(mounting(noexec, Mount.bind(source, "/exec")).build())) {
            sh(sandbox, "/exec/true");
            assertThat(attempt(sandbox, "/noexec/true")).contains("Permission denied");
            assertThat(attempt(sandbox, "cat /exec/null")).contains("Permission denied");
            assertThat(sh(sandbox, "grep ' /exec ' /proc/self/mountinfo"))
                    .contains("nosuid")
                    .contains("nodev");
        }
    }

    @Test
    void hardLinksAreMadeWithinAMount(Sandboxes engine) throws IOException {
        Path source = source();
        try (Sandbox sandbox =
                engine.create(mounting(Mount.bind(source, "/work")).build())) {
            sh(sandbox, "ln /work/file /work/second");
            assertThat(attempt(sandbox, "ln /work/file /tmp/second")).contains("cross-device");
        }
        assertThat(Files.isSameFile(source.resolve("file"), source.resolve("second")))
                .isTrue();
    }

    @Test
    void inAStickyDirectoryEverybodyRemovesHisOwn(Sandboxes engine) throws IOException {
        Path source = source();
        Files.setAttribute(source, "unix:mode", 01777);
        try (Sandbox sandbox = engine.create(
                mounting(Mount.bind(source, "/work")).user("nobody").build())) {
            as(sandbox, "2001:2001", "echo mine > /work/mine");
            assertThat(as(sandbox, "2002:2002", "rm -f /work/mine")).contains("Operation not permitted");
            assertThat(sh(sandbox, "cat /work/mine")).isEqualTo("mine");
            assertThat(owner(source.resolve("mine"))).isEqualTo("2001:2001");
            assertThat(as(sandbox, "2001:2001", "rm /work/mine && echo gone")).isEqualTo("gone");
        }
    }

    @Test
    void theHostSeesWhatHappensInTheSandbox(Sandboxes engine) throws IOException, InterruptedException {
        Path source = source();
        try (Sandbox sandbox =
                        engine.create(mounting(Mount.bind(source, "/work")).build());
                WatchService watch = source.getFileSystem().newWatchService()) {
            source.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
            sh(sandbox, "touch /work/from-inside");
            WatchKey key = watch.poll(20, TimeUnit.SECONDS);
            assertThat(key).isNotNull();
            assertThat(key.pollEvents().getFirst().context()).hasToString("from-inside");
        }
    }

    @Test
    void theSandboxSeesWhatHappensOnTheHost(Sandboxes engine) throws IOException {
        Path source = source();
        try (Sandbox sandbox =
                engine.create(mounting(Mount.bind(source, "/work")).build())) {
            String watch = Lab.install(sandbox, "watch");
            try (Execution execution = sandbox.start(ExecSpec.of(watch, "/work"))) {
                assertThat(line(execution.stdout())).isEqualTo("watching");
                Files.writeString(source.resolve("from-outside"), "");
                assertThat(line(execution.stdout())).isEqualTo("from-outside");
            }
        }
    }

    @Test
    void aFileIsMountedOverAFileAndOverNothing(Sandboxes engine) throws IOException {
        Path source = source().resolve("file");
        try (Sandbox sandbox = engine.create(
                mounting(Mount.bindReadOnly(source, "/etc/passwd.new"), Mount.bind(source, "/etc/hostname"))
                        .build())) {
            assertThat(sh(sandbox, "cat /etc/passwd.new /etc/hostname")).isEqualTo("the host's\nthe host's");
            assertThat(attempt(sandbox, "echo x > /etc/passwd.new")).contains("Read-only file system");
            sh(sandbox, "echo changed > /etc/hostname");
        }
        assertThat(source).hasContent("changed\n");
        assertRefused(engine, "there is a directory", Mount.bind(source, "/tmp"));
        assertRefused(engine, "there is no directory", Mount.bind(source.getParent(), "/etc/passwd"));
        assertRefused(engine, "is no directory", Mount.bind(source, "/etc/passwd/x"));
    }

    private static void assertRefused(Sandboxes engine, String message, Mount... mounts) {
        assertRefused(engine, message, mounting(mounts).build());
    }

    private static void assertRefused(Sandboxes engine, String message, SandboxSpec spec) {
        assertThatThrownBy(() -> engine.create(spec).close())
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatIsMissingIsMadeInTheSandboxAlone(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Path source = source();
        SandboxSpec spec = SandboxSpec.directory(root)
                .mount(Mount.bind(source, "/a/b/c"))
                .mount(Mount.tmpfs("/a/b/c/d/e", Size.mib(1)))
                .mount(Mount.bind(source.resolve("file"), "/a/b/c/d/e/f/g"))
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(sh(sandbox, "stat -c '%u:%g %a' /a /a/b")).isEqualTo("0:0 755\n0:0 755");
            assertThat(sh(sandbox, "cat /a/b/c/file /a/b/c/d/e/f/g")).isEqualTo("the host's\nthe host's");
        }
        assertThat(root.resolve("a")).doesNotExist();
        assertThat(owner(source.resolve("d/e"))).isEqualTo(OWNER + ":" + OWNER);
        assertRefused(
                engine,
                "/a does not exist",
                SandboxSpec.directory(root)
                        .readOnly()
                        .mount(Mount.bind(source, "/a"))
                        .build());
        assertRefused(
                engine,
                "/x/none does not exist",
                Mount.bindReadOnly(source, "/x"),
                Mount.tmpfs("/x/none", Size.mib(1)));
        assertThat(source.resolve("none")).doesNotExist();
    }

    @Test
    void aReadOnlyRootIsMountedOnWhereItHasAPlace(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Path source = source();
        Files.createDirectory(root.resolve("work"));
        SandboxSpec spec = SandboxSpec.directory(root)
                .readOnly()
                .mount(Mount.bind(source, "/work"))
                .mount(Mount.bindReadOnly(source, "/tmp/made"))
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(sh(sandbox, "echo x > /work/x; cat /tmp/made/x")).isEqualTo("x");
        }
    }

    /** M-10: a target that is a symlink of the image. */
    @Test
    void m10LinksOfTheImageLeadNowhereElse(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Path outside = Lab.directory();
        Path source = source();
        Files.createSymbolicLink(root.resolve("absolute"), outside);
        Files.createSymbolicLink(root.resolve("up"), Path.of("../../../../../.." + outside));
        Files.createSymbolicLink(root.resolve("chain"), Path.of("up/../beside"));
        Files.createSymbolicLink(root.resolve("loop"), Path.of("loop"));
        for (String target : List.of("/absolute/x", "/up/x", "/chain/x", "/absolute")) {
            SandboxSpec spec = SandboxSpec.directory(root)
                    .mount(Mount.bind(source, target))
                    .build();
            try (Sandbox sandbox = engine.create(spec)) {
                assertThat(sh(sandbox, "cat " + target + "/file")).isEqualTo("the host's");
            }
            assertThat(outside).as(target).isEmptyDirectory();
        }
        assertRefused(
                engine,
                "too many symlinks",
                SandboxSpec.directory(root).mount(Mount.bind(source, "/loop/x")).build());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/proc", "proc", "/proc/self", "../../sys/kernel", "dev/shm", "/dev", "etc/../proc/1/root"})
    void nothingIsMountedOverWhatTheKernelShows(String link, Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Files.createSymbolicLink(root.resolve("link"), Path.of(link));
        for (String target : List.of("/link", "/link/x")) {
            assertRefused(
                    engine,
                    "which every sandbox has of its own",
                    SandboxSpec.directory(root)
                            .mount(Mount.bind(source(), target))
                            .build());
        }
    }

    @Test
    void oneMountDoesNotHideAnother(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Files.createDirectory(root.resolve("srv"));
        Files.createSymbolicLink(root.resolve("link"), Path.of("srv/deep"));
        SandboxSpec.Builder spec = SandboxSpec.directory(root).mount(Mount.bind(source(), "/link"));
        assertRefused(
                engine,
                "cover another",
                spec.mount(Mount.bind(source(), "/srv")).build());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/",
                "/boot",
                "/dev",
                "/dev/shm",
                "/etc",
                "/etc/passwd",
                "/proc",
                "/proc/self/root/etc",
                "/root",
                "/run",
                "/run/cay",
                "/sys/fs/cgroup",
                "/var/run",
                "/var",
                "/home",
                "/usr",
                "/bin",
                "/usr/local"
            })
    void whatGivesAwayTheHostIsRefused(String path, Sandboxes engine) throws IOException {
        assertRefused(engine, "a sandbox does not get " + path, Mount.bind(Path.of(path), "/work"));
        Path link = Lab.directory().resolve("link");
        Files.createSymbolicLink(link, Path.of(path));
        assertRefused(engine, "a sandbox does not get " + link, Mount.bind(link, "/work"));
    }

    @Test
    void whoeverMeansItGetsIt(Sandboxes engine) {
        Mount etc = new Mount.Bind(Path.of("/etc"), "/host-etc", true, true, true);
        try (Sandbox sandbox = engine.create(mounting(etc, Mount.bindReadOnly(Path.of("/usr/share"), "/host-share"))
                .build())) {
            assertThat(sh(sandbox, "grep -c ^root: /host-etc/passwd; test -d /host-share/doc && echo yes"))
                    .isEqualTo("1\nyes");
        }
    }

    @Test
    void sourcesThatAreMissingOrDevicesAreRefused(Sandboxes engine) throws IOException {
        Path source = source();
        assertRefused(engine, "does not exist", Mount.bind(source.resolve("none"), "/work"));
        onHost("mknod", source.resolve("null").toString(), "c", "1", "3");
        assertRefused(engine, "is a device", Mount.bind(source.resolve("null"), "/work"));
    }

    @Test
    void aFileSystemThatCannotShiftIdsIsNamed(Sandboxes engine) throws IOException {
        Path source = source();
        Path below = Files.createDirectory(source.resolve("below here"));
        onHost("mount", "-t", "ramfs", "none", below.toString());
        try {
            for (Path path : List.of(source, below)) {
                assertThatThrownBy(() -> engine.create(
                                        mounting(Mount.bind(path, "/work")).build())
                                .close())
                        .isInstanceOf(SandboxException.SetupFailed.class)
                        .hasMessageContaining(below + " (ramfs)");
            }
        } finally {
            onHost("umount", below.toString());
        }
    }

    @Test
    void aTmpfsHasItsSizeAndItsMode(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(
                mounting(new Mount.Tmpfs("/scratch", Size.mib(2), 0750), Mount.tmpfs("/var/cache", Size.mib(1)))
                        .build())) {
            assertThat(sh(sandbox, "stat -c '%a %u:%g' /scratch /var/cache")).isEqualTo("750 0:0\n1777 0:0");
            assertThat(attempt(sandbox, "head -c 3000000 /dev/zero > /scratch/x"))
                    .contains("No space left");
            assertThat(sh(sandbox, "stat -c %s /scratch/x")).isEqualTo(Long.toString(2 << 20));
        }
    }

    @Test
    void aVolumeOutlivesASandboxAndIsSharedByTwo(Sandboxes engine) {
        String name = "cay-it-shared";
        Mount volume = Mount.volume(name, "/data");
        try {
            try (Sandbox sandbox = engine.create(mounting(volume).build())) {
                sh(sandbox, "echo kept > /data/kept; chown 33:44 /data/kept");
            }
            try (Sandbox first = engine.create(mounting(volume).build());
                    Sandbox second = engine.create(
                            mounting(new Mount.Named(name, "/data", true)).build())) {
                assertThat(sh(first, "cat /data/kept; stat -c %u:%g /data /data/kept"))
                        .isEqualTo("kept\n0:0\n33:44");
                sh(first, "echo now > /data/now");
                assertThat(sh(second, "cat /data/now")).isEqualTo("now");
                assertThat(attempt(second, "echo x > /data/now")).contains("Read-only file system");
            }
        } finally {
            engine.volumes().remove(name);
        }
    }

    @Test
    void aVolumeIsFullAtItsSize(Sandboxes engine) {
        Lab.need("mke2fs");
        String name = "cay-it-sized";
        Mount volume = Mount.volume(name, "/data");
        engine.volumes().create(name, java.util.Optional.of(Size.mib(8)));
        try {
            try (Sandbox first = engine.create(mounting(volume).build());
                    Sandbox second = engine.create(
                            mounting(new Mount.Named(name, "/elsewhere", true)).build())) {
                assertThat(attempt(first, "head -c 20000000 /dev/zero > /data/x"))
                        .contains("No space left");
                assertThat(Long.parseLong(sh(first, "stat -c %s /data/x"))).isBetween(4_000_000L, 8_388_608L);
                assertThat(sh(first, "rm /data/x; echo kept > /data/kept; stat -c %u /data/kept"))
                        .isEqualTo("0");
                assertThat(sh(second, "cat /elsewhere/kept")).isEqualTo("kept");
            }
            try (Sandbox sandbox = engine.create(mounting(volume).build())) {
                assertThat(sh(sandbox, "cat /data/kept; ls -A /data")).isEqualTo("kept\nkept");
            }
            assertThat(onHost("losetup", "-l")).doesNotContain(name);
        } finally {
            engine.volumes().remove(name);
        }
    }
}
