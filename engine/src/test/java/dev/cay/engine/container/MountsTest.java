package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Mount;
import dev.cay.Size;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OwnedNamespaces;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MountsTest {
    private static final int FIRST = 0x7003_0000;
    private static final String ID = "0123456789ab";
    private static final Path DATA = Path.of("/var/lib/cay/volumes/v/data");

    private final RecordingKernel kernel = new RecordingKernel();
    private final List<OwnedNamespaces.Maps> maps = new ArrayList<>();
    private final List<String> users = new ArrayList<>();
    private Rootfs rootfs;
    private Fd user;

    @TempDir
    private Path temporary;

    private Path source;

    private final VolumeSource volumes = new VolumeSource() {
        @Override
        public Place use(String volume, String sandbox) {
            users.add(volume + " " + sandbox);
            return new Place(DATA, Optional.empty());
        }

        @Override
        public void release(String volume, String sandbox) {
            users.remove(volume + " " + sandbox);
        }
    };

    @BeforeEach
    void makeRoot() throws IOException {
        source = temporary.toRealPath();
        rootfs = new Rootfs(fd(), List.of(), fd(), fd(), fd(), List.of());
        user = fd();
        ByteBuffer status = ByteBuffer.allocate(FileStatus.SIZE).order(ByteOrder.nativeOrder());
        status.putInt(20, 1000).putInt(24, 1001).putShort(28, (short) (FileStatus.S_IFDIR | 0755));
        kernel.fill(SystemCall.STATX, status.array());
    }

    private Fd fd() throws SyscallException {
        Op open = FileOps.open("x", FileOps.O_PATH);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private Mounts create(boolean namespace, Cleanup undo, Mount... mounts) throws IOException {
        Accounts.Identity identity = new Accounts.Identity(33, 34, List.of(34), "/");
        Mounts.Plan plan = new Mounts.Plan(
                ID, List.of(mounts), rootfs, FIRST, namespace ? Optional.of(user) : Optional.empty(), identity);
        return Mounts.create(
                kernel,
                wanted -> {
                    maps.add(wanted);
                    return fd();
                },
                volumes,
                plan,
                undo);
    }

    /** The calls that make a mount, without those that look for its place. */
    private List<String> lines(boolean namespace, Mount mount) throws IOException {
        int before = kernel.runs().size();
        try (Cleanup undo = new Cleanup();
                Mounts mounts = create(namespace, undo, mount)) {
            assertThat(mounts.attachments()).hasSize(1);
        }
        return kernel.runs().subList(before, kernel.runs().size()).stream()
                .flatMap(list -> list.operations().stream())
                .takeWhile(op -> !op.toString().equals("statx"))
                .map(Op::toString)
                .toList();
    }

    private long attributes(Mount mount, SystemCall call) throws IOException {
        int before = kernel.runs().size();
        try (Cleanup undo = new Cleanup()) {
            create(true, undo, mount).close();
        }
        Op found = kernel.runs().subList(before, kernel.runs().size()).stream()
                .flatMap(list -> list.operations().stream())
                .filter(op -> op.call() == call)
                .findFirst()
                .orElseThrow();
        byte[] struct = ((Arg.Bytes) found.arguments().get(3)).value();
        ByteBuffer buffer = ByteBuffer.wrap(struct).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(buffer.getLong(16)).isEqualTo(dev.cay.linux.Mount.MS_PRIVATE);
        assertThat(((Arg.Number) found.arguments().get(2)).value())
                .as("AT_RECURSIVE | AT_EMPTY_PATH")
                .isEqualTo(0x9000);
        return buffer.getLong(0);
    }

    @Test
    void aTmpfsBelongsToTheSandboxsRoot() throws IOException {
        assertThat(lines(true, new Mount.Tmpfs("/scratch", Size.mib(2), 0750)))
                .containsExactly(
                        "fsopen(tmpfs)",
                        "fsconfig(size=2m)",
                        "fsconfig(nr_inodes=2048)",
                        "fsconfig(mode=750)",
                        "fsconfig(uid=" + FIRST + ")",
                        "fsconfig(gid=" + FIRST + ")",
                        "fsconfig(create)",
                        "fsmount(tmpfs)",
                        "close");
    }

    @Test
    void aVolumeIsShiftedAsTheSandboxIs() throws IOException {
        assertThat(lines(true, Mount.volume("v", "/data")))
                .containsExactly(
                        "openat2(" + DATA + ")",
                        "open_tree(" + DATA + ")",
                        "close",
                        "mount_setattr(v)",
                        "mount_setattr(v)");
        assertThat(lines(false, Mount.volume("v", "/data")))
                .containsExactly("openat2(" + DATA + ")", "open_tree(" + DATA + ")", "close", "mount_setattr(v)");
        assertThat(maps).isEmpty();
        assertThat(users).isEmpty();
    }

    @Test
    void aBindIsClonedAndConfinedAndThenShifted() throws IOException {
        int before = kernel.runs().size();
        try (Cleanup undo = new Cleanup()) {
            create(true, undo, Mount.bindReadOnly(source, "/a"), Mount.bind(source, "/b"))
                    .close();
        }
        assertThat(kernel.runs().get(before).operations().stream().map(Op::toString))
                .containsExactly(
                        "openat2(" + source + ")",
                        "statx",
                        "open_tree(" + source + ")",
                        "close",
                        "mount_setattr(" + source + ")");
        assertThat(maps)
                .as("one user namespace for both")
                .containsExactly(new OwnedNamespaces.Maps(
                        IdExchange.extents(FIRST, IdRanges.MAPPED_IDS, 1000, 33),
                        IdExchange.extents(FIRST, IdRanges.MAPPED_IDS, 1001, 34)));
    }

    @Test
    void whatABindMayDoIsPutOnTheWholeTree() throws IOException {
        long always = dev.cay.linux.Mount.ATTR_NOSUID | dev.cay.linux.Mount.ATTR_NODEV;
        assertThat(attributes(Mount.bind(source, "/a"), SystemCall.MOUNT_SETATTR))
                .isEqualTo(always);
        assertThat(attributes(Mount.bindReadOnly(source, "/a"), SystemCall.MOUNT_SETATTR))
                .isEqualTo(always | dev.cay.linux.Mount.ATTR_RDONLY);
        assertThat(attributes(new Mount.Bind(source, "/a", false, false, false), SystemCall.MOUNT_SETATTR))
                .isEqualTo(always | dev.cay.linux.Mount.ATTR_NOEXEC);
        assertThat(attributes(new Mount.Named("v", "/a", true), SystemCall.MOUNT_SETATTR))
                .isEqualTo(always | dev.cay.linux.Mount.ATTR_RDONLY);
    }

    @Test
    void outerMountsComeFirstAndAreAttachedByDescriptor() throws IOException {
        try (Cleanup undo = new Cleanup();
                Mounts mounts = create(
                        true,
                        undo,
                        Mount.tmpfs("/a/b//./c", Size.mib(1)),
                        Mount.tmpfs("/long-but-shallow", Size.mib(1)),
                        Mount.tmpfs("/a/b/", Size.mib(1)))) {
            assertThat(mounts.attachments().stream().map(Mounts.Attachment::path))
                    .containsExactly("/long-but-shallow", "/a/b", "/a/b/c");
            assertThat(mounts.attach())
                    .hasSize(3)
                    .allSatisfy(op -> assertThat(op.arguments().get(2)).isInstanceOf(Arg.Descriptor.class))
                    .allSatisfy(op -> assertThat(((Arg.Bytes) op.arguments().get(3)).value())
                            .containsExactly(0));
        }
    }

    @Test
    void whateverStepFailsNothingIsLeftOpenAndNoVolumeIsUsed() throws IOException {
        Mount[] mounts = {
            Mount.bind(source, "/a"),
            Mount.tmpfs("/a/t", Size.mib(1)),
            Mount.volume("v", "/v"),
            Mount.bind(source, "/a/t/b")
        };
        int operations = kernel.operations();
        try (Cleanup undo = new Cleanup()) {
            create(true, undo, mounts).close();
        }
        int steps = kernel.operations() - operations;
        int before = kernel.openDescriptors();
        int failures = 0;
        for (int step = 0; step < steps; step++) {
            kernel.fail(kernel.operations() + step, Errno.EIO);
            try (Cleanup undo = new Cleanup()) {
                assertThatThrownBy(() -> create(true, undo, mounts)).hasMessageContaining("EIO");
                failures++;
            }
            assertThat(kernel.openDescriptors()).as("step " + step).isEqualTo(before);
            assertThat(users).isEmpty();
        }
        assertThat(failures).isEqualTo(steps).isGreaterThan(40);
    }
}
