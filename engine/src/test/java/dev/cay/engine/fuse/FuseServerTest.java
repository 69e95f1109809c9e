package dev.cay.engine.fuse;

import static dev.cay.engine.fuse.FakeGuest.ROOT;
import static dev.cay.engine.fuse.FakeGuest.large;
import static dev.cay.engine.fuse.FakeGuest.numbers;
import static dev.cay.engine.fuse.FakeGuest.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of a directory, asked for as a guest's kernel asks. */
final class FuseServerTest {
    private static final int O_RDWR = 2;
    private static final int O_APPEND = 02000;
    private static final int O_TRUNC = 01000;
    private static final int REGULAR = 0100000;

    /** Of an attribute in the answers that have it behind a header of 40 or 16 bytes: {@code struct fuse_attr}. */
    private static final int SIZE = 8;

    private static final int MODE = 60;
    private static final int LINKS = 64;

    @TempDir
    private Path directory;

    private Path shared;
    private FakeGuest guest;

    @BeforeEach
    void open() throws Exception {
        shared = Files.createDirectory(directory.resolve("shared"));
        guest = FakeGuest.greeted(shared);
    }

    @AfterEach
    void close() {
        guest.close();
    }

    private ByteBuffer create(long parent, String name, int flags, int mode) throws Exception {
        return guest.ok(Operation.CREATE, parent, numbers(flags, REGULAR | mode, 0, 0), text(name));
    }

    private long makeDirectory(long parent, String name) throws Exception {
        return guest.ok(Operation.MKDIR, parent, numbers(0755, 0), text(name)).getLong(0);
    }

    private ByteBuffer attributes(long node) throws Exception {
        return guest.ok(Operation.GETATTR, node, new byte[16])
                .position(16)
                .slice()
                .order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] changes(int valid, long size, int mode) {
        ByteBuffer changes = ByteBuffer.allocate(88).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        return changes.putInt(0, valid).putLong(16, size).putInt(68, mode).array();
    }

    @Test
    void whatIsWrittenIsThere() throws Exception {
        ByteBuffer made = create(ROOT, "file", O_RDWR, 0640);
        long node = made.getLong(0);
        long handle = made.getLong(Tree.ENTRY_SIZE);
        assertThat(guest.write(node, handle, 0, "hello")).isEqualTo(5);
        assertThat(guest.write(node, handle, 7, "you")).isEqualTo(3);
        guest.ok(Operation.FSYNC, node, large(handle), new byte[8]);
        guest.ok(Operation.RELEASE, node, large(handle), new byte[16]);
        assertThat(shared.resolve("file")).hasContent("hello\0\0you");
        assertThat(Files.getPosixFilePermissions(shared.resolve("file")))
                .isEqualTo(PosixFilePermissions.fromString("rw-r-----"));
        assertThat(guest.read(node)).isEqualTo("hello\0\0you");
        assertThat(attributes(node).getLong(SIZE)).isEqualTo(10);
        guest.ok(Operation.SETATTR, node, changes(1 << 3, 4, 0));
        assertThat(guest.read(node)).isEqualTo("hell");
        guest.ok(Operation.RELEASE, node, large(guest.open(node, O_RDWR | O_TRUNC)), new byte[16]);
        assertThat(shared.resolve("file")).isEmptyFile();
    }

    @Test
    void whatIsAppendedGoesToTheEndThatThereIsNow() throws Exception {
        Files.writeString(shared.resolve("log"), "one ");
        long node = guest.find("log");
        long handle = guest.open(node, O_RDWR | O_APPEND);
        Files.writeString(shared.resolve("log"), "one two ");
        guest.write(node, handle, 4, "three");
        assertThat(shared.resolve("log")).hasContent("one two three");
    }

    @Test
    void namesComeGoAndChange() throws Exception {
        long d = makeDirectory(ROOT, "d");
        long file = create(d, "a", O_RDWR, 0644).getLong(0);
        guest.ok(Operation.RENAME, d, large(ROOT), text("a"), text("b"));
        assertThat(shared.resolve("b")).exists();
        assertThat(attributes(file).getInt(LINKS)).isEqualTo(1);
        guest.ok(Operation.LINK, d, large(file), text("c"));
        assertThat(attributes(file).getInt(LINKS)).isEqualTo(2);
        long e = makeDirectory(ROOT, "e");
        guest.ok(Operation.RENAME2, ROOT, large(ROOT), numbers(2, 0), text("e"), text("d"));
        assertThat(shared.resolve("e/c")).exists();
        assertThat(guest.list(d, false)).contains("c");
        assertThat(guest.list(e, false)).doesNotContain("c");
        assertThat(guest.refused(Operation.RENAME2, ROOT, large(ROOT), numbers(1, 0), text("e"), text("d")))
                .isEqualTo("EEXIST");
        assertThat(guest.refused(Operation.RMDIR, ROOT, text("e"))).isEqualTo("ENOTEMPTY");
        guest.ok(Operation.UNLINK, d, text("c"));
        guest.ok(Operation.RMDIR, ROOT, text("e"));
        assertThat(guest.refused(Operation.LOOKUP, ROOT, text("e"))).isEqualTo("ENOENT");
    }

    @Test
    void aListIsWholeHoweverLongItIs() throws Exception {
        List<String> names = new ArrayList<>(List.of(".", ".."));
        for (int i = 0; i < 700; i++) {
            String name = "n".repeat(i % 200 + 1) + i;
            Files.createFile(shared.resolve(name));
            names.add(name);
        }
        assertThat(guest.list(ROOT, false)).containsExactlyInAnyOrderElementsOf(names);
        assertThat(guest.list(ROOT, true)).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void whatHasLostItsNameIsThereWhileItIsOpen() throws Exception {
        ByteBuffer made = create(ROOT, "file", O_RDWR, 0644);
        long node = made.getLong(0);
        long handle = made.getLong(Tree.ENTRY_SIZE);
        guest.ok(Operation.UNLINK, ROOT, text("file"));
        guest.write(node, handle, 0, "abc");
        assertThat(attributes(node).getLong(SIZE)).isEqualTo(3);
        guest.ok(Operation.SETATTR, node, changes(1, 0, 0600));
        assertThat(attributes(node).getInt(MODE)).isEqualTo(REGULAR | 0600);
        guest.ok(Operation.RELEASE, node, large(handle), new byte[16]);
        assertThat(guest.refused(Operation.GETATTR, node, new byte[16])).isEqualTo("ENOENT");
    }

    /** Whoever may write on this machine puts something else under a name that the guest knows. */
    @Test
    void noLinkIsFollowed() throws Exception {
        Path secret = Files.createDirectory(directory.resolve("secret"));
        Files.writeString(secret.resolve("file"), "secret");
        Files.createSymbolicLink(shared.resolve("link"), secret);
        long link = guest.find("link");
        ByteBuffer target = guest.ok(Operation.READLINK, link);
        assertThat(StandardCharsets.UTF_8.decode(target).toString()).isEqualTo(secret.toString());
        assertThat(guest.refused(Operation.LOOKUP, link, text("file"))).isEqualTo("ENOTDIR");

        long d = makeDirectory(ROOT, "d");
        Files.writeString(shared.resolve("d/file"), "harmless");
        long file = guest.find("d/file");
        Files.move(shared.resolve("d"), directory.resolve("aside"));
        Files.createSymbolicLink(shared.resolve("d"), secret);
        guest.close();
        guest = FakeGuest.greeted(shared); // one that has nothing open yet
        assertThat(guest.refused(Operation.GETATTR, file, new byte[16])).isEqualTo("ESTALE");
        assertThat(guest.refused(Operation.OPENDIR, guest.find("d"), numbers(0, 0)))
                .isEqualTo("ENOTDIR");
        assertThat(guest.refused(Operation.MKDIR, guest.find("d"), numbers(0755, 0), text("x")))
                .isEqualTo("ENOTDIR");
        Files.delete(shared.resolve("d"));
        Files.createDirectory(shared.resolve("d"));
        Files.writeString(shared.resolve("d/file"), "harmless");
        file = guest.find("d/file");
        Files.delete(shared.resolve("d/file"));
        Files.createSymbolicLink(shared.resolve("d/file"), secret.resolve("file"));
        assertThat(guest.refused(Operation.OPEN, file, numbers(0, 0))).isEqualTo("ELOOP");
        assertThat(guest.refused(Operation.SETATTR, file, changes(1, 0, 0777))).isEqualTo("ELOOP");
        assertThat(secret.resolve("x")).doesNotExist();
        assertThat(d).isPositive();
    }

    @Test
    void anotherFileUnderTheNameIsNotTheOneThatWasMeant() throws Exception {
        Files.writeString(shared.resolve("a"), "a");
        Files.writeString(shared.resolve("b"), "b");
        long a = guest.find("a");
        Files.move(shared.resolve("b"), shared.resolve("a"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(guest.refused(Operation.OPEN, a, numbers(0, 0))).isEqualTo("ESTALE");
        assertThat(guest.read(guest.find("a"))).isEqualTo("b");
    }

    @Test
    void noDevicesAndNobodyElsesRights() throws Exception {
        byte[] device = numbers(0020666, 0x103, 0, 0);
        assertThat(guest.refused(Operation.MKNOD, ROOT, device, text("null"))).isEqualTo("EPERM");
        guest.ok(Operation.MKNOD, ROOT, numbers(0010600, 0, 0, 0), text("fifo"));
        long node = create(ROOT, "program", O_RDWR, 06755).getLong(0);
        assertThat(attributes(node).getInt(MODE)).isEqualTo(REGULAR | 0755);
        guest.ok(Operation.SETATTR, node, changes(1, 0, 06711));
        assertThat(attributes(node).getInt(MODE)).isEqualTo(REGULAR | 0711);
        assertThat(guest.refused(Operation.OPEN, guest.find("fifo"), numbers(0, 0)))
                .isEqualTo("EOPNOTSUPP");
    }

    @Test
    void whatTheGuestDoesNotKnowItDoesNotReach() throws Exception {
        for (long node : new long[] {0, 2, 77, -1, Long.MIN_VALUE}) {
            assertThat(guest.refused(Operation.GETATTR, node, new byte[16])).isEqualTo("ESTALE");
            assertThat(guest.refused(Operation.LOOKUP, node, text("x"))).isEqualTo("ESTALE");
        }
        for (long handle : new long[] {0, 5, -1}) {
            assertThat(guest.refused(Operation.READ, ROOT, large(handle, 0), numbers(10, 0), new byte[16]))
                    .isEqualTo("EBADF");
        }
        Files.createFile(shared.resolve("file"));
        long node = guest.find("file");
        guest.find("file");
        guest.server().answer(FakeGuest.message(Operation.FORGET, 0, node, large(1)));
        attributes(node);
        guest.server().answer(FakeGuest.message(Operation.BATCH_FORGET, 0, 0, numbers(1, 0), large(node, 1)));
        assertThat(guest.refused(Operation.GETATTR, node, new byte[16])).isEqualTo("ESTALE");
        assertThat(guest.refused(Operation.LOOKUP, ROOT, text("x".repeat(256)))).isEqualTo("ENAMETOOLONG");
        assertThat(guest.refused(22, node, new byte[8])).isEqualTo("ENOSYS"); // GETXATTR
    }

    @Test
    void whatNoKernelAsksEndsIt() throws Exception {
        for (String name : List.of("", ".", "..", "a/b", "/", "../x")) {
            assertThatThrownBy(() -> guest.ask(Operation.LOOKUP, ROOT, text(name)))
                    .isInstanceOf(MalformedRequestException.class);
        }
        assertThatThrownBy(() -> guest.ask(Operation.LOOKUP, ROOT, new byte[] {'a'}))
                .isInstanceOf(MalformedRequestException.class);
        assertThatThrownBy(() -> guest.ask(Operation.LOOKUP, ROOT, text("a"), text("b")))
                .isInstanceOf(MalformedRequestException.class);
        long handle = create(ROOT, "f", O_RDWR, 0644).getLong(Tree.ENTRY_SIZE);
        assertThatThrownBy(() ->
                        guest.ask(Operation.READ, ROOT, large(handle, 0), numbers(Integer.MAX_VALUE, 0), new byte[16]))
                .isInstanceOf(MalformedRequestException.class);
        assertThatThrownBy(() ->
                        guest.ask(Operation.WRITE, ROOT, large(handle, 0), numbers(100, 0), new byte[16], new byte[99]))
                .isInstanceOf(MalformedRequestException.class);
        assertThatThrownBy(() -> guest.server()
                        .answer(FakeGuest.message(Operation.BATCH_FORGET, 0, 0, numbers(Integer.MAX_VALUE, 0))))
                .isInstanceOf(MalformedRequestException.class);
        assertThatThrownBy(() -> guest.ask(Operation.INIT, 0, numbers(7, 38, 0, 0)))
                .isInstanceOf(MalformedRequestException.class);
        try (FakeGuest silent = new FakeGuest(shared)) {
            assertThatThrownBy(() -> silent.ask(Operation.LOOKUP, ROOT, text("f")))
                    .isInstanceOf(MalformedRequestException.class);
            assertThatThrownBy(() -> silent.ask(Operation.INIT, 0, numbers(7, 31, 0, 0)))
                    .hasMessageContaining("Linux 5.16");
        }
    }
}
