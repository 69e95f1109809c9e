package dev.cay.it;

import static dev.cay.it.Lab.answers;
import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.install;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.SeccompPolicy;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** System calls that lead out of a sandbox, or deep into the kernel, fail with an error; none of them kills. */
@ExtendWith(RootLane.class)
class SystemCallWallsTest {
    /** What of the probe's attempts may succeed, because it harms nobody outside. */
    private static final Set<String> HARMLESS = Set.of(
            "clone plain",
            "getpid",
            "mknod fifo",
            "personality ask",
            "setuid root again",
            "socket inet",
            "socket raw icmp",
            "socket unix");

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingThatLeadsOutSucceeds(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        try (Sandbox sandbox = engine.create(spec)) {
            Map<String, String> answers = answers(sandbox.exec(install(sandbox, "calls")));
            assertThat(answers).hasSizeGreaterThan(70).containsEntry("getpid", "ok");
            Set<String> succeeded = new TreeSet<>();
            answers.forEach((attempt, answer) -> {
                if (answer.equals("ok") && !HARMLESS.contains(attempt)) {
                    succeeded.add(attempt);
                }
            });
            assertThat(succeeded)
                    .as("succeeded, user namespace: " + userNamespace)
                    .isEmpty();
        }
    }

    /** Programs fall back on these errors; a signal, or another error, would break them. */
    @Test
    void k1RefusedCallsGiveTheErrorsProgramsExpect(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            Map<String, String> answers = answers(sandbox.exec(install(sandbox, "calls")));
            assertThat(answers)
                    .containsEntry("mount tmpfs", "EPERM")
                    .containsEntry("unshare user", "EPERM")
                    .containsEntry("clone user", "EPERM")
                    .containsEntry("clone3", "ENOSYS")
                    .containsEntry("io_uring_setup", "EPERM")
                    .containsEntry("bpf", "EPERM")
                    .containsEntry("keyctl", "EPERM")
                    .containsEntry("perf_event_open", "EPERM")
                    .containsEntry("ioctl TIOCSTI", "EPERM")
                    .containsEntry("ioctl TIOCSTI with a high word", "EPERM")
                    .containsEntry("socket packet", "EAFNOSUPPORT")
                    .containsEntry("socket vsock", "EAFNOSUPPORT")
                    .containsEntry("socket alg", "EAFNOSUPPORT");
            for (String foreign : new String[] {"x32 getpid", "x32 execve", "int80 getpid", "int80 mount"}) {
                if (answers.containsKey(foreign)) { // x86-64 only
                    assertThat(answers.get(foreign)).as(foreign).isIn("EPERM", "ENOSYS");
                }
            }
        }
    }

    /** The other walls do not lean on the filter: without it the kernel itself refuses. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theOtherWallsHoldWithoutTheFilter(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host()
                .userNamespace(userNamespace)
                .seccomp(SeccompPolicy.unconfined())
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(sh(sandbox, "grep Seccomp: /proc/self/status")).endsWith("0");
            Map<String, String> answers = answers(sandbox.exec(install(sandbox, "calls")));
            for (String attempt : new String[] {
                "mount tmpfs",
                "mount bind",
                "mount proc",
                "mount cgroup v1",
                "mount remount-rw",
                "umount2",
                "pivot_root",
                "move_mount",
                "fsopen",
                "mount_setattr",
                "setns",
                "setns init",
                "unshare mount",
                "unshare pid",
                "unshare net",
                "clone mount",
                "init_module",
                "finit_module",
                "delete_module",
                "kexec_load",
                "kexec_file_load",
                "reboot",
                "settimeofday",
                "swapon",
                "acct",
                "sethostname",
                "iopl",
                "mknod block",
                "mknod char",
                "mknod block in dev",
                "open disk",
                "ptrace init",
                "ptrace seize init",
                "process_vm_readv init",
                "pidfd_getfd init",
                "open init mem",
                "open init maps",
                "open init environ",
                "readlink init exe",
                "readlink init root",
                "fanotify_init",
                "prctl keep caps"
            }) {
                assertThat(answers.getOrDefault(attempt, "EPERM")).as(attempt).isNotEqualTo("ok");
            }
        }
    }

    /** In a user namespace of its own making, code without a filter is root again, but of nothing that is ours. */
    @Test
    void cve20220492ANestedUserNamespaceOpensNothing(Sandboxes engine) {
        Lab.need("unshare");
        SandboxSpec spec =
                SandboxSpec.host().seccomp(SeccompPolicy.unconfined()).build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(attempt(sandbox, "unshare -Urm umount /proc/keys")).isNotEmpty();
            assertThat(attempt(sandbox, "unshare -Urm umount -l /proc/sys")).isNotEmpty();
            assertThat(attempt(sandbox, "unshare -Urm mount -o remount,rw,bind /proc/sys"))
                    .isNotEmpty();
            assertThat(attempt(sandbox, "unshare -Urm mount -o remount,rw,bind /sys"))
                    .isNotEmpty();
            assertThat(attempt(sandbox, "unshare -Urmpf mount -t proc none /mnt"))
                    .isNotEmpty();
            assertThat(attempt(sandbox, "unshare -Urmn mount -t sysfs none /mnt"))
                    .isNotEmpty();
            assertThat(attempt(
                            sandbox,
                            "unshare -UrmC sh -c 'mkdir /tmp/c; for t in memory rdma pids cpu devices; do"
                                    + " mount -t cgroup -o $t none /tmp/c 2>/dev/null || continue;"
                                    + " echo /tmp/x > /tmp/c/release_agent && echo WRITTEN;"
                                    + " echo 1 > /tmp/c/notify_on_release && echo WRITTEN; mkdir /tmp/c/x && echo WRITTEN;"
                                    + " umount /tmp/c; done'"))
                    .doesNotContain("WRITTEN");
        }
    }

    /** The session keyring of whoever started the engine stays with him, filter or not. */
    @Test
    void theEnginesKeyringIsNotInherited(Sandboxes engine) {
        SandboxSpec spec =
                SandboxSpec.host().seccomp(SeccompPolicy.unconfined()).build();
        try (Sandbox sandbox = engine.create(spec)) {
            String own = Lab.onHost(Lab.probe("keyring").toString());
            assertThat(sandbox.exec(install(sandbox, "keyring")).stdout().trim())
                    .isNotEqualTo(own);
        }
    }

    @Test
    void aProfileOfDockersFormIsObeyed(Sandboxes engine) {
        String profile = """
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [
                   {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
                   {"names": ["uname"], "action": "SCMP_ACT_ERRNO"}]}
                """;
        SandboxSpec spec =
                SandboxSpec.host().seccomp(SeccompPolicy.profile(profile)).build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(attempt(sandbox, "mkdir /tmp/x")).contains("not supported");
            assertThat(attempt(sandbox, "uname")).contains("not permitted");
            assertThat(sh(sandbox, "grep Seccomp: /proc/self/status")).endsWith("2");
        }
    }

    @Test
    void aBrokenProfileIsRefusedBeforeAnythingIsDone(Sandboxes engine) {
        for (String json :
                new String[] {"", "{", "[]", "{\"defaultAction\": \"SCMP_ACT_NONSENSE\"}", "\u0000", "{\"syscalls\": 7}"
                }) {
            SandboxSpec spec =
                    SandboxSpec.host().seccomp(SeccompPolicy.profile(json)).build();
            assertThatThrownBy(() -> engine.create(spec))
                    .as(json)
                    .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, e -> {
                        assertThat(e.code()).isEqualTo("invalid-spec");
                        assertThat(e.hint()).isNotEmpty();
                    });
        }
    }

    @Test
    void aProfileThatKillsIsReportedAsASignal(Sandboxes engine) {
        String profile = """
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_KILL_PROCESS"}]}
                """;
        SandboxSpec spec =
                SandboxSpec.host().seccomp(SeccompPolicy.profile(profile)).build();
        try (Sandbox sandbox = engine.create(spec)) {
            ExecResult result = sandbox.exec("sync");
            assertThat(result.exit().reason().text()).isEqualTo("signalled");
            assertThat(result.exit().signal()).isEqualTo(31);
        }
    }

    @Test
    void setuidAndCapabilitiesOnFilesGiveNothing(Sandboxes engine) {
        Lab.need("python3");
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sh(sandbox, "cp /usr/bin/id /tmp/id; chmod 4755 /tmp/id; chmod 755 /tmp");
            assertThat(sandbox.exec(dev.cay.ExecSpec.builder("/tmp/id", "-u")
                                    .user("1000")
                                    .build())
                            .stdout()
                            .trim())
                    .isEqualTo("1000");
            assertThat(sandbox.exec(dev.cay.ExecSpec.builder("su", "-c", "id")
                                    .user("1000")
                                    .build())
                            .exit()
                            .success())
                    .isFalse();
        }
    }

    @Test
    void aRawSocketReachesTheSandboxsOwnNetworkOnly(Sandboxes engine) {
        try (Sandbox own = engine.create(SandboxSpec.host().build());
                Sandbox shared =
                        engine.create(SandboxSpec.host().network(Network.host()).build())) {
            assertThat(answers(own.exec(install(own, "calls")))).containsEntry("socket raw icmp", "ok");
            assertThat(answers(shared.exec(install(shared, "calls"))))
                    .containsEntry("socket raw icmp", "EPERM")
                    .containsEntry("socket packet", "EAFNOSUPPORT");
        }
    }

    @Test
    void aSecondChrootLeadsNowhere(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            String marker = Lab.directory().toString();
            assertThat(sandbox.exec(install(sandbox, "escape"), marker).stdout().trim())
                    .isIn(marker + " out of reach", "chroot refused");
        }
    }

    @Test
    void landlockIsOnWhereTheKernelHasIt(Sandboxes engine) throws Exception {
        SandboxSpec spec = SandboxSpec.host()
                .userNamespace(false)
                .seccomp(SeccompPolicy.unconfined())
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            Lab.need("python3");
            String abi = attempt(sandbox, "python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))'");
            org.junit.jupiter.api.Assumptions.assumeTrue(
                    abi.matches("[1-9][0-9]*"), "this kernel does not run Landlock");
            Map<String, String> answers = answers(sandbox.exec(install(sandbox, "calls")));
            assertThat(answers).containsEntry("mknod block", "EACCES").containsEntry("mknod char", "EACCES");
        }
    }
}
