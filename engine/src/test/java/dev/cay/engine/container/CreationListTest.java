package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Pipe;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class CreationListTest {
    private static final List<String> JOINING = List.of(
            "write(tasks) <memory tasks>",
            "write(tasks) <cpu tasks>",
            "unshare(cgroup)",
            "setns(mount) <empty mounts>",
            "unshare(mount)");

    private static final List<String> MOUNTING = """
        move_mount(/) <root>
        fchdir(root) <root>
        chroot(.)
        move_mount(usr) <usr> <root>
        move_mount(tmp) <tmp> <root>
        move_mount(dev) <devices> <root>
        move_mount(pts) <terminals> <devices>
        move_mount(shm) <shared memory> <devices>
        fsopen(mqueue)
        fsconfig(create)
        fsmount(mqueue)
        move_mount(mqueue) <devices>
        fsopen(proc)
        fsconfig(create)
        fsmount(proc)
        move_mount(proc) <root>
        fsopen(sysfs)
        fsconfig(create)
        fsmount(sysfs)
        move_mount(sys) <root>
        mount(/proc/interrupts)
        mount(/proc/kcore)
        mount(/proc/keys)
        mount(/proc/latency_stats)
        mount(/proc/sched_debug)
        mount(/proc/timer_list)
        mount(/proc/timer_stats)
        open_tree(empty) <empty>
        move_mount(/proc/acpi)
        open_tree(empty) <empty>
        move_mount(/proc/asound)
        open_tree(empty) <empty>
        move_mount(/proc/scsi)
        open_tree(empty) <empty>
        move_mount(/sys/devices/virtual/powercap)
        open_tree(empty) <empty>
        move_mount(/sys/firmware)
        mount(/proc/bus)
        mount(/proc/bus)
        mount(/proc/fs)
        mount(/proc/fs)
        mount(/proc/irq)
        mount(/proc/irq)
        mount(/proc/sys)
        mount(/proc/sys)
        mount(/proc/sysrq-trigger)
        mount(/proc/sysrq-trigger)
        """.lines().toList();

    private static final List<String> RENOUNCING = """
        setgroups
        setresgid(0)
        setresuid(0)
        capset
        prctl(no new privileges)
        rt_sigaction(SIGCHLD)
        dup3(to 0) <?>
        close_range(from 1)
        rt_sigprocmask
        execveat(cay-init) <init>
        """.lines().toList();

    private final Fakes fakes = new Fakes();
    private Pipe lifeline;

    @BeforeEach
    void open() throws SyscallException {
        lifeline = Pipe.writing();
    }

    @AfterEach
    void close() {
        lifeline.close();
    }

    private OpList list(boolean user, boolean network) {
        return CreationList.of(new CreationList.Parts(
                "box",
                fakes.rootfs("usr", "tmp"),
                fakes.fd("empty"),
                new OwnedNamespaces(
                        user ? Optional.of(fakes.fd("user")) : Optional.empty(),
                        network ? Optional.of(fakes.fd("network")) : Optional.empty()),
                new Cgroup.Entrance(
                        Optional.empty(), fakes.fd("group"), List.of(fakes.fd("memory tasks"), fakes.fd("cpu tasks"))),
                new Nursery(fakes.fd("empty mounts"), fakes.fd("init"), lifeline)));
    }

    private static List<String> lines(List<List<String>> parts) {
        return parts.stream().flatMap(List::stream).toList();
    }

    @Test
    void theFirstProcessMountsAsTheHostsRootAndThenRenouncesEverything() {
        assertThat(fakes.text(list(true, true)))
                .isEqualTo(lines(List.of(
                        JOINING,
                        List.of("setns(network) <network>", "sethostname(box)"),
                        MOUNTING,
                        List.of("setns(user) <user>"),
                        RENOUNCING)));
    }

    @Test
    void withoutAUserNamespaceNothingElseIsDifferent() {
        assertThat(fakes.text(list(false, true)))
                .isEqualTo(lines(List.of(
                        JOINING, List.of("setns(network) <network>", "sethostname(box)"), MOUNTING, RENOUNCING)));
    }

    @Test
    void onTheHostsNetworkNoOtherIsEntered() {
        assertThat(fakes.text(list(true, false)))
                .isEqualTo(lines(List.of(
                        JOINING, List.of("sethostname(box)"), MOUNTING, List.of("setns(user) <user>"), RENOUNCING)));
    }

    @Test
    void theKernelsFileSystemsCanRunNothing() {
        long nothing = Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC;
        assertThat(attributes("mqueue")).isEqualTo(nothing);
        assertThat(attributes("proc")).isEqualTo(nothing);
        assertThat(attributes("sysfs")).isEqualTo(nothing | Mount.ATTR_RDONLY);
    }

    private long attributes(String type) {
        return list(true, true).operations().stream()
                .filter(op -> op.call() == SystemCall.FSMOUNT && op.operands().equals(type))
                .mapToLong(op -> ((Arg.Number) op.arguments().get(2)).value())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whatIsReadOnlyIsBoundAndThenRemounted() {
        List<Long> flags = list(true, true).operations().stream()
                .filter(op -> op.call() == SystemCall.MOUNT && op.operands().equals("/proc/sys"))
                .map(op -> ((Arg.Number) op.arguments().get(3)).value())
                .toList();

        assertThat(flags)
                .containsExactly(
                        Mount.MS_BIND | Mount.MS_REC,
                        Mount.MS_BIND
                                | Mount.MS_REMOUNT
                                | Mount.MS_RDONLY
                                | Mount.MS_NOSUID
                                | Mount.MS_NODEV
                                | Mount.MS_NOEXEC);
    }

    @Test
    void onlyWhatAKernelMayLackMayBeMissing() {
        for (Op operation : list(true, true).operations()) {
            boolean covers = (operation.call() == SystemCall.MOUNT || operation.call() == SystemCall.MOVE_MOUNT)
                    && (operation.operands().startsWith("/proc/")
                            || operation.operands().startsWith("/sys/"));
            assertThat(operation.tolerated())
                    .as(operation.toString())
                    .isEqualTo(covers ? List.of(Errno.ENOENT) : List.of());
        }
    }

    @Test
    void nothingIsNamedByAPathBeforeTheRootIsTheSandboxs() {
        List<Op> operations = list(true, true).operations();
        int chroot = fakes.text(list(true, true)).indexOf("chroot(.)");
        assertThat(operations.subList(0, chroot))
                .noneMatch(op -> op.call() == SystemCall.MOUNT || op.call() == SystemCall.OPENAT);
    }

    @Test
    void theFirstProcessKeepsNoCapability() {
        Op capset = list(true, true).operations().stream()
                .filter(op -> op.call() == SystemCall.CAPSET)
                .findFirst()
                .orElseThrow();
        assertThat(((Arg.Bytes) capset.arguments().get(1)).value()).containsOnly(0);
    }

    @Test
    void theListOwnsNoneOfItsDescriptors() {
        Fd fd = fakes.fd("another");
        list(true, true);
        assertThat(fd.isOpen()).isTrue();
        assertThat(fakes.kernel().runs()).allMatch(run -> run.size() == 1);
    }
}
