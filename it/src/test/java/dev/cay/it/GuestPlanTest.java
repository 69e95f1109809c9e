package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.Furnishing;
import dev.cay.Size;
import dev.cay.engine.microvm.GuestAddressing;
import dev.cay.engine.microvm.GuestBoot;
import dev.cay.engine.microvm.GuestMount;
import dev.cay.engine.microvm.GuestSpec;
import dev.cay.engine.microvm.ProcessLimit;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A guest's boot, by the stub as an ordinary process with namespaces of its own, in a root that tries to lead elsewhere. */
@ExtendWith(RootLane.class)
final class GuestPlanTest {
    static final String PEM = """
            -----BEGIN CERTIFICATE-----
            MIIBfTCCASOgAwIBAgIUamOniVgO0jyHnfhdNA8SFncKRz0wCgYIKoZIzj0EAwIw
            EzERMA8GA1UEAwwIQ2F5IHRlc3QwIBcNMjYxMTI5MTIzMTA5WhgPMjEyNjExMDUx
            MjMxMDlaMBMxETAPBgNVBAMMCENheSB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
            AQcDQgAEeKLpac9TfRZ5BQSG0SkRbeQP9ac29UB+kM4cOS19O0KMGXoEatpnwk00
            EDSIhywiBz6XvICMT0yMNb4H5a5AiqNTMFEwHQYDVR0OBBYEFP2r1CpaLf2TSFg5
            XNNszEMyacyfMB8GA1UdIwQYMBaAFP2r1CpaLf2TSFg5XNNszEMyacyfMA8GA1Ud
            EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMQq7E3Hgwn6+dG2MKPaRQTD
            Ql8ro3ePrWR08ATSP0ftAiAsCaILxsZa0X6v+nUkeTiYX8nZWl/HFvFyOosB5rkt
            kQ==
            -----END CERTIFICATE-----
            """;

    private static final GuestMount.Options READ_ONLY = new GuestMount.Options(true, false);

    private final Path root = Lab.smallRoot();
    private HostKernel host;
    private Child process;
    private Stub stub;

    @BeforeEach
    void start() throws IOException {
        host = new HostKernel();
        hostile();
        byte[] program = Files.readAllBytes(
                Path.of(System.getProperty("cay.root", ".."), "guest/src/main/resources/dev/cay/guest/stub-x86_64"));
        List<Fd> ends = UnixSocket.pair();
        Op nothing = FileOps.open("/dev/null", FileOps.O_RDWR);
        long own = Namespaces.MOUNT | Namespaces.UTS | Namespaces.IPC | Namespaces.PID | Namespaces.NETWORK;
        try (Fd image = Stub.program(host, program);
                Fd empty = host.run(OpList.of(nothing)).fd(nothing);
                Fd theirs = ends.getLast()) {
            process = host.spawn(
                    OpList.of(
                            FileOps.duplicate(Arg.of(theirs), 0),
                            FileOps.duplicate(Arg.of(empty), 1),
                            FileOps.duplicate(Arg.of(empty), 2),
                            FileOps.closeOnExecFrom(3),
                            Mount.mount("", "/", Mount.MS_REC | Mount.MS_PRIVATE),
                            FileOps.chdir(root.toString()),
                            FileOps.chroot("."),
                            Processes.execve(Arg.of(image), List.of("cay-init", "machine"), List.of())),
                    new Birth(own, Optional.empty()));
        }
        stub = Stub.ofMachine(
                ends.getFirst(), System.nanoTime() + Duration.ofSeconds(30).toNanos());
    }

    private void hostile() throws IOException {
        Files.writeString(root.resolve("victim"), "untouched");
        Files.createSymbolicLink(root.resolve("etc/hosts"), Path.of("/victim"));
        Files.createSymbolicLink(root.resolve("etc/hostname"), Path.of("/proc/1/root/victim"));
        Files.createSymbolicLink(root.resolve("etc/profile"), Path.of("/victim"));
        Files.delete(root.resolve("etc/passwd"));
        Files.deleteIfExists(root.resolve("etc/group"));
        Files.createSymbolicLink(root.resolve("etc/passwd"), Path.of("/nowhere"));
        Files.createDirectories(root.resolve("etc/ssl/certs"));
        Files.writeString(root.resolve("etc/ssl/certs/ca-certificates.crt"), "others\n");
        Path runtime = Files.createDirectories(root.resolve("usr/lib/jvm/one/lib/security"));
        Files.copy(Path.of(System.getProperty("java.home"), "lib/security/cacerts"), root.resolve("victim.store"));
        Files.createSymbolicLink(runtime.resolve("cacerts"), Path.of("/victim.store"));
        Files.createSymbolicLink(root.resolve("run"), Path.of("../../../../elsewhere"));
        Files.createDirectory(root.resolve("elsewhere"));
        Files.setPosixFilePermissions(root.resolve("tmp"), PosixFilePermissions.fromString("rwx------"));
    }

    @AfterEach
    void end() {
        stub.close();
        process.await();
        process.close();
        host.close();
    }

    private static GuestSpec spec(List<GuestMount> mounts) {
        return new GuestSpec(
                new GuestSpec.Root.Initramfs(),
                false,
                List.of(
                        new ProcessLimit(ProcessLimit.Resource.CORE, 1, 2),
                        new ProcessLimit(ProcessLimit.Resource.CPU, 5, 5)),
                "guest",
                GuestSpec.HOST_ALIAS,
                new GuestAddressing.CommandLine(),
                List.of("/made/here"),
                mounts,
                OptionalInt.empty(),
                new Furnishing(List.of(PEM), Map.of("hello", "#!/bin/sh\necho hello\n"), Optional.empty()));
    }

    private String read(String path) throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(16 * 1024);
        Op open = FileOps.open(path, FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, read, FileOps.close(open)));
        return new String(results.bytes(buffer), 0, (int) results.value(read), UTF_8);
    }

    @Test
    void whatTheRootHasIsReplacedAndDoneAgainNothingChanges() throws IOException {
        boot(List.of());
        String first = Files.readString(root.resolve("etc/profile"))
                + Files.readString(root.resolve("etc/ssl/certs/ca-certificates.crt"))
                + Files.readString(root.resolve("etc/hosts"));
        String mounts = places();
        boot(List.of());
        assertThat(places()).isEqualTo(mounts);
        String second = Files.readString(root.resolve("etc/profile"))
                + Files.readString(root.resolve("etc/ssl/certs/ca-certificates.crt"))
                + Files.readString(root.resolve("etc/hosts"));
        assertThat(second)
                .isEqualTo(first)
                .containsOnlyOnce("BEGIN CERTIFICATE")
                .containsOnlyOnce("case \":$PATH:\"");
        assertThat(first).startsWith("untouched\n# cay scripts begin").contains("others\n# cay certificates begin");
        assertThat(Files.readString(root.resolve("victim"))).isEqualTo("untouched");
        assertThat(root.resolve("victim.store"))
                .hasSameBinaryContentAs(Path.of(System.getProperty("java.home"), "lib/security/cacerts"));
        Path runtime = root.resolve("usr/lib/jvm/one/lib/security/cacerts");
        assertThat(Files.isSymbolicLink(runtime)).isFalse();
        assertThat(trusted(runtime)).isEqualTo(trusted(root.resolve("victim.store")) + 1);
        assertThat(Files.readString(root.resolve("etc/hostname"))).isEqualTo("guest\n");
        assertThat(Files.isSymbolicLink(root.resolve("etc/passwd"))).isTrue();
        assertThat(Files.readString(root.resolve("etc/group"))).startsWith("root:x:0:\n");
        assertThat(Files.isDirectory(root.resolve("elsewhere/cay"))).isTrue();
        assertThat(Files.isDirectory(root.resolve("made/here"))).isTrue();
        for (String path : List.of("tmp", "var/tmp")) {
            assertThat(Files.getAttribute(root.resolve(path), "unix:mode")).isEqualTo(041777);
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(root.resolve(".cay/scripts/hello"))))
                .isEqualTo("rwxr-xr-x");
        assertThat(Files.list(root.resolve("usr/local/share/ca-certificates"))).hasSize(1);
        assertThat(Files.list(root.resolve("etc/pki/ca-trust/source/anchors"))).hasSize(1);
    }

    /** Where something is mounted. */
    private String places() throws SyscallException {
        StringBuilder places = new StringBuilder();
        for (String line : read("/proc/self/mountinfo").split("\n")) {
            places.append(line.split(" ")[4]).append('\n');
        }
        return places.toString();
    }

    private static int trusted(Path store) throws IOException {
        try {
            return KeyStore.getInstance(store.toFile(), (char[]) null).size();
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    private List<BootStep> boot(List<GuestMount> mounts) throws IOException {
        GuestBoot boot = new GuestBoot(stub);
        boot.bringUp(spec(mounts), System.nanoTime());
        assertThat(boot.steps()).allMatch(step -> step.warning().isEmpty());
        return boot.steps();
    }

    @Test
    void itIsFurnishedAndToldHowItWent() throws IOException {
        List<BootStep> report = boot(List.of(
                new GuestMount.Tmpfs("/mnt/deep/er", Optional.of(Size.mib(1)), OptionalInt.empty(), READ_ONLY),
                new GuestMount.Tmpfs("/mnt/deep", Optional.empty(), OptionalInt.of(0700), GuestMount.Options.ALL),
                new GuestMount.Tmpfs("/tmp", Optional.empty(), OptionalInt.empty(), GuestMount.Options.ALL)));
        assertThat(report)
                .extracting(BootStep::name)
                .startsWith("limits", "process table", "disks", "command line", "essential mounts", "mounts")
                .contains("trust", "scripts", "accounts", "loopback");
        assertThat(report)
                .allMatch(entry -> !entry.took().isNegative() && !entry.at().isNegative());
        assertThat(read("/proc/self/mountinfo"))
                .containsPattern(" /proc rw,nosuid,nodev,noexec,relatime .*proc")
                .containsPattern(" /sys ro,nosuid,nodev,noexec,relatime .*sysfs")
                .containsPattern(" /dev rw,nosuid,noexec.*tmpfs")
                .containsPattern(" /dev/pts rw,nosuid,noexec,relatime .*gid=5,mode=620,ptmxmode=666")
                .containsPattern(" /dev/shm rw,nosuid,nodev,noexec,relatime .*tmpfs")
                .containsPattern(" /dev/mqueue rw,nosuid,nodev,noexec,relatime .*mqueue")
                .containsPattern(
                        "(?s) /mnt/deep rw,nosuid,nodev,relatime .*mode=700.* /mnt/deep/er ro,nosuid,nodev,noexec")
                .containsPattern(" /tmp rw,nosuid,nodev,relatime ");
        assertThat(read("/proc/sys/kernel/hostname")).isEqualTo("guest\n");
        assertThat(read("/proc/self/limits"))
                .containsPattern("Max cpu time +unlimited +unlimited")
                .containsPattern("Max core file size +1 +2 ");
        assertThat(read("/proc/net/if_inet6")).startsWith("00000000000000000000000000000001");
        assertThat(read("/proc/net/fib_trie")).contains("127.0.0.1").contains("/8");
    }

    @Test
    void aStepThatFailsIsNamed() throws IOException {
        Files.delete(root.resolve("tmp"));
        Files.writeString(root.resolve("tmp"), "a file");
        assertThatThrownBy(() -> boot(List.of()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the guest's scratch directories: openat2(tmp): ENOTDIR");
    }
}
