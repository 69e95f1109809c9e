package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A root file system made by an attacker: whatever lies where the engine mounts, reads or goes, nothing of the host is
 * reached or changed through it. Each case either works or is refused with an error that names the step.
 */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileRootTest {
    private static final String SECRET = "the host's own";

    /** M-10, S6, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881: links where the engine mounts. */
    @ParameterizedTest
    @ValueSource(strings = {"proc", "sys", "dev", "tmp", "etc"})
    void m10LinksWhereTheEngineMountsLeadNowhere(String name, Sandboxes engine) throws IOException {
        Path outside = Lab.directory();
        Files.writeString(outside.resolve("passwd"), SECRET);
        for (String target : List.of(
                outside.toString(),
                "..",
                "../../../../..",
                "/",
                "/proc/1/root",
                "/proc/self/root",
                "/dev/shm",
                "/sys/fs/cgroup",
                "loop",
                "/nonexistent",
                "tmp/" + "x/".repeat(50))) {
            Path root = Lab.smallRoot();
            Files.delete(root.resolve(name + (name.equals("etc") ? "/passwd" : "")));
            if (name.equals("etc")) {
                Files.delete(root.resolve("etc/group"));
                Files.delete(root.resolve("etc"));
            }
            Files.createSymbolicLink(root.resolve(name), Path.of(target));
            List<String> before = listing(outside);
            String seen = tryOut(engine, root);
            assertThat(listing(outside)).as("%s -> %s", name, target).isEqualTo(before);
            assertThat(seen).as("%s -> %s", name, target).doesNotContain(SECRET).doesNotContain("REACHED");
        }
    }

    private static List<String> listing(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            return files.map(Path::toString).sorted().toList();
        }
    }

    /** What a curious command prints in a sandbox with this root; the refusal if there is no such sandbox. */
    private static String tryOut(Sandboxes engine, Path root) {
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
            return attempt(
                    sandbox,
                    "cat /etc/passwd /etc/shadow; ls -la / /proc/sys /sys /dev /etc /tmp; test ! -e /run/cay/engines || echo REACHED; mount;"
                            + " echo evil > /etc/passwd; echo evil > /dev/evil; echo evil > /tmp/evil; mkdir /sys/evil; cat /etc/passwd");
        } catch (SandboxException e) {
            assertThat(e.code()).isIn("setup-failed", "invalid-spec", "host-failed");
            assertThat(e.getMessage()).isNotEmpty();
            return "";
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"proc", "sys", "dev", "tmp"})
    void filesAndPipesWhereTheEngineMountsAreRefused(String name, Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Files.delete(root.resolve(name));
        Files.writeString(root.resolve(name), "a file");
        tryOut(engine, root);
        Files.delete(root.resolve(name));
        Lab.onHost("mkfifo", root.resolve(name).toString());
        tryOut(engine, root);
        assertThat(root.resolve(name)).exists();
    }

    /** A root without anything: its mount points are ours. */
    @Test
    void anEmptyRootGetsItsMountPoints(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        for (String name : List.of("proc", "sys", "dev", "tmp")) {
            Files.delete(root.resolve(name));
        }
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
            assertThat(sh(sandbox, "ls -d /proc/1 /sys/kernel /dev/null /tmp")).hasLineCount(4);
        }
        assertThat(root.resolve("proc")).doesNotExist();
    }

    @Test
    void aRootIsNeverWrittenTo(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        String before = Lab.onHost("sh", "-c", "cd " + root + "; find . -printf '%p %m %U %s %T@\\n' | sort");
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
            sh(sandbox, "echo x > /etc/passwd; rm /bin/wc; mkdir /new; chmod 777 /bin; touch /tmp/x");
        }
        assertThat(Lab.onHost("sh", "-c", "cd " + root + "; find . -printf '%p %m %U %s %T@\\n' | sort"))
                .isEqualTo(before);
    }

    /** CVE shapes around the user database: it is read inside the sandbox's root, without waiting, and no more than 1 MiB. */
    @Test
    void hostileUserDatabasesAreHarmless(Sandboxes engine) throws IOException {
        Path secret = Lab.directory().resolve("shadow");
        Files.writeString(secret, "spy:x:1234:1234::/:/bin/sh\n");
        for (String kind : List.of(
                "link out",
                "link up",
                "fifo",
                "directory",
                "big",
                "device",
                "socket",
                "magic link",
                "nothing",
                "binary")) {
            Path root = Lab.smallRoot();
            Path passwd = root.resolve("etc/passwd");
            Files.delete(passwd);
            switch (kind) {
                case "link out" -> Files.createSymbolicLink(passwd, secret);
                case "link up" -> Files.createSymbolicLink(passwd, Path.of("../../../../../../../../../.." + secret));
                case "fifo" -> Lab.onHost("mkfifo", passwd.toString());
                case "directory" -> Files.createDirectory(passwd);
                case "big" ->
                    Files.writeString(
                            passwd,
                            "root:x:0:0::/:/bin/sh\n" + "#".repeat(10 << 20) + "\nspy:x:1234:1234::/:/bin/sh\n");
                case "device" -> Lab.onHost("mknod", passwd.toString(), "c", "1", "5");
                case "socket" ->
                    Lab.onHost("python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('" + passwd + "')");
                case "magic link" -> Files.createSymbolicLink(passwd, Path.of("/proc/1/root/etc/passwd"));
                case "binary" -> Files.write(passwd, new byte[] {0, -1, 10, ':', ':', ':', ':', ':', ':', ':', 10});
                default -> assertThat(kind).isEqualTo("nothing");
            }
            try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
                assertThat(as(sandbox, "spy")).as(kind).startsWith("refused");
                assertThat(as(sandbox, "5:6"))
                        .as(kind)
                        .satisfiesAnyOf(
                                seen -> assertThat(seen).isEqualTo("5"),
                                seen -> assertThat(seen).startsWith("refused"));
                assertThat(as(sandbox, "root")).as(kind).isEqualTo("0");
            } catch (SandboxException e) {
                assertThat(kind)
                        .as(e.getMessage())
                        .isEqualTo("device"); // refused by the kernel, since nothing may be a device
            }
        }
    }

    private static String as(Sandbox sandbox, String user) {
        try {
            return sandbox.exec(ExecSpec.builder("stat", "-L", "-c", "%u", "/proc/self")
                            .user(user)
                            .timeout(java.time.Duration.ofSeconds(10))
                            .build())
                    .stdout()
                    .trim();
        } catch (SandboxException e) {
            return "refused " + e.code();
        }
    }

    /** The same files changed by the sandbox while it runs. */
    @Test
    void hostileUserDatabasesMadeInsideAreHarmless(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (String make : List.of(
                    "rm -rf /etc/passwd; mkfifo /etc/passwd",
                    "rm -rf /etc/passwd; ln -s /proc/1/root/../../etc/passwd /etc/passwd",
                    "rm -rf /etc/passwd; ln -s /etc/passwd /etc/passwd",
                    "rm -rf /etc/passwd; mkdir /etc/passwd",
                    "rm -rf /etc/passwd; ln -s /dev/zero /etc/passwd",
                    "rm -rf /etc/passwd; ln -s /dev/ptmx /etc/passwd",
                    "rm -rf /etc/passwd; ln -s /proc/self/environ /etc/passwd",
                    "rm -rf /etc; ln -s /proc/1/root/etc /etc")) {
                sh(sandbox, make);
                assertThat(as(sandbox, "spy")).as(make).startsWith("refused");
                assertThat(sandbox.exec("true").exit().success()).as(make).isTrue();
            }
        }
    }

    @Test
    void workingDirectoriesThatAreLinksStayInside(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Path outside = Lab.directory();
        Files.createSymbolicLink(root.resolve("out"), outside);
        Files.createSymbolicLink(root.resolve("up"), Path.of("../../../../.."));
        Files.createSymbolicLink(root.resolve("magic"), Path.of("/proc/1/root"));
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
            assertThat(in(sandbox, "/out").exit().reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
            assertThat(in(sandbox, "/up").stdout().trim()).isEqualTo("/");
            assertThat(in(sandbox, "/tmp/../../../..").stdout().trim()).isEqualTo("/");
            ExecResult magic = in(sandbox, "/magic");
            assertThat(magic.stdout().trim()).isIn("/", "");
        }
    }

    private static ExecResult in(Sandbox sandbox, String directory) {
        return sandbox.exec(ExecSpec.builder("sh", "-c", "pwd -P")
                .workingDirectory(directory)
                .build());
    }

    @Test
    void setuidProgramsAndDevicesOfARootAreDead(Sandboxes engine) throws IOException {
        Path root = Lab.smallRoot();
        Lab.onHost("chmod", "4755", root.resolve("bin/busybox").toString());
        Lab.onHost("mknod", root.resolve("disk").toString(), "b", "254", "0");
        Lab.onHost("mknod", root.resolve("mem").toString(), "c", "1", "1");
        for (boolean userNamespace : new boolean[] {true, false}) {
            SandboxSpec spec =
                    SandboxSpec.directory(root).userNamespace(userNamespace).build();
            try (Sandbox sandbox = engine.create(spec)) {
                assertThat(as(sandbox, "1000")).isEqualTo("1000");
                assertThat(attempt(sandbox, "head -c 1 /disk; head -c 1 /mem; chmod 666 /disk; head -c 1 /disk"))
                        .containsAnyOf("denied", "not permitted");
            }
        }
    }
}
