package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.BootStep;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Furnishing;
import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.Isolation;
import dev.cay.Kernels;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.ResourceLimit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Writable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes with a kernel of their own. Most share one that boots once: emulated it takes seconds. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MicroVmTest {
    private static final String NAME = "cay-it";
    private static final Platform PLATFORM = Platform.parse("linux/amd64");
    /** What some image might have: it knows how to end, and that is all. */
    private static final String INIT = """
        #!/bin/sh
        trap 'echo asked > /data/asked; sync; while :; do sleep 1; done' 38
        echo "$$ $1 $GREETING $(pwd)" > /tmp/init
        while :; do sleep 1; done
        """;

    private static final String VOLUME = "cay-it-disk";
    private static final Duration LONG = Duration.ofSeconds(120);

    private Sandboxes engine;
    private Sandbox sandbox;

    @BeforeAll
    void boot() throws IOException {
        engine = Sandboxes.local();
        GuestKernels.debian();
        Path archive = Lab.directory().resolve("root.tar");
        Path root = Lab.smallRoot();
        Files.writeString(root.resolve("etc/group"), "root:x:0:\nstaff:x:77:\nextra:x:88:app\n");
        Files.writeString(root.resolve("etc/passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1234:77::/srv:/bin/sh\n");
        Files.createSymbolicLink(root.resolve("etc/hosts"), Path.of("/etc/passwd"));
        Files.writeString(Files.createDirectories(root.resolve("var/of")).resolve("image"), "stays\n");
        Path init = Files.createDirectory(root.resolve("sbin")).resolve("init");
        Files.writeString(init, INIT);
        Files.setPosixFilePermissions(init, PosixFilePermissions.fromString("rwxr-xr-x"));
        Lab.onHost("tar", "-C", root.toString(), "--numeric-owner", "-cf", archive.toString(), ".");
        try (InputStream stream = Files.newInputStream(archive)) {
            engine.images().importRoot(stream, Optional.of(NAME), config());
        }
        sandbox = engine.create(spec().build());
        try (Sandbox seen = engine.open(sandbox.id())) { // others may come: no more is made in the background
            seen.exec("true");
        }
        // What keeps the time is made for the first that has a limit, and stays.
        sandbox.exec(ExecSpec.builder("true").timeout(LONG).build());
    }

    private static ImageConfig config() {
        return new ImageConfig(
                PLATFORM,
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of("KIND", "image"),
                Optional.of("/made/here"),
                Optional.empty(),
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of());
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(256))
                .tmpfs(Size.mib(64))
                .hostname("guest")
                .trust(GuestPlanTest.PEM)
                .script("hello", "#!/bin/sh\necho hello $1\n")
                .resourceLimit(ResourceLimit.PENDING_SIGNALS, 77)
                .resourceLimit(ResourceLimit.CORE, Size.mib(16).bytes())
                .mount(Mount.tmpfs("/deep/in/memory", Size.mib(1)));
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

    /**
     * One without ACPI: it finds its disks by its command line, and its console is a virtio one. All is built into it: so what it is inside
     * the library is an uncompressed vmlinux that serves alone.
     */
    @Test
    void theKernelOfLibkrunfwServesToo() {
        Path library = GuestKernels.krun();
        engine.kernels().add(List.of(library), Optional.of("krun"));
        try {
            engine.kernels().prefer("krun");
            int processors = GuestKernels.processors();
            try (Sandbox other = engine.create(spec().cpus(processors).build())) {
                assertThat(Lab.sh(other, "uname -r; echo $KIND; cat /sys/class/virtio-ports/vport*p1/name; pwd"))
                        .isEqualTo("6.12.99\nimage\ndev.cay.stub\n/made/here");
                assertThat(Lab.sh(other, "grep -c ^processor /proc/cpuinfo")).isEqualTo("" + processors);
                assertThat(Lab.sh(other, "touch /x && echo done")).isEqualTo("done");
            }
            engine.kernels().add(List.of(Path.of("/var/lib/cay/kernels/krun/vmlinux")), Optional.of("plain"));
            engine.kernels().prefer("plain");
            try (Sandboxes another = Sandboxes.local()) { // a template stays in its engine's memory
                another.templates().create("krun", Size.mib(128));
                try (Sandbox clone = another.create(spec().memory(Size.mib(128)).build())) {
                    assertThat(Lab.sh(clone, "uname -r; ls -d /sys/block/vd*")).isEqualTo("6.12.99\n/sys/block/vda");
                } finally {
                    another.templates().remove("krun");
                }
            }
        } finally {
            engine.kernels().prefer(GuestKernels.DEBIAN);
            engine.kernels().list().stream()
                    .map(Kernels.Info::name)
                    .filter(List.of("krun", "plain")::contains)
                    .forEach(engine.kernels()::remove);
        }
    }

    @Test
    void aCommandRunsInAnotherKernel() throws IOException {
        assertThat(sandbox.info().machine().orElseThrow().template()).isEmpty();
        assertThat(sh("uname -r")).isEqualTo(GuestKernels.debian().release());
        assertThat(sh("hostname; pwd; echo $KIND $HOME; cat /etc/hosts | head -n 1; head -n 1 /etc/passwd"))
                .isEqualTo("guest\n/made/here\nimage /root\n127.0.0.1\tlocalhost guest\nroot:x:0:0::/root:/bin/sh");
        ExecResult result = sandbox.exec("sh", "-c", "echo out; echo err >&2; exit 7");
        assertThat(result.exit()).isEqualTo(Exit.exited(7));
        assertThat(result.stdout() + result.stderr()).isEqualTo("out\nerr\n");
        assertThat(sandbox.exec("/no/such/program").exit().reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
        ExecResult users = sandbox.exec(ExecSpec.builder("sh", "-c", "id > /dev/stdout; echo err > /dev/stderr")
                .user("app")
                .build());
        assertThat(users.stdout().strip()).isEqualTo("uid=1234(app) gid=77(staff) groups=77(staff),88(extra)");
        assertThat(users.stderr()).isEqualTo("err\n");
    }

    /** What the steps of the boot have brought about, in a real guest. */
    @Test
    void theGuestIsFurnished() {
        assertThat(sh("hello world; sh -lc 'echo $PATH'"))
                .isEqualTo("hello world\n/.cay/scripts:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        assertThat(sh("cat $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS | grep -c 'BEGIN CERT'; echo $CURL_CA_BUNDLE"))
                .isEqualTo("2\n/etc/ssl/certs/ca-certificates.crt");
        assertThat(sh("grep -E 'open files|pending' /proc/self/limits | tr -s ' '"))
                .contains("77 77")
                .contains("1024 1048576");
        assertThat(sh("stat -c '%a %F' /tmp /var/tmp /run/cay"))
                .isEqualTo("1777 directory\n1777 directory\n755 directory");
        assertThat(sh("cat /proc/net/if_inet6; grep -c 127.0.0.1 /proc/net/fib_trie"))
                .startsWith("00000000000000000000000000000001 01 80 10 80       lo")
                .doesNotEndWith("\n0");
        assertThat(sh("tail -n 4 /etc/hosts"))
                .isEqualTo("fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\n"
                        + "ff02::2\tip6-allrouters");
        assertThat(sh("mount | grep /deep/in/memory")).contains("(rw,nosuid,nodev,relatime,size=1024k");
    }

    @Test
    void bytesPassUnchanged() {
        byte[] bytes = new byte[3_000_000];
        new Random(1).nextBytes(bytes);
        ExecResult result = sandbox.exec(ExecSpec.builder("cat")
                .stdin(bytes)
                .timeout(LONG)
                .outputLimit(Size.mib(8))
                .build());
        assertThat(result.exit()).isEqualTo(Exit.exited(0));
        assertThat(result.stdoutBytes()).isEqualTo(bytes);
    }

    /** Wherever they hide: a session of their own is no way out of a control group. */
    @Test
    void aCommandEndsWithAllItsDescendants() {
        String hidden = "setsid sh -c 'echo $$ > /tmp/hidden; exec sleep 1000' > /dev/null 2>&1 & "
                + "while ! test -s /tmp/hidden; do sleep 0.02; done; ";
        String gone = "while kill -0 $(cat /tmp/hidden) 2> /dev/null; do sleep 0.05; done; rm /tmp/hidden; echo gone";
        ExecSpec late = ExecSpec.builder("sh", "-c", hidden + "exec sleep 1000")
                .timeout(Duration.ofSeconds(1))
                .grace(Duration.ofMillis(10))
                .build();
        assertThat(sandbox.exec(late).exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
        assertThat(sh(gone)).isEqualTo("gone");
        ExecSpec killed = ExecSpec.builder("sh", "-c", hidden + "echo on; exec sleep 1000")
                .accounted(true)
                .build();
        try (Execution execution = sandbox.start(killed)) {
            assertThat(execution.stdout().read()).isEqualTo('o');
            assertThat(execution.usage().orElseThrow().processes()).isEqualTo(2);
            execution.kill();
            assertThat(execution.await(LONG)).contains(Exit.signalled(Exit.Reason.KILLED, 9));
            assertThat(execution.usage().orElseThrow().cpu()).isPositive();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        assertThat(sh(gone)).isEqualTo("gone");
        assertThat(sh("cat /proc/self/cgroup")).matches("0::/cay-[0-9]+");
        assertThat(Lab.attempt(sandbox, "mkdir /sys/fs/cgroup/mine")).contains("Read-only");
        assertThat(Lab.attempt(sandbox, "echo 1 > /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/cgroup.procs"))
                .contains("ead-only");
        for (int i = 0; i < 100; i++) {
            sandbox.exec("true");
        }
        assertThat(Integer.parseInt(sh("ls -d /sys/fs/cgroup/cay-* | wc -l"))).isLessThan(100);
    }

    @Test
    void clientsOfAgentsAreServed() throws IOException {
        try (AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD)) {
            new AgentConformance(sandbox, agent.path(), new AgentConformance.Abilities(false, true, true)).run();
        }
        sh("rm -rf /tmp/*");
    }

    @Test
    void aCoreFileIsTold() {
        Exit exit = sandbox.exec("sh", "-c", "cd /tmp; kill -SEGV $$").exit();
        assertThat(exit).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 11).withCore(true));
        assertThat(sh("rm /tmp/core && echo gone")).isEqualTo("gone");
    }

    /** What a guest's root could do to the first process and its channel. */
    @Test
    void theFirstProcessIsOutOfReach() {
        assertThat(sh("kill -9 1; kill -STOP 1; echo still here")).isEqualTo("still here");
        assertThat(Lab.attempt(sandbox, "mknod /tmp/port c 240 1")).contains("not permitted");
        assertThat(Lab.attempt(sandbox, "cat /proc/1/environ")).contains("denied");
        assertThat(Lab.attempt(sandbox, "for fd in /proc/1/fd/*; do readlink $fd && echo seen; done"))
                .doesNotContain("seen");
        assertThat(Lab.attempt(sandbox, "for fd in /proc/1/fd/*; do cat < $fd && echo read; done"))
                .doesNotContain("read");
        assertThat(Lab.attempt(sandbox, "mount -t tmpfs t /mnt")).contains("denied");
        assertThat(sh("ls /dev")).doesNotContain("vport").doesNotContain("vda").doesNotContain("mem");
        assertThat(sh("grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | tr -d '\\t'"))
                .isEqualTo("NoNewPrivs:1\nSeccomp:2");
    }

    @Test
    void whatIsLimitedIsLimited() {
        assertThat(sh("df -m / | tail -n 1 | awk '{print $2}'")).isEqualTo("64");
        assertThat(Lab.attempt(sandbox, "dd if=/dev/zero of=/deep/in/memory/file bs=1M count=2"))
                .contains("No space");
        String eat = Lab.install(sandbox, "eat");
        assertThat(sandbox.exec(eat, "1000").exit()).isEqualTo(Exit.signalled(Exit.Reason.OOM, 9));
        assertThat(Integer.parseInt(sh("free -m | awk '/Mem:/ {print $2}'"))).isBetween(150, 256);
    }

    @Test
    void whatAMicroVmLacksIsRefusedBeforeAnythingIsDone() {
        List<SandboxSpec.Builder> lacking = List.of(
                SandboxSpec.host().isolation(Isolation.MICROVM),
                spec().network(Network.host()),
                spec().userNamespace(false),
                spec().cpus(0.09),
                spec().cpus(Runtime.getRuntime().availableProcessors() + 0.1),
                spec().memory(Size.mib(16)),
                spec().isolation(Isolation.CONTAINER),
                SandboxSpec.host().disk(Size.mib(8)));
        for (SandboxSpec.Builder builder : lacking) {
            SandboxSpec wanted = builder.build();
            assertThatThrownBy(() -> engine.create(wanted)).isInstanceOf(SandboxException.Unsupported.class);
        }
    }

    /** With one that is read-only, to have seen that too, and with a volume, of which nothing is lost that was to be on the disk. */
    @Test
    void theDeathOfTheVmmIsSeenAtOnce() {
        engine.volumes().create(VOLUME, Optional.of(Size.mib(16)));
        try {
            dies();
            assertThat(readAndWritten()).isEqualTo("kept");
            try (Sandbox container = engine.create(
                    SandboxSpec.host().mount(Mount.volume(VOLUME, "/srv")).build())) {
                assertThat(Lab.sh(container, "cat /srv/kept /srv/later /srv/asked"))
                        .isEqualTo("kept\nlater\nasked");
            }
        } finally {
            engine.volumes().remove(VOLUME);
        }
        assertThat(sh("echo untouched")).isEqualTo("untouched");
    }

    /** What is written here and not synchronised is there all the same when the sandbox was closed. */
    private String readAndWritten() {
        try (Sandbox second = engine.create(spec().mount(Mount.volume(VOLUME, "/data"))
                .disk(Size.mib(24))
                .imageInit(
                        new Furnishing.Init(List.of("auto", "word"), Map.of("GREETING", "hello"), Optional.of("/etc")))
                .build())) {
            theImagesInitIsFirst(second);
            itsDisksStandStill(second);
            assertThat(Lab.sh(second, "df -m / | tail -n 1 | awk '{print $2}'")).isBetween("17", "24");
            assertThat(Lab.attempt(second, "dd if=/dev/zero of=/file bs=1M count=64"))
                    .contains("No space");
            return Lab.sh(second, "cat /data/kept; echo later > /data/later");
        }
    }

    private void itsDisksStandStill(Sandbox second) {
        try (AgentSocket agent = engine.serve(second, AgentSpec.STANDARD);
                AgentClient control = AgentClient.connect(agent.path(), AgentClient.CONTROL)) {
            String disks = ",\"ok\":{\"disks\":[\"changes\",\"volume0\"]}}";
            for (int id = 1; id <= 2; id++) {
                assertThat(control.line("{\"id\":" + id + ",\"request\":\"freeze\"}"))
                        .isEqualTo("{\"id\":" + id + disks);
            }
            try (Execution writer = second.start(ExecSpec.of("sh", "-c", "echo written > /data/frozen"));
                    Execution other = second.start(ExecSpec.of("sh", "-c", "echo written > /frozen"))) {
                assertThat(
                                Lab.sh(
                                        second,
                                        "until [ $(cat /proc/[0-9]*/status | grep -c '^State:.D') = 2 ]; do sleep 0.05; done; echo waiting"))
                        .isEqualTo("waiting");
                assertThat(writer.await(Duration.ZERO)).isEmpty();
                assertThat(control.line("{\"id\":3,\"request\":\"thaw\"}")).isEqualTo("{\"id\":3" + disks);
                assertThat(writer.await(LONG)).contains(Exit.exited(0));
                assertThat(other.await(LONG)).contains(Exit.exited(0));
            }
            assertThat(Lab.sh(second, "cat /data/frozen /frozen; rm /data/frozen"))
                    .isEqualTo("written\nwritten");
            // Whoever forgets to say that they may go on does not stop them for good.
            assertThat(control.line("{\"id\":4,\"request\":\"freeze\",\"thawAfterSeconds\":1}"))
                    .isEqualTo("{\"id\":4" + disks);
            try (Execution writer = second.start(ExecSpec.of("sh", "-c", "echo written > /data/frozen"))) {
                assertThat(writer.await(LONG)).contains(Exit.exited(0));
            }
            Lab.sh(second, "rm /data/frozen");
            assertThat(control.line("{\"id\":5,\"request\":\"freeze\"}")).isEqualTo("{\"id\":5" + disks);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } // with the agent goes whoever could have said it
        assertThat(Lab.sh(second, "echo done > /data/frozen && rm /data/frozen && echo done"))
                .isEqualTo("done");
    }

    /** The stub lives on as its child, and nothing else is different. */
    private static void theImagesInitIsFirst(Sandbox second) {
        assertThat(Lab.sh(second, "cat /proc/1/comm; cat /proc/$PPID/comm; cut -d ' ' -f 4 /proc/$PPID/stat"))
                .isEqualTo("init\ncay-init\n1");
        assertThat(Lab.sh(second, "until [ -s /tmp/init ]; do sleep 0.1; done; cat /tmp/init"))
                .isEqualTo("1 word hello /etc");
        assertThat(second.exec("sh", "-c", "exit 7").exit()).isEqualTo(Exit.exited(7));
        assertThat(second.boot()).extracting(BootStep::name).contains("init");
    }

    private void dies() {
        Set<ProcessHandle> before = GuestKernels.vmms();
        SandboxSpec wanted = spec().writable(new Writable.Nothing(Size.mib(16)))
                .mount(Mount.volume(VOLUME, "/data"))
                .name("named")
                .build();
        try (Sandbox other = engine.create(wanted);
                Execution execution = other.start(ExecSpec.of("sleep", "1000"))) {
            assertThat(Lab.attempt(other, "touch /file")).contains("Read-only file system");
            assertThat(Lab.sh(other, "touch /tmp/file /deep/in/memory/file /run/file /var/file && cat /var/of/image"))
                    .isEqualTo("stays");
            assertThat(Lab.attempt(other, "dd if=/dev/zero of=/var/large bs=1M count=40; rm /var/large"))
                    .contains("No space");
            assertThat(Lab.sh(other, "echo kept | dd of=/data/kept conv=fsync 2>/dev/null; df -m /data | tail -n 1"))
                    .contains("/vdb ");
            others(other);
            Set<ProcessHandle> own = GuestKernels.vmms();
            own.removeAll(before);
            own.forEach(ProcessHandle::destroyForcibly);
            assertThat(execution.await(LONG)).contains(Exit.signalled(Exit.Reason.KILLED, 9));
            assertThat(other.info().state()).isEqualTo(SandboxState.DEAD);
            assertThatThrownBy(() -> other.exec("true"))
                    .isInstanceOf(SandboxException.Closed.class)
                    .hasMessageContaining("the VMM was killed by signal 9");
        }
    }

    /** What the owner's other processes see of one, and do in it: they go by what is written, as this one does here. */
    private void others(Sandbox other) {
        assertThat(engine.list().stream().filter(info -> info.id().equals(other.id())))
                .hasSize(1);
        try (Sandbox seen = engine.open("named")) {
            assertThat(seen.id()).isEqualTo(other.id());
            assertThat(seen.info().state()).isEqualTo(SandboxState.RUNNING);
            assertThat(seen.executions()).isEmpty();
            assertThat(seen.boot())
                    .isEqualTo(other.boot())
                    .extracting(BootStep::name)
                    .contains("limits")
                    .contains("root", "mounts", "names", "seal")
                    .endsWith("ready");
            assertThat(seen.boot()).allMatch(step -> step.warning().isEmpty());
            assertThat(Lab.sh(seen, "hostname")).isEqualTo("guest");
        }
        SandboxSpec rival =
                SandboxSpec.host().mount(Mount.volume(VOLUME, "/srv")).build();
        assertThatThrownBy(() -> engine.create(rival)).isInstanceOf(SandboxException.Conflict.class);
    }
}
