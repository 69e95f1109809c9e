package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostKernelTest {
    @TempDir
    private Path directory;

    private HostKernel kernel;

    @BeforeEach
    void open() throws SyscallException {
        kernel = new HostKernel();
    }

    @AfterEach
    void close() {
        kernel.close();
    }

    @Test
    void anEmptyListDoesNothing() throws SyscallException {
        assertThat(kernel.run(OpList.of())).isNotNull();
    }

    @Test
    void resultsAreThoseOfTheKernel() throws SyscallException {
        Op pid = Op.of(SystemCall.GETPID, "");
        Op mask = FileOps.umask(0022);
        Op maskAgain = FileOps.umask(0022);

        Results results = kernel.run(OpList.of(pid, mask, maskAgain));

        assertThat(results.value(pid)).isEqualTo(ProcessHandle.current().pid());
        assertThat(results.value(maskAgain)).isEqualTo(0022);
        assertThat(results.failed(pid)).isFalse();
    }

    @Test
    void laterOperationsUseWhatEarlierOnesOpened() throws IOException {
        Arg.Buffer room = new Arg.Buffer(16);
        Op file = FileOps.openAt(Arg.of(FileOps.AT_FDCWD), file("note"), FileOps.O_RDWR | FileOps.O_CREAT, 0600);
        Op write = FileOps.write(Arg.of(file), "note", "some text");
        Op rewind = Op.of(SystemCall.LSEEK, "", Arg.of(file), Arg.of(0), Arg.of(0));
        Op read = FileOps.read(Arg.of(file), room);

        Results results = kernel.run(OpList.of(file, write, rewind, read));

        assertThat(results.value(write)).isEqualTo(9);
        assertThat(results.value(read)).isEqualTo(9);
        assertThat(results.bytes(room))
                .startsWith("some text".getBytes(StandardCharsets.UTF_8))
                .hasSize(16)
                .endsWith(0);
        assertThat(Files.readString(directory.resolve("note"))).isEqualTo("some text");
        try (Fd fd = results.fd(file)) {
            assertThat(fd.isOpen()).isTrue();
        }
    }

    @Test
    void theAddressOfAResultIsThatOfItsEightBytes() throws IOException {
        Op file = FileOps.openAt(Arg.of(FileOps.AT_FDCWD), file("pid"), FileOps.O_WRONLY | FileOps.O_CREAT, 0600);
        Op pid = Op.of(SystemCall.GETPID, "");
        Op write = Op.of(SystemCall.WRITE, "", Arg.of(file), new Arg.Location(pid), Arg.of(Long.BYTES));

        kernel.run(OpList.of(file, pid, write, FileOps.close(file)));

        ByteBuffer written =
                ByteBuffer.wrap(Files.readAllBytes(directory.resolve("pid"))).order(ByteOrder.nativeOrder());
        assertThat(written.getLong()).isEqualTo(ProcessHandle.current().pid());
    }

    @Test
    void structsHoldTheAddressesOfTheirTargets() {
        byte[] first = "one ".getBytes(StandardCharsets.UTF_8);
        byte[] second = "two".getBytes(StandardCharsets.UTF_8);
        ByteBuffer vector = Arg.struct(32);
        vector.putLong(8, first.length).putLong(24, second.length);
        Arg struct = new Arg.Struct(vector.array(), List.of(new Arg.Pointer(0, first), new Arg.Pointer(16, second)));

        try (Encoding encoding = new Encoding(OpList.of(Op.of(SystemCall.WRITE, "", struct)), false)) {
            long copy = read(read(encoding.address() + Encoding.CONTROL_LIST) + Encoding.OP_ARGUMENTS);
            assertThat(read(copy + 8)).isEqualTo(first.length);
            assertThat(Downcalls.memory(read(copy), first.length).toArray(JAVA_BYTE))
                    .isEqualTo(first);
            assertThat(Downcalls.memory(read(copy + 16), second.length).toArray(JAVA_BYTE))
                    .isEqualTo(second);
        }
    }

    private static long read(long address) {
        return Downcalls.memory(address, Long.BYTES).get(JAVA_LONG, 0);
    }

    @Test
    void toleratedErrorsAreResults() throws SyscallException {
        Op missing = FileOps.open(file("missing"), FileOps.O_RDONLY)
                .tolerating(Errno.EPERM, Errno.EACCES, Errno.EIO, Errno.ENOENT);
        Op after = Op.of(SystemCall.GETPID, "");

        Results results = kernel.run(OpList.of(missing, after));

        assertThat(results.failed(missing)).isTrue();
        assertThat(results.value(missing)).isEqualTo(-Errno.ENOENT.number());
        assertThat(results.value(after)).isPositive();
        assertThatThrownBy(() -> results.fd(missing)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void onlyTheErrorsNamedAreTolerated() {
        Op missing = FileOps.open(file("missing"), FileOps.O_RDONLY).tolerating(Errno.EPERM);

        assertThatThrownBy(() -> kernel.run(OpList.of(missing)))
                .isInstanceOfSatisfying(
                        SyscallException.class,
                        e -> assertThat(e.is(Errno.ENOENT)).isTrue());
    }

    @Test
    void aFailureNamesItsStepAndClosesWhatWasOpened() throws IOException {
        Files.createFile(directory.resolve("here"));
        List<String> before = descriptors();
        Op first = FileOps.open(file("here"), FileOps.O_RDONLY);
        Op second = FileOps.open(file("here"), FileOps.O_RDONLY);
        Op missing = FileOps.mkdir(Arg.of(first), "missing/x", 0700);

        SyscallException failure = catchThrowableOfType(
                SyscallException.class, () -> kernel.run(OpList.of(first, second, missing, FileOps.umask(0))));

        assertThat(failure).hasMessage("mkdirat(missing/x): ENOTDIR (step 2)");
        assertThat(failure.step()).isEqualTo(2);
        assertThat(failure.call()).isEqualTo("mkdirat");
        assertThat(failure.operands()).isEqualTo("missing/x");
        assertThat(failure.errno()).isEqualTo(Errno.ENOTDIR.number());
        assertThat(descriptors()).isEqualTo(before);
    }

    /** Its number may be another file's by then: here the list itself takes it again. */
    @Test
    void aFailureDoesNotCloseWhatTheListHasClosed() throws IOException {
        Op keeper = FileOps.open("/dev/null", FileOps.O_RDONLY);
        try (Fd kept = kernel.run(OpList.of(keeper)).fd(keeper)) {
            Op opened = FileOps.open("/dev/null", FileOps.O_RDONLY);
            Op takenAgain = Op.of(SystemCall.DUP3, "", Arg.of(kept), Arg.of(opened), Arg.of(FileOps.O_CLOEXEC));
            List<String> before = descriptors();

            assertThatThrownBy(() -> kernel.run(
                            OpList.of(opened, FileOps.close(opened), takenAgain, FileOps.fchdir(Arg.of(kept), "kept"))))
                    .hasMessage("fchdir(kept): ENOTDIR (step 3)");

            List<String> left = new ArrayList<>(descriptors());
            left.removeAll(before);
            assertThat(left).hasSize(1);
            Native.call(
                    SystemCall.CLOSE,
                    Integer.parseInt(Path.of(left.getFirst()).getFileName().toString()));
        }
    }

    @Test
    void aListUsesItsOwnResultsOnly() {
        Op other = FileOps.umask(0022);

        assertThatThrownBy(() -> kernel.run(OpList.of(FileOps.close(other))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Arg.text("a\0b")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void listsMayBeLongAndTheirDataLarge() throws IOException {
        byte[] content = new byte[300_000];
        new java.util.Random(1).nextBytes(content);
        Arg.Buffer room = new Arg.Buffer(content.length);
        Op file = FileOps.openAt(Arg.of(FileOps.AT_FDCWD), file("large"), FileOps.O_RDWR | FileOps.O_CREAT, 0600);
        List<Op> operations = new ArrayList<>(List.of(file, FileOps.write(Arg.of(file), "", content)));
        for (int i = 0; i < 2000; i++) {
            operations.add(Op.of(SystemCall.GETPID, ""));
        }
        Op read = Op.of(SystemCall.PREAD64, "", Arg.of(file), room, Arg.of(content.length), Arg.of(0));
        operations.addAll(List.of(read, FileOps.close(file)));

        Results results = kernel.run(OpList.of(operations.toArray(Op[]::new)));

        assertThat(results.bytes(room)).isEqualTo(content);
        assertThat(results.value(operations.get(1500)))
                .isEqualTo(ProcessHandle.current().pid());
    }

    @Test
    void thisProcessCannotBeLookedInto() throws SyscallException {
        Op dumpable = Op.of(SystemCall.PRCTL, "PR_GET_DUMPABLE", Arg.of(3));

        assertThat(kernel.run(OpList.of(dumpable)).value(dumpable)).isZero();
    }

    @Test
    void anObserverIsToldHowLongEachOperationTook() throws IOException {
        OpList list = OpList.of(
                Op.of(
                        SystemCall.NANOSLEEP,
                        "",
                        new Arg.Bytes(Arg.struct(16).putLong(8, 2_000_000).array()),
                        Arg.of(0)),
                Op.of(SystemCall.GETPID, ""),
                FileOps.chdir(file("missing")),
                Op.of(SystemCall.GETPID, ""));
        List<long[]> seen = new ArrayList<>();
        HostKernel.observe((observed, nanoseconds) -> {
            if (observed == list) {
                seen.add(nanoseconds);
            }
        });

        assertThatThrownBy(() -> kernel.run(list)).hasMessageContaining("ENOENT (step 2)");

        assertThat(seen).hasSize(1);
        assertThat(seen.getFirst()).hasSize(4);
        assertThat(seen.getFirst()[0]).isGreaterThanOrEqualTo(2_000_000);
        assertThat(seen.getFirst()[3]).as("not reached").isZero();
    }

    @Test
    void unknownErrorsHaveANumber() {
        assertThat(Errno.nameOf(2)).isEqualTo("ENOENT");
        assertThat(Errno.nameOf(41)).isEqualTo("errno 41");
        assertThat(Errno.nameOf(-5)).isEqualTo("errno -5");
        assertThat(Errno.nameOf(9999)).isEqualTo("errno 9999");
        assertThat(new SyscallException("mount", "", 22)).hasMessage("mount: EINVAL");
    }

    private String file(String name) {
        return directory.resolve(name).toString();
    }

    private static List<String> descriptors() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(Path::toString).sorted().toList();
        }
    }
}
