package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class CgroupTest {
    private static final Limits ALL = SandboxSpec.host()
            .memory(Size.mib(64))
            .pids(9)
            .cpus(0.5)
            .cpuWeight(100)
            .build()
            .limits();

    private final Fakes fakes = new Fakes();

    /** Nothing but the texts of what is written, and where directories are made. */
    private List<String> effects(OpList list) {
        return fakes.text(list).stream()
                .filter(line -> line.startsWith("write") || line.startsWith("mkdirat"))
                .toList();
    }

    private CgroupParent unified() {
        Hierarchies hierarchies = new Hierarchies(Path.of("/nowhere/unified"), Map.of());
        return new CgroupParent(fakes.kernel(), hierarchies, "engine", fakes.fd("unified"), Map.of(), false);
    }

    private CgroupParent hybrid() {
        Map<Controller, Path> paths = new EnumMap<>(Controller.class);
        Map<Controller, dev.cay.linux.Fd> directories = new EnumMap<>(Controller.class);
        for (Controller controller : Controller.values()) {
            paths.put(controller, Path.of("/nowhere", controller.legacyName()));
            directories.put(controller, fakes.fd(controller.legacyName()));
        }
        Hierarchies hierarchies = new Hierarchies(Path.of("/nowhere/unified"), paths);
        return new CgroupParent(fakes.kernel(), hierarchies, "engine", fakes.fd("unified"), directories, false);
    }

    private static Cgroup create(CgroupParent parent) throws SyscallException {
        return Cgroup.create(parent, "box", false, 0);
    }

    @Test
    void limitsInVersion2() throws SyscallException {
        create(unified()).limit(ALL);

        assertThat(effects(fakes.kernel().runs().getLast()))
                .containsExactly(
                        "write(pids.max = 9)",
                        "write(memory.oom.group = 1)",
                        "write(memory.max = 67108864)",
                        "write(memory.swap.max = 0)",
                        "write(cpu.max = 50000 100000)",
                        "write(cpu.weight = 100)");
    }

    @Test
    void limitsInVersion1() throws SyscallException {
        Cgroup cgroup = create(hybrid());
        assertThat(effects(fakes.kernel().runs().getLast()))
                .containsExactly(
                        "mkdirat(box) <unified>", "mkdirat(box) <memory>", "mkdirat(box) <pids>", "mkdirat(box) <cpu>");

        cgroup.limit(ALL);

        assertThat(effects(fakes.kernel().runs().getLast()))
                .containsExactly(
                        "write(pids.max = 9)",
                        "write(memory.limit_in_bytes = 67108864)",
                        "write(memory.memsw.limit_in_bytes = 67108864)",
                        "write(cpu.cfs_period_us = 100000)",
                        "write(cpu.cfs_quota_us = 50000)",
                        "write(cpu.shares = 1024)");
    }

    @Test
    void whatIsNotLimitedIsNotWritten() throws SyscallException {
        Cgroup cgroup = create(unified());
        assertThat(effects(fakes.kernel().runs().getLast())).containsExactly("mkdirat(box) <unified>");

        cgroup.limit(Limits.none());

        assertThat(effects(fakes.kernel().runs().getLast())).containsExactly("write(pids.max = 512)");
    }

    @Test
    void aGroupForThroughputIsMadeOnlyWhenItIsLimited() throws SyscallException {
        IoLimits io = new IoLimits(OptionalLong.of(1), OptionalLong.of(2), OptionalLong.of(3), OptionalLong.of(4));
        CgroupParent parent = hybrid();
        create(parent);
        assertThat(effects(fakes.kernel().runs().getLast())).doesNotContain("mkdirat(box) <blkio>");

        Cgroup cgroup = Cgroup.create(parent, "box", true, 0);
        assertThat(effects(fakes.kernel().runs().getLast())).contains("mkdirat(box) <blkio>");
        cgroup.limit(SandboxSpec.host().io(io).build().limits());
        assertThat(effects(fakes.kernel().runs().getLast())).anyMatch(line -> line.startsWith("write(blkio."));
    }

    /** It makes the processes of executions in their groups, and is not root of the host. */
    @Test
    void theFirstProcessMayMoveProcessesFromAndIntoTheGroups() throws SyscallException {
        int stubId = 0x7000_ffff;
        Cgroup cgroup = Cgroup.create(unified(), "box", false, stubId);
        OpList created = fakes.kernel().runs().getLast();
        cgroup.enterExecution(1).close();
        OpList entered = fakes.kernel().runs().getLast();

        assertThat(fakes.text(created))
                .containsExactly("mkdirat(box) <unified>", "fchownat(box/cgroup.procs) <unified>");
        assertThat(fakes.text(entered))
                .containsExactly(
                        "mkdirat(box/1) <unified>",
                        "fchownat(box/1/cgroup.procs) <unified>",
                        "openat(box/1) <unified>");
        assertThat(created.operations().getLast().arguments().subList(2, 4))
                .containsExactly(Arg.of(stubId), Arg.of(stubId));
        assertThat(entered.operations().get(1).arguments().subList(2, 4))
                .containsExactly(Arg.of(stubId), Arg.of(stubId));
        Cgroup free = create(unified());
        free.enterExecution(1).close();
        assertThat(fakes.text(fakes.kernel().runs().getLast()))
                .as("the host's root may anyway")
                .noneMatch(line -> line.startsWith("fchownat"));
    }

    @Test
    void theGroupOfANumberCanBeEnteredAgainAndKilledByWhoeverIsGivenTheFile() throws SyscallException {
        Cgroup cgroup = create(unified());
        cgroup.enterExecution(7).close();
        fakes.kernel().fail(fakes.kernel().operations(), Errno.EEXIST);
        assertThatThrownBy(() -> cgroup.enterExecution(7))
                .as("a fake fails tolerated or not")
                .hasMessageContaining("EEXIST");
        OpList entered = fakes.kernel().runs().stream()
                .filter(run -> run.operations().getFirst().operands().equals("box/7"))
                .findFirst()
                .orElseThrow();
        assertThat(entered.operations().getFirst().tolerated()).containsExactly(Errno.EEXIST);

        cgroup.openKill(cgroup.group(7)).orElseThrow().close();
        assertThat(fakes.text(fakes.kernel().runs().getLast())).containsExactly("openat(box/7/cgroup.kill) <unified>");
    }

    @Test
    void theSmallestAndLargestWeightsAndQuotas() throws SyscallException {
        create(hybrid())
                .limit(SandboxSpec.host().cpuWeight(1).cpus(0.01).build().limits());
        assertThat(effects(fakes.kernel().runs().getLast()))
                .contains("write(cpu.shares = 10)", "write(cpu.cfs_quota_us = 1000)");
        create(hybrid())
                .limit(SandboxSpec.host().cpuWeight(10_000).cpus(8192).build().limits());
        assertThat(effects(fakes.kernel().runs().getLast()))
                .contains("write(cpu.shares = 102400)", "write(cpu.cfs_quota_us = 819200000)");
    }

    @Test
    void whateverStepFailsNothingRemains() throws SyscallException {
        CgroupParent parent = hybrid();
        int before = fakes.kernel().operations();
        int descriptors = fakes.kernel().openDescriptors();
        create(parent);
        int steps = fakes.kernel().operations() - before;

        for (int step = 0; step < steps; step++) {
            fakes.kernel().fail(fakes.kernel().operations() + step, Errno.EINVAL);
            assertThatThrownBy(() -> create(parent))
                    .isInstanceOf(SyscallException.class)
                    .hasMessageContaining("EINVAL");
            assertThat(fakes.text(fakes.kernel().runs().getLast()))
                    .containsExactly(
                            "unlinkat(box) <memory>",
                            "unlinkat(box) <pids>",
                            "unlinkat(box) <cpu>",
                            "unlinkat(box) <unified>");
        }
        assertThat(fakes.kernel().openDescriptors()).isEqualTo(descriptors);
    }

    @Test
    void eachExecutionHasAGroupOfItsOwn() throws SyscallException {
        Cgroup cgroup = create(unified());
        try (Cgroup.Entrance first = cgroup.enterExecution(cgroup.nextExecution());
                Cgroup.Entrance second = cgroup.enterExecution(cgroup.nextExecution());
                Cgroup.Entrance whole = cgroup.enter()) {
            assertThat(first.execution())
                    .as("not one of those that records are kept of")
                    .hasValue("box/1073741825");
            assertThat(second.execution()).hasValue("box/1073741826");
            assertThat(whole.execution()).isEmpty();
        }
        assertThat(fakes.kernel().openDescriptors()).as("the parent's").isEqualTo(1);
        cgroup.kill("box/2");
        assertThat(fakes.text(fakes.kernel().runs().getLast()))
                .containsExactly("openat(box/2/cgroup.kill) <unified>", "write(box/2/cgroup.kill)", "close");
    }

    @Test
    void closingRemovesTheGroupsOfExecutionsFirst() throws SyscallException {
        Cgroup cgroup = create(unified());
        cgroup.enterExecution(1).close();
        cgroup.enterExecution(2).close();
        cgroup.leave("box/1");
        int before = fakes.kernel().runs().size();

        cgroup.close();

        assertThat(fakes.kernel().runs().stream().skip(before).flatMap(run -> fakes.text(run).stream()))
                .containsExactly("unlinkat(box/2) <unified>", "unlinkat(box) <unified>");
    }

    @Test
    void whatNobodyLivesInAnyMoreCannotBeKilledAndThatIsFine() throws SyscallException {
        Cgroup cgroup = create(unified());
        for (Errno gone : List.of(Errno.ENOENT, Errno.ENODEV)) {
            fakes.kernel().fail(fakes.kernel().operations(), gone);
            cgroup.kill();
        }
        fakes.kernel().fail(fakes.kernel().operations(), Errno.EPERM);
        assertThatThrownBy(cgroup::kill)
                .isInstanceOf(dev.cay.SandboxException.HostFailed.class)
                .hasMessageContaining("EPERM");
    }

    @Test
    void usageIsReadFromTheKernelsFiles() throws SyscallException {
        byte[] text = "7\nusage_usec 7\noom_kill 7\n8:0 rbytes=7 wbytes=8\n".getBytes(StandardCharsets.US_ASCII);
        Cgroup cgroup = create(unified());
        fakes.kernel().fill(SystemCall.READ, text).answer(SystemCall.READ, text.length);

        assertThat(cgroup.oomKills()).isEqualTo(7);
        fakes.kernel().answer(SystemCall.READ, 2);
        Usage usage = cgroup.usage();
        assertThat(usage.memory()).isEqualTo(Size.bytes(7));
        assertThat(usage.processes()).isEqualTo(7);
        assertThat(fakes.kernel().openDescriptors()).isEqualTo(1);
    }

    @Test
    void aFieldIsAWholeWordAtTheBeginningOfALine() {
        String text = "xoom_kill 1\noom_kill_disable 2\noom 3\noom_kill 4\noom_kill 5\n";
        assertThat(CgroupAccounts.field(text, "oom_kill")).isEqualTo(4);
        assertThat(CgroupAccounts.field(text, "oom")).isEqualTo(3);
        assertThat(CgroupAccounts.field(text, "oom_kil")).isZero();
        assertThat(CgroupAccounts.field("oom_kill\n", "oom_kill")).isZero();
        assertThat(CgroupAccounts.field("", "oom_kill")).isZero();
    }

    @Test
    void aNumberMayEndWithANewline() {
        assertThat(CgroupAccounts.number("9223372036854775807\n")).isEqualTo(Long.MAX_VALUE);
        assertThat(CgroupAccounts.number(" 0 ")).isZero();
        assertThatThrownBy(() -> CgroupAccounts.number("max\n")).isInstanceOf(NumberFormatException.class);
    }

    /** It names itself as it likes. */
    @Test
    void theMemoryOfAProcessIsWhatTheKernelSaysOfIt() {
        String status = "Name:\tVmRSS:   x kB\nVmHWM:\t     900 kB\nVmRSS:\t    1312 kB\nRssAnon:\t      88 kB\n";
        assertThat(CgroupAccounts.resident(status)).isEqualTo(1312);
        assertThat(CgroupAccounts.resident("Name:\tVmRSS: 7 kB\nPid:\t2\n")).isZero();
        assertThat(CgroupAccounts.resident("")).isZero();
    }

    @Test
    void aSumGoesOverAllDevices() {
        String two = "8:0 rbytes=10 wbytes=1 rios=5\n8:16 rbytes=32 wbytes=2 rios=5\n253:0 \n";
        assertThat(CgroupAccounts.sum(two, "rbytes=")).isEqualTo(42);
        assertThat(CgroupAccounts.sum(two, "wbytes=")).isEqualTo(3);
        String one = "8:0 Read 4096\n8:0 Write 1\n8:0 Sync 2\n8:16 Read 4\n8:16 Total 9\nTotal 4106\n";
        assertThat(CgroupAccounts.sum(one, "Read ")).isEqualTo(4100);
        assertThat(CgroupAccounts.sum(one, "Write ")).isEqualTo(1);
        assertThat(CgroupAccounts.sum("", "rbytes=")).isZero();
    }
}
