package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Landlock;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SystemCall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class CreationListTest {
    private static final List<String> JOINING = List.of(
            "sched_setscheduler(ordinary scheduling)",
            "write(tasks) <memory tasks>",
            "write(tasks) <cpu tasks>",
            "unshare(cgroup)");

    private static final List<String> NETWORK = List.of("setns(network) <network>");

    private static final List<String> LEAVING_THE_HOST = """
        fsopen(mqueue)
        fsconfig(create)
        fsmount(mqueue)
        fsopen(proc)
        fsconfig(create)
        fsmount(proc)
        fsopen(sysfs)
        fsconfig(create)
        fsmount(sysfs)
        setns(mount) <empty mounts>
        unshare(mount)
        sethostname(box)
        """.lines().toList();

    private static final List<String> MOUNTING = """
        move_mount(/) <root>
        fchdir(root) <root>
        chroot(.)
        move_mount(dev) <devices> <root>
        move_mount(pts) <terminals> <devices>
        move_mount(shm) <shared memory> <devices>
        move_mount(mqueue) <devices>
        move_mount(proc) <root>
        move_mount(sys) <root>
        move_mount(usr) <usr> <root>
        move_mount(tmp) <tmp> <root>
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
        move_mount(/data) <data> <place>
        """.lines().toList();

    private static final int STUB_ID = 0x7000_ffff;

    /** Of the capabilities up to 3, all but one are kept. */
    private static final int LAST_CAPABILITY = 3;

    private static final List<String> UNPRIVILEGED = List.of(
            "prctl(keep capabilities)",
            "setresgid(" + STUB_ID + ")",
            "setresuid(" + STUB_ID + ")",
            "setns(user) <user>");

    private static final List<Integer> KEPT = List.of(0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31);

    private static final List<String> BECOMING = """
        prctl(no new privileges)
        landlock_restrict_self <ruleset>
        dup3(to 0) <connection>
        dup3(to 1) <nothing>
        dup3(to 2) <nothing>
        close_range(from 3)
        execveat(cay-init) <stub>
        """.lines().toList();

    private final Fakes fakes = new Fakes();

    private OpList list(boolean user, boolean network) {
        return CreationList.of(parts(user, network, List.of(), Optional.empty(), Optional.empty()));
    }

    private CreationList.Parts parts(
            boolean user,
            boolean network,
            List<Fd> held,
            Optional<Tenancy.Detachment> detachment,
            Optional<OomWatch> memory) {
        return new CreationList.Parts(
                "box",
                fakes.rootfs("usr", "tmp"),
                new Mounts(List.of(new Mounts.Attachment("/data", fakes.fd("data"), fakes.fd("place")))),
                fakes.fd("empty"),
                new OwnedNamespaces(
                        user ? Optional.of(fakes.fd("user")) : Optional.empty(),
                        network ? Optional.of(fakes.fd("network")) : Optional.empty()),
                new Cgroup.Entrance(
                        Optional.empty(),
                        Optional.of(fakes.fd("group")),
                        List.of(fakes.fd("memory tasks"), fakes.fd("cpu tasks"))),
                new Nursery(fakes.fd("empty mounts"), fakes.fd("stub"), fakes.fd("nothing")),
                STUB_ID,
                true,
                true,
                new CreationList.Inherited(
                        List.of(Processes.unblockSignals()), // stands for those that take an ignored signal back
                        Privileges.bounds(LAST_CAPABILITY, user),
                        Optional.of(Landlock.restrictSelf(fakes.fd("ruleset")))),
                new Nursery.Endowment(fakes.fd("connection"), held, detachment, memory));
    }

    private static List<String> renouncing(boolean user) {
        List<String> lines = new ArrayList<>(List.of("umask", "rt_sigprocmask", "setgroups"));
        lines.addAll(user ? UNPRIVILEGED : List.of());
        lines.addAll(List.of("prctl(drop capability 2)", "keyctl(new session keyring)", "capset"));
        int mknod = 27;
        KEPT.stream()
                .filter(capability -> user || capability != mknod)
                .forEach(capability -> lines.add("prctl(ambient capability " + capability + ")"));
        lines.addAll(BECOMING);
        return lines;
    }

    private static List<String> lines(List<List<String>> parts) {
        return parts.stream().flatMap(List::stream).toList();
    }

    @Test
    void theFirstProcessMountsAsTheHostsRootAndThenRenouncesEverything() {
        assertThat(fakes.text(list(true, true)))
                .isEqualTo(lines(List.of(JOINING, NETWORK, LEAVING_THE_HOST, MOUNTING, renouncing(true))));
    }

    @Test
    void withoutAUserNamespaceItStaysRootWithoutTheRightToMakeDevices() {
        assertThat(fakes.text(list(false, true)))
                .isEqualTo(lines(List.of(JOINING, NETWORK, LEAVING_THE_HOST, MOUNTING, renouncing(false))));
    }

    @Test
    void onTheHostsNetworkNoOtherIsEntered() {
        assertThat(fakes.text(list(true, false)))
                .isEqualTo(lines(List.of(JOINING, LEAVING_THE_HOST, MOUNTING, renouncing(true))));
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
            List<Errno> others = switch (operation.call()) {
                case KEYCTL -> List.of(Errno.ENOSYS);
                case SCHED_SETSCHEDULER -> List.of(Errno.EPERM); // who is idle may have no right to more
                default -> List.of();
            };
            assertThat(operation.tolerated())
                    .as(operation.toString())
                    .isEqualTo(covers ? List.of(Errno.ENOENT) : others);
        }
    }

    @Test
    void nothingIsNamedByAPathBeforeTheRootIsTheSandboxs() {
        List<Op> operations = list(true, true).operations();
        int chroot = fakes.text(list(true, true)).indexOf("chroot(.)");
        assertThat(operations.subList(0, chroot))
                .noneMatch(op -> op.call() == SystemCall.MOUNT || op.call() == SystemCall.OPENAT);
    }

    /** Effective, permitted and inheritable alike: what is ambient has to be all of them. */
    @Test
    void theFirstProcessKeepsWhatTheSandboxsRootHas() {
        assertThat(capabilities(true)).containsExactly(0xa80425fb, 0xa80425fb, 0xa80425fb, 0, 0, 0);
        assertThat(capabilities(false)).containsExactly(0xa00425fb, 0xa00425fb, 0xa00425fb, 0, 0, 0);
    }

    private int[] capabilities(boolean user) {
        Op capset = list(user, true).operations().stream()
                .filter(op -> op.call() == SystemCall.CAPSET)
                .findFirst()
                .orElseThrow();
        ByteBuffer data =
                ByteBuffer.wrap(((Arg.Bytes) capset.arguments().get(1)).value()).order(ByteOrder.LITTLE_ENDIAN);
        int[] words = new int[6];
        data.asIntBuffer().get(words);
        return words;
    }

    @Test
    void theBoundingSetKeepsWhatRootKeeps() {
        for (boolean user : new boolean[] {true, false}) {
            List<String> dropped =
                    Privileges.bounds(40, user).stream().map(Op::operands).toList();
            for (int capability = 0; capability <= 40; capability++) {
                boolean isKept = KEPT.contains(capability) && (user || capability != 27);
                assertThat(dropped.contains("drop capability " + capability))
                        .as("capability " + capability)
                        .isNotEqualTo(isKept);
            }
        }
    }

    @Test
    void aDetachedOneHasAListenerASessionOfItsOwnAndWhatItHolds() {
        List<String> attached = fakes.text(list(true, true));
        List<String> detached = fakes.text(CreationList.of(
                parts(true, true, List.of(fakes.fd("volume lock")), Optional.of(detachment()), Optional.empty())));

        assertThat(detached.subList(0, attached.size() - 5)).isEqualTo(attached.subList(0, attached.size() - 5));
        assertThat(detached.subList(attached.size() - 5, detached.size()))
                .containsExactlyElementsOf("""
                    setsid
                    dup3(to 0) <connection>
                    dup3(to 1) <listener>
                    dup3(to 2) <messages>
                    close_range(from 3)
                    fcntl(keep open) <volume lock>
                    execveat(cay-init) <stub>
                    """.lines().toList());
    }

    private Tenancy.Detachment detachment() {
        return new Tenancy.Detachment(fakes.fd("listener"), fakes.fd("messages"), Optional.empty());
    }

    /** Whatever numbers they have here: copies out of the way of the numbers that are given. */
    @Test
    void oneThatWatchesItsMemoryHasItAtItsPlace() {
        Fd event = fakes.fd("shortage");
        OomWatch watch = new OomWatch(Poll.Interest.reading(event), List.of(event, fakes.fd("victims")));
        OpList list = CreationList.of(
                parts(true, true, List.of(fakes.fd("volume lock")), Optional.of(detachment()), Optional.of(watch)));
        List<String> text = fakes.text(list);

        assertThat(text.subList(text.indexOf("setsid") + 1, text.size()))
                .containsExactlyElementsOf("""
                    fcntl(copy from 16) <stub>
                    fcntl(copy from 16) <shortage>
                    fcntl(copy from 16) <victims>
                    fcntl(copy from 16) <volume lock>
                    dup3(to 0) <connection>
                    dup3(to 1) <listener>
                    dup3(to 2) <messages>
                    dup3(to 3)
                    dup3(to 4)
                    close_range(from 5)
                    fcntl(keep open)
                    execveat(cay-init)
                    """.lines().toList());
        assertThat(mode(list)).isEqualTo("memory");
    }

    @Test
    void theProgramIsToldWhetherItEndsWithItsConnection() {
        assertThat(mode(list(true, true))).isEqualTo("attached");
        assertThat(mode(CreationList.of(parts(true, true, List.of(), Optional.of(detachment()), Optional.empty()))))
                .isEqualTo("detached");
    }

    private static String mode(OpList list) {
        Arg.Struct arguments =
                (Arg.Struct) list.operations().getLast().arguments().get(2);
        byte[] mode = arguments.pointers().getLast().target();
        return new String(mode, 0, mode.length - 1, StandardCharsets.US_ASCII);
    }

    /** All executions inherit them; the change of user comes first, so that nobody of the host is what gets them. */
    @Test
    void whatAllExecutionsInheritIsPutOnByTheUserThatTheyComeFrom() {
        List<String> lines = fakes.text(list(true, true));
        assertThat(List.of(
                        lines.indexOf("setresuid(" + STUB_ID + ")"),
                        lines.indexOf("setns(user) <user>"),
                        lines.indexOf("prctl(drop capability 2)"),
                        lines.indexOf("capset"),
                        lines.indexOf("prctl(no new privileges)"),
                        lines.indexOf("landlock_restrict_self <ruleset>"),
                        lines.indexOf("execveat(cay-init) <stub>")))
                .doesNotContain(-1)
                .isSorted();
    }

    @Test
    void theListOwnsNoneOfItsDescriptors() {
        Fd fd = fakes.fd("another");
        list(true, true);
        assertThat(fd.isOpen()).isTrue();
        assertThat(fakes.kernel().runs()).allMatch(run -> run.size() == 1);
    }
}
