package dev.cay.engine.microvm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.cay.Furnishing;
import dev.cay.Size;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.microvm.GuestMount.Options;
import dev.cay.linux.Arg;
import dev.cay.linux.Op;
import dev.cay.linux.SystemCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class GuestPlanTest {
    private static final GuestSpec.Root OVERLAY =
            new GuestSpec.Root.Overlay(List.of("layer0", "layer1"), new GuestSpec.Upper.Memory(Size.mib(64)));

    private static final GuestDisks.Found DISKS = new GuestDisks.Found(
            Map.of("layer0", "vda", "layer1", "vdb", "data", "vdc"), List.of("ext4", "erofs"), "", Set.of());

    private static final GuestTrust TRUST = new GuestTrust(List.of());
    private static final GuestStep.Conversation NOBODY = _ -> {};

    private static GuestSpec spec(GuestSpec.Root root, boolean readOnly, GuestMount... mounts) {
        return new GuestSpec(
                root,
                readOnly,
                List.of(),
                "guest",
                GuestSpec.HOST_ALIAS,
                new GuestAddressing.Port(List.of("10.0.0.1", "fd00::1")),
                List.of("/made/here"),
                List.of(mounts),
                OptionalInt.of(100),
                new Furnishing(List.of(), Map.of("hello", "#!/bin/sh\n"), Optional.empty()));
    }

    private static GuestMount tmpfs(String path) {
        return new GuestMount.Tmpfs(path, Optional.of(Size.mib(1)), OptionalInt.empty(), Options.ALL);
    }

    private static List<String> names(List<GuestStep> steps) {
        return steps.stream().map(GuestStep::name).toList();
    }

    private static List<Op> calls(List<GuestStep> steps, String name) {
        return steps.stream()
                .filter(step -> step.name().equals(name))
                .map(GuestStep.Calls.class::cast)
                .findFirst()
                .orElseThrow()
                .calls()
                .operations();
    }

    private static String written(List<Op> calls, String file) {
        Op write = calls.stream()
                .filter(call ->
                        call.call() == SystemCall.WRITE && call.operands().equals(file))
                .findFirst()
                .orElseThrow();
        return new String(((Arg.Bytes) write.arguments().get(1)).value(), UTF_8);
    }

    private static List<String> data(List<Op> calls) {
        List<String> data = new ArrayList<>();
        for (Op call : calls) {
            if (call.call() == SystemCall.MOUNT && call.arguments().get(4) instanceof Arg.Bytes(byte[] text)) {
                data.add(call.operands() + " " + new String(text, 0, text.length - 1, UTF_8));
            }
        }
        return data;
    }

    @Test
    void theStepsAreTheseAndInThisOrder() {
        GuestSpec spec = spec(OVERLAY, true, tmpfs("/mnt"));
        assertThat(names(GuestPlan.first(spec, false))).containsExactly("limits", "process table");
        List<GuestStep> steps = GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY);
        assertThat(names(steps))
                .containsExactly(
                        "root",
                        "essential mounts",
                        "writable directories",
                        "mounts",
                        "scratch directories",
                        "names",
                        "accounts",
                        "loopback",
                        "scripts",
                        "run directory",
                        "message queues",
                        "control groups",
                        "process limit",
                        "seal");
        assertThat(steps.stream().filter(step -> !step.required()).map(GuestStep::name))
                .containsExactly("accounts", "message queues", "control groups");
        assertThat(names(GuestPlan.rest(spec(new GuestSpec.Root.Initramfs(), false), DISKS, TRUST, false, NOBODY)))
                .doesNotContain("root", "seal");
    }

    @Test
    void whatIsLaidIsNotDoneAgain() {
        GuestSpec spec = spec(OVERLAY, true, tmpfs("/mnt"));
        assertThat(names(GuestPlan.first(spec, true))).containsExactly("limits");
        List<String> others = new ArrayList<>(names(GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY)));
        assertThat(others.remove("loopback")).isTrue();
        List<GuestStep> steps = GuestPlan.rest(spec, DISKS, TRUST, true, NOBODY);
        assertThat(names(steps)).isEqualTo(others);
        assertThat(calls(steps, "essential mounts")).noneMatch(call -> call.call() == SystemCall.MOUNT);
        assertThat(calls(steps, "root").stream()
                        .filter(call -> call.call() == SystemCall.MOUNT)
                        .map(Op::operands)
                        .skip(4)) // the layers, the changes, the overlay
                .containsExactly("/cay/laid/proc -> /proc", "/cay/laid/sys -> /sys", "/cay/laid/dev -> /dev", "/");
    }

    private static GuestMount share(String name, String path, boolean directory, Options options) {
        return new GuestMount.Share(name, path, directory, options, new GuestUser(1234, 77));
    }

    @Test
    void sharesAreTakenOutOfWhereAllOfThemAre() {
        GuestSpec spec = spec(
                OVERLAY,
                false,
                share("1", "/etc/one", false, new Options(true, false)),
                share("0", "/work", true, Options.ALL),
                tmpfs("/work/made/memory"));
        List<String> calls = calls(GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY), "mounts").stream()
                .map(Op::toString)
                .toList();
        assertThat(calls)
                .containsSubsequence(
                        "mount(virtiofs -> /dev/.shares)",
                        "open_tree(/dev/.shares/0)",
                        "mount_setattr(/work)",
                        "move_mount(/work)",
                        "open_tree(/dev/.shares/1)",
                        "mount_setattr(/etc/one)",
                        "move_mount(/etc/one)",
                        "setfsuid(1234)",
                        "mkdirat(memory)",
                        "setfsuid(0)",
                        "mount(tmpfs -> /work/made/memory)",
                        "umount2(.shares)");
        assertThat(calls.stream().filter(call -> call.equals("setfsuid(1234)"))).hasSize(1);
        assertThat(spec.maker("/work")).isEqualTo(GuestUser.ROOT);
        assertThat(spec.maker("/work/x")).isEqualTo(new GuestUser(1234, 77));
        assertThat(spec.maker("/work/made/memory/x")).isEqualTo(GuestUser.ROOT);
        assertThat(spec.keepsChanges()).isTrue();
    }

    /** The first process would wait there for an answer that it has to bring itself. */
    @Test
    void whereSharesAreRelayedTheFirstProcessTouchesNone() {
        GuestSpec spec = spec(OVERLAY, false, share("0", "/work", true, Options.ALL));
        List<GuestStep> steps = GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY, Optional.of(NOBODY));
        List<String> names = names(steps);
        assertThat(names).containsSubsequence("essential mounts", "relay", "mounts", "names");
        assertThat(steps.subList(names.indexOf("relay"), steps.size())).hasOnlyElementsOfType(GuestStep.Talk.class);
        assertThat(names(GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY)))
                .isEqualTo(names.stream().filter(name -> !name.equals("relay")).toList());
    }

    @Test
    void nothingIsMountedBelowAFile() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> spec(OVERLAY, false, share("0", "/x", false, Options.ALL), tmpfs("/x/y")))
                .withMessageContaining("below a file");
        assertThatIllegalArgumentException().isThrownBy(() -> share("../x", "/x", true, Options.ALL));
    }

    @Test
    void theNamesAreToTheLetter() {
        List<Op> calls = calls(GuestPlan.rest(spec(OVERLAY, false), DISKS, TRUST, false, NOBODY), "names");
        assertThat(written(calls, "resolv.conf")).isEqualTo("nameserver 10.0.0.1\n");
        assertThat(written(calls, "hosts")).isEqualTo("""
            127.0.0.1\tlocalhost guest
            ::1\tlocalhost ip6-localhost ip6-loopback guest
            10.0.0.1\thost.cay.internal
            fd00::1\thost.cay.internal
            fe00::\tip6-localnet
            ff00::\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters
            """);
        assertThat(written(calls, "hostname")).isEqualTo("guest\n");
        assertThat(calls.stream().map(Op::toString)).contains("sethostname(guest)", "fsync(hosts)", "renameat2(hosts)");
    }

    /** Else a name would be written into a directory of the host's. */
    @Test
    void whatIsMountedIsNotReplacedByNames() {
        GuestSpec one = spec(OVERLAY, false, share("0", "/etc/hosts", false, Options.ALL));
        List<GuestStep> steps = GuestPlan.rest(one, DISKS, TRUST, false, NOBODY);
        assertThat(calls(steps, "names").stream().map(Op::toString))
                .contains("renameat2(hostname)", "renameat2(resolv.conf)")
                .doesNotContain("renameat2(hosts)");
        GuestSpec all = spec(OVERLAY, false, share("0", "/etc", true, Options.ALL));
        steps = GuestPlan.rest(all, DISKS, TRUST, false, NOBODY);
        assertThat(calls(steps, "names").stream().map(Op::toString))
                .contains("sethostname(guest)")
                .noneMatch(call -> call.startsWith("renameat2"));
        assertThat(names(steps)).doesNotContain("accounts");
    }

    @Test
    void aDiskIsTriedWithAllThatTheKernelKnowsAndThenLookedAt() {
        GuestMount disk = new GuestMount.Disk("data", "/srv/data", Optional.empty(), new Options(true, false));
        List<Op> calls = calls(GuestPlan.rest(spec(OVERLAY, false, disk), DISKS, TRUST, false, NOBODY), "mounts");
        assertThat(calls.stream()
                        .filter(call -> call.call() == SystemCall.MOUNT)
                        .map(Op::operands))
                .containsExactly(
                        "devtmpfs -> /dev/.disks",
                        "ext4 -> /srv/data",
                        "erofs -> /srv/data",
                        "/dev/.disks/vdc -> /srv/data");
        assertThat(data(calls)).containsExactly("ext4 -> /srv/data noload");
        assertThat(GuestDisks.types("nodev\tsysfs\n\text4\nnodev\ttmpfs\n\terofs\n"))
                .containsExactly("ext4", "erofs");
    }

    /** A disk that is only read has memory over it while it is made the root, and is sealed then. */
    @Test
    void aDiskIsTheRoot() {
        GuestSpec read = spec(new GuestSpec.Root.Disk("data", Optional.empty(), true), false);
        List<GuestStep> steps = GuestPlan.rest(read, DISKS, TRUST, false, NOBODY);
        assertThat(names(steps))
                .startsWith("root", "essential mounts", "writable directories")
                .endsWith("seal");
        assertThat(calls(steps, "root").stream()
                        .filter(call -> call.call() == SystemCall.MOUNT)
                        .map(Op::operands))
                .containsExactly(
                        "ext4 -> /cay/disk",
                        "erofs -> /cay/disk",
                        "/dev/vdc -> /cay/disk",
                        "tmpfs -> /cay/changes",
                        "overlay -> /cay/root",
                        "/");
        assertThat(data(calls(steps, "root"))).first().isEqualTo("ext4 -> /cay/disk noload");
        assertThat(data(calls(steps, "writable directories")))
                .extracting(one -> one.replaceAll("size=.*", ""))
                .containsExactly("tmpfs -> /run mode=0755,", "tmpfs -> /var mode=0755,", "tmpfs -> /tmp mode=1777,");
        GuestSpec written = spec(new GuestSpec.Root.Disk("data", Optional.of("ext4"), false), false);
        List<GuestStep> others = GuestPlan.rest(written, DISKS, TRUST, false, NOBODY);
        assertThat(names(others)).doesNotContain("writable directories", "seal");
        assertThat(calls(others, "root").stream()
                        .filter(call -> call.call() == SystemCall.MOUNT)
                        .map(Op::operands))
                .containsExactly("ext4 -> /cay/root", "/dev/vdc -> /cay/root", "/");
    }

    @Test
    void mountsAreMadeParentsFirstWhateverTheirKind() {
        GuestMount disk = new GuestMount.Disk("data", "/b", Optional.of("ext4"), Options.ALL);
        GuestSpec spec = spec(OVERLAY, false, tmpfs("/a/b/c"), tmpfs("/tmp"), tmpfs("/a/b"), disk);
        assertThat(spec.mounts()).extracting(GuestMount::path).containsExactly("/b", "/tmp", "/a/b", "/a/b/c");
        assertThat(data(calls(GuestPlan.rest(spec, DISKS, TRUST, false, NOBODY), "mounts")))
                .containsExactly(
                        "tmpfs -> /tmp mode=1777,size=1048576",
                        "tmpfs -> /a/b mode=755,size=1048576",
                        "tmpfs -> /a/b/c mode=755,size=1048576");
    }

    /** Once the image is the root nothing is named by a path that its symlinks could lead anywhere. */
    @Test
    void noPathOfTheImageIsFollowed() {
        List<GuestStep> steps = GuestPlan.rest(spec(OVERLAY, false, tmpfs("/mnt")), DISKS, TRUST, false, NOBODY);
        for (GuestStep step : steps.subList(1, steps.size())) {
            if (step instanceof GuestStep.Talk) {
                continue;
            }
            for (Op call : calls(steps, step.name())) {
                boolean byPath = List.of(SystemCall.OPENAT, SystemCall.MKDIRAT, SystemCall.MOUNT, SystemCall.FCHMODAT)
                        .contains(call.call());
                String path = call.call() == SystemCall.MOUNT
                        ? text(call.arguments().get(1))
                        : byPath ? text(call.arguments().get(1)) : "";
                assertThat(path)
                        .as("%s of %s", call, step.name())
                        .matches(text -> !text.startsWith("/") || text.startsWith("/proc/"));
            }
        }
    }

    private static String text(Arg argument) {
        return argument instanceof Arg.Bytes(byte[] bytes) ? new String(bytes, 0, bytes.length - 1, UTF_8) : "";
    }

    @Test
    void whatNoGuestCanBeIsRefused() {
        for (String path : List.of("/", "relative", "/a/../b", "/a//b", "/a/", "/a/./b", "/nul\0")) {
            assertThatIllegalArgumentException().as(path).isThrownBy(() -> tmpfs(path));
        }
        assertThatIllegalArgumentException().isThrownBy(() -> spec(OVERLAY, false, tmpfs("/a"), tmpfs("/a")));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GuestMount.Disk("UPPER", "/a", Optional.empty(), Options.ALL));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GuestMount.Disk("data", "/a", Optional.of("ext4,loop"), Options.ALL));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GuestSpec.Root.Overlay(List.of(), new GuestSpec.Upper.Memory(Size.mib(1))));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        new GuestSpec.Root.Overlay(List.of("one", "one"), new GuestSpec.Upper.Memory(Size.mib(1))));
        assertThatIllegalArgumentException().isThrownBy(() -> named("x".repeat(65)));
        assertThatIllegalArgumentException().isThrownBy(() -> named("two\nlines"));
    }

    private static GuestSpec named(String hostname) {
        return new GuestSpec(
                OVERLAY,
                false,
                List.of(),
                hostname,
                GuestSpec.HOST_ALIAS,
                new GuestAddressing.CommandLine(),
                List.of(),
                List.of(),
                OptionalInt.empty(),
                Furnishing.none());
    }

    @Test
    void limitsAreThoseOfLinux() {
        for (ProcessLimit.Resource resource : ProcessLimit.Resource.values()) {
            assertThat(ProcessLimit.Resource.of(resource.text())).isEqualTo(resource);
        }
        assertThat(ProcessLimit.Resource.values()).hasSize(16);
        assertThat(ProcessLimit.Resource.NOFILE.ordinal()).isEqualTo(7);
        assertThat(ProcessLimit.Resource.RTTIME.ordinal()).isEqualTo(15);
        assertThatIllegalArgumentException().isThrownBy(() -> ProcessLimit.Resource.of("files"));
        ProcessLimit.Resource files = ProcessLimit.Resource.NOFILE;
        assertThat(new ProcessLimit(files, 5, ProcessLimit.UNLIMITED).hard()).isEqualTo(-1);
        assertThatIllegalArgumentException().isThrownBy(() -> new ProcessLimit(files, 6, 5));
        assertThatIllegalArgumentException().isThrownBy(() -> new ProcessLimit(files, ProcessLimit.UNLIMITED, 5));
        assertThatIllegalArgumentException().isThrownBy(() -> new ProcessLimit(files, -2, 5));
    }
}
