package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.install;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.IoLimits;
import dev.cay.ResourceLimit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Usage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a sandbox may use it gets and no more; whoever tries to take more hurts only himself. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LimitsTest {
    /** What goes before all else on the host would do so in a sandbox too. */
    @Test
    void isScheduledAsOthersWhateverItsMakerIs(Sandboxes engine) throws Exception {
        String thread = Path.of("/proc/thread-self").toRealPath().getFileName().toString();
        Lab.onHost("chrt", "--fifo", "--pid", "1", thread);
        assumeTrue(
                Lab.onHost("chrt", "--pid", thread).contains("SCHED_FIFO"),
                "whoever runs this test may have no real-time policy (cpu.rt_runtime_us of his group)");
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "chrt --pid $$")).contains("SCHED_OTHER");
            assertThat(Lab.onHost("chrt", "--pid", thread)).contains("SCHED_FIFO");
            assertThat(Lab.onHost("chrt", "--pid", "" + JoinTest.initOf(sandbox)))
                    .contains("SCHED_OTHER");
        } finally {
            Lab.onHost("chrt", "--other", "--pid", "0", thread);
        }
    }

    /** The value of a control file of a sandbox, wherever the machine has its hierarchy. */
    private static String control(Sandbox sandbox, String unified, String legacy) {
        return Lab.onHost(
                "sh",
                "-c",
                "for f in /sys/fs/cgroup/*/cay/*/" + sandbox.id() + "/" + legacy + " /sys/fs/cgroup/cay/*/"
                        + sandbox.id() + "/" + unified + " /sys/fs/cgroup/unified/cay/*/" + sandbox.id() + "/" + unified
                        + "; do [ -f $f ] && cat $f && break; done; true");
    }

    @Test
    void limitsAreWhatTheKernelEnforces(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host()
                .memory(Size.mib(64))
                .pids(33)
                .cpus(0.5)
                .cpuWeight(200)
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(control(sandbox, "memory.max", "memory.limit_in_bytes")).isEqualTo("67108864");
            assertThat(control(sandbox, "pids.max", "pids.max")).isEqualTo("33");
            assertThat(control(sandbox, "cpu.max", "cpu.cfs_quota_us")).isIn("50000 100000", "50000");
            assertThat(control(sandbox, "cpu.weight", "cpu.shares")).isIn("200", "2048");
        }
    }

    @Test
    void ioLimitsAreWrittenForEachDisk(Sandboxes engine) {
        IoLimits io = new IoLimits(
                OptionalLong.of(1 << 20), OptionalLong.of(2 << 20), OptionalLong.of(100), OptionalLong.of(200));
        try (Sandbox sandbox = engine.create(SandboxSpec.host().io(io).build())) {
            if (Lab.onHost("sh", "-c", "ls -d /sys/block/*/device | wc -l").equals("0")) {
                return;
            }
            assertThat(control(sandbox, "io.max", "blkio.throttle.read_bps_device"))
                    .contains("1048576");
            assertThat(sandbox.usage().bytesRead()).isPresent();
        }
    }

    @Test
    void resourceLimitsHoldForEachProcess(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host()
                .resourceLimit(ResourceLimit.OPEN_FILES, 64)
                .resourceLimit(ResourceLimit.FILE_SIZE, 8192)
                .resourceLimit(ResourceLimit.CPU_SECONDS, 7)
                .resourceLimit(ResourceLimit.STACK, 4 << 20)
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(sh(sandbox, "ulimit -n; ulimit -t; ulimit -s; ulimit -c; ulimit -Hn"))
                    .isEqualTo("64\n7\n4096\n0\n64");
            assertThat(attempt(sandbox, "head -c 100000 /dev/zero > /tmp/x; wc -c < /tmp/x"))
                    .endsWith("8192");
        }
    }

    @Test
    void usageIsReadBack(Sandboxes engine) {
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().memory(Size.mib(64)).build())) {
            Usage before = sandbox.usage();
            sh(sandbox, "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; head -c 8000000 /dev/zero > /tmp/x");
            Usage after = sandbox.usage();
            assertThat(after.cpu()).isGreaterThan(before.cpu());
            assertThat(after.memory().bytes()).isBetween(8_000_000L, 64L << 20);
            assertThat(after.memoryPeak()).isGreaterThanOrEqualTo(after.memory());
            assertThat(after.processes()).isEqualTo(1);
            assertThat(after.oomKills()).isZero();
        }
    }

    /** The whole sandbox ends, whoever of it took the memory, and every command of it is told why. */
    @ParameterizedTest
    @ValueSource(strings = {"itself", "grandchild"})
    void aMemoryBombIsReportedAsOom(String who, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().memory(Size.mib(32)).build();
        try (Sandbox sandbox = engine.create(spec);
                Execution other = sandbox.start(ExecSpec.of("sleep", "1000"))) {
            String eat = install(sandbox, "eat");
            Exit exit = sandbox.exec(
                            who.equals("itself") ? new String[] {eat, "100"} : new String[] {eat, "100", "grandchild"})
                    .exit();
            assertThat(exit).isEqualTo(Exit.signalled(Exit.Reason.OOM, 9));
            assertThat(other.await()).isEqualTo(Exit.signalled(Exit.Reason.OOM, 9));
            assertThatThrownBy(() -> {
                        while (true) {
                            sandbox.exec("true");
                        }
                    })
                    .isInstanceOf(SandboxException.Closed.class);
        }
    }

    @Test
    void tmpfsCountsAsMemory(Sandboxes engine) {
        SandboxSpec spec =
                SandboxSpec.host().memory(Size.mib(32)).tmpfs(Size.gib(1)).build();
        ExecResult result = engine.run(spec, ExecSpec.of("sh", "-c", "head -c 200000000 /dev/zero > /tmp/x"));
        assertThat(result.exit()).isEqualTo(Exit.signalled(Exit.Reason.OOM, 9));
    }

    @Test
    void aSandboxIsMadeAndUsedUnderTheSmallestMemoryLimit(Sandboxes engine) {
        for (int i = 0; i < 10; i++) {
            ExecResult result =
                    engine.run(SandboxSpec.host().memory(Size.mib(6)).build(), ExecSpec.of("sh", "-c", "echo on"));
            assertThat(result.stdout()).as("%s", result.exit()).isEqualTo("on\n");
        }
        assertThatThrownBy(() -> SandboxSpec.host().memory(Size.mib(5)).build())
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    /** K3: a limit of the sandbox, not of a user id. The host and the next sandbox notice nothing. */
    @Test
    void k3AForkBombHitsItsOwnLimitOnly(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().pids(50).build();
        try (Sandbox bombed = engine.create(spec);
                Sandbox calm = engine.create(spec)) {
            Execution bomb = bombed.start(ExecSpec.of("sh", "-c", "b() { b | b & }; b; b; b; sleep 1000"));
            while (bombed.usage().processes() < 40) {
                Thread.onSpinWait();
            }
            assertThat(calm.exec("true").exit().success()).isTrue();
            assertThat(bombed.usage().processes()).isLessThanOrEqualTo(55);
            bomb.kill();
            assertThat(bomb.await().reason()).isIn(Exit.Reason.KILLED, Exit.Reason.EXITED);
        }
    }

    @Test
    void aFullTmpfsIsTheSandboxsProblem(Sandboxes engine) {
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().tmpfs(Size.mib(4)).build())) {
            assertThat(attempt(sandbox, "head -c 10000000 /dev/zero > /tmp/x; wc -c < /tmp/x"))
                    .contains("No space left");
            assertThat(attempt(sandbox, "touch /usr/x; head -c 100000 /dev/zero > /usr/x"))
                    .contains("No space left");
            sh(sandbox, "rm /tmp/x; echo again > /tmp/y; cat /tmp/y");
            assertThat(attempt(sandbox, "head -c 100000000 /dev/zero > /dev/shm/x"))
                    .contains("No space left");
        }
    }

    /** Each inode costs about 1 KiB of the host's memory, which no limit in bytes sees. */
    @Test
    void inodesOfATmpfsAreLimitedToo(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().tmpfs(Size.mib(1)).build();
        try (Sandbox sandbox = engine.create(spec)) {
            for (String directory : new String[] {"/tmp", "/dev", "/dev/shm"}) {
                assertThat(Long.parseLong(sh(sandbox, "stat -f -c %c " + directory)))
                        .as(directory)
                        .isBetween(1L, 100_000L);
            }
        }
    }

    @Test
    void anOutputBombCostsNoMoreThanItsLimit(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            ExecResult result = sandbox.exec(ExecSpec.builder("yes")
                    .outputLimit(Size.kib(64))
                    .timeout(Duration.ofSeconds(2))
                    .build());
            assertThat(result.exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
            assertThat(result.stdoutBytes()).hasSize(64 << 10);
            assertThat(result.truncated()).isTrue();
            // What nobody reads stops the command instead of filling memory.
            try (Execution unread = sandbox.start(ExecSpec.of("yes"))) {
                assertThat(unread.await(Duration.ofMillis(300))).isEmpty();
            }
        }
    }

    @Test
    void aDescriptorBombIsItsOwnProblem(Sandboxes engine) {
        Lab.need("python3");
        try (Sandbox sandbox = engine.create(
                SandboxSpec.host().resourceLimit(ResourceLimit.OPEN_FILES, 1024).build())) {
            assertThat(
                            attempt(
                                    sandbox,
                                    "python3 -c '\nimport os\nn = 0\ntry:\n  while True: os.pipe(); n += 2\nexcept OSError as e: print(n, e)'"))
                    .contains("Too many open files");
            assertThat(sandbox.exec("true").exit().success()).isTrue();
        }
    }

    @Test
    void aQuotaSlowsDownButDoesNotStop(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().cpus(0.1).build())) {
            Execution busy = sandbox.start(ExecSpec.of("sh", "-c", "while :; do :; done"));
            assertThat(sandbox.exec("true").exit().success()).isTrue();
            busy.kill();
            assertThat(busy.await().reason()).isEqualTo(Exit.Reason.KILLED);
        }
    }
}
