package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real stub of a machine, as an ordinary process of this user: over its channel no descriptors are passed. */
@Timeout(60)
class StubMachineTest {
    private static final Birth PLAIN = new Birth(0, Optional.empty());
    private static final long FOREVER = Long.MAX_VALUE;
    private static final int RING = 4096;

    @TempDir
    private Path directory;

    private final List<Fd> hostEnds = new ArrayList<>();
    private HostKernel kernel;
    private Child process;
    private Stub stub;

    @BeforeEach
    void open() throws IOException {
        kernel = new HostKernel();
        Path program = Path.of(
                System.getProperty("cay.root", ".."),
                "guest/src/main/resources/dev/cay/guest/stub-" + Native.ARCHITECTURE.text());
        List<Fd> ends = UnixSocket.pair();
        Op nothing = FileOps.open("/dev/null", FileOps.O_RDWR);
        try (Fd image = Stub.program(kernel, Files.readAllBytes(program));
                Fd empty = kernel.run(OpList.of(nothing)).fd(nothing);
                Fd theirs = ends.getLast()) {
            process = kernel.spawn(
                    OpList.of(
                            FileOps.duplicate(Arg.of(theirs), 0),
                            FileOps.duplicate(Arg.of(empty), 1),
                            FileOps.closeOnExecFrom(3),
                            Processes.execve(Arg.of(image), List.of("cay-init", "machine"), List.of())),
                    PLAIN);
        }
        hostEnds.add(ends.getFirst());
        stub = connect();
    }

    /** Another session over the same channel; the one before only does not know it yet. */
    private Stub connect() throws SyscallException {
        Op copy = FileOps.duplicateFrom(Arg.of(hostEnds.getFirst()), 3);
        Op opening = Op.opening(copy.call(), "", copy.arguments().toArray(Arg[]::new));
        Fd end = kernel.run(OpList.of(opening)).fd(opening);
        hostEnds.add(end);
        return Stub.ofMachine(end, System.nanoTime() + TimeUnit.SECONDS.toNanos(30));
    }

    @AfterEach
    void close() {
        stub.close();
        hostEnds.forEach(Fd::close);
        assertThat(Poll.await(TimeUnit.SECONDS.toNanos(30), process.end()))
                .as("its end")
                .isNotZero();
        assertThat(process.await()).isEqualTo(new Child.Status(true, 0));
        process.close();
        kernel.close();
    }

    private long lowestFreeDescriptor() throws SyscallException {
        Op open = FileOps.open("/", FileOps.O_PATH);
        return stub.runInside(OpList.of(open, FileOps.close(open))).value(open);
    }

    private static String text(Results results, Op read, Arg.Buffer buffer) {
        return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.UTF_8);
    }

    @Test
    void listsThatAreOnTheirWayAtOnceAreWaitedForInAnyOrder() throws IOException {
        byte[] content = new byte[1 << 20];
        new Random(1).nextBytes(content);
        Path file = Files.write(directory.resolve("file"), content);
        Op open = FileOps.open(file.toString(), FileOps.O_RDONLY);
        try (Fd fd = stub.run(OpList.of(open)).fd(open)) {
            int size = content.length / 4;
            List<Arg.Buffer> rooms = new ArrayList<>();
            List<Kernel.Begun> begun = new ArrayList<>();
            for (int i = 0; i < 4; i++) { // far more than fits between here and there
                rooms.add(new Arg.Buffer(size));
                begun.add(stub.begin(OpList.of(FileOps.readAt(Arg.of(fd), rooms.get(i), (long) i * size))));
            }
            Kernel.Begun failing = stub.begin(OpList.of(FileOps.readAt(Arg.of(fd), new Arg.Buffer(1), -1)));
            begun.get(2).close(); // nobody wants it any more
            for (int i : List.of(3, 1, 0)) {
                assertThat(begun.get(i).results().bytes(rooms.get(i)))
                        .isEqualTo(Arrays.copyOfRange(content, i * size, (i + 1) * size));
                begun.get(i).close();
            }
            assertThatThrownBy(failing::results)
                    .isInstanceOfSatisfying(
                            SyscallException.class,
                            e -> assertThat(e.is(Errno.EINVAL)).isTrue());
            failing.close();
            Arg.Buffer again = new Arg.Buffer(10);
            Op read = FileOps.readAt(Arg.of(fd), again, 0);
            assertThat(stub.run(OpList.of(read)).bytes(again)).isEqualTo(Arrays.copyOf(content, 10));
        }
    }

    @Test
    void whatAListOpensStaysThereUntilItIsClosedHere() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "its contents");
        long before = lowestFreeDescriptor();
        Op open = FileOps.open(file.toString(), FileOps.O_RDONLY);
        Op again = FileOps.open("/", FileOps.O_PATH);
        Results results = stub.run(OpList.of(open, again));
        try (Fd fd = results.fd(open);
                Fd root = results.fd(again)) {
            assertThat(lowestFreeDescriptor()).isEqualTo(before + 2);
            Arg.Buffer buffer = new Arg.Buffer(100);
            Op read = FileOps.readAt(Arg.of(fd), buffer, 4);
            Op below = FileOps.openAt(Arg.of(root), "usr", FileOps.O_PATH, 0);
            Results more = stub.run(OpList.of(read, below));
            assertThat(text(more, read, buffer)).isEqualTo("contents");
            more.fd(below).close();

            assertThatThrownBy(() -> kernel.run(OpList.of(read)))
                    .as("this process has no such descriptor")
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("a descriptor of another machine");
        }
        assertThat(lowestFreeDescriptor()).isEqualTo(before);
    }

    @Test
    void descriptorsOfThisProcessCannotBeNamed() throws SyscallException {
        Op open = FileOps.open("/", FileOps.O_PATH);
        try (Fd ours = kernel.run(OpList.of(open)).fd(open)) {
            OpList list = OpList.of(FileOps.fchdir(Arg.of(ours), "/"));
            assertThatThrownBy(() -> stub.run(list)).hasMessage("a descriptor of another machine");
        }
        assertThatThrownBy(() -> stub.spawn(OpList.of(Processes.setsid()), PLAIN))
                .isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void aFailureNamesItsStepAndLeavesNothing() throws IOException {
        long before = lowestFreeDescriptor();
        Op kept = FileOps.open("/", FileOps.O_PATH);
        Op closed = FileOps.open("/", FileOps.O_PATH);
        OpList list = OpList.of(kept, closed, FileOps.chdir("/missing"), FileOps.close(closed));

        assertThatThrownBy(() -> stub.run(list)).hasMessage("chdir(/missing): ENOENT (step 2)");
        assertThatThrownBy(() -> stub.runInside(list)).hasMessage("chdir(/missing): ENOENT (step 2)");
        assertThat(lowestFreeDescriptor()).isEqualTo(before);
    }

    @Test
    void aListAndItsAnswerOfManyFragments() throws IOException {
        byte[] contents = new byte[3_000_000];
        new Random(3).nextBytes(contents);
        Op open = FileOps.openAt(
                Arg.of(FileOps.AT_FDCWD), directory.resolve("file").toString(), FileOps.O_RDWR | FileOps.O_CREAT, 0600);
        Arg.Buffer buffer = new Arg.Buffer(contents.length);
        Op read = FileOps.readAt(Arg.of(open), buffer, 0);
        Results results = stub.run(OpList.of(open, FileOps.write(Arg.of(open), "", contents), read));
        results.fd(open).close();
        assertThat(results.bytes(buffer)).isEqualTo(contents);
    }

    /** Its pipes and its record are made over there, too. */
    private KeptExecution start(int number, String script) throws SyscallException {
        PipeOps input = new PipeOps();
        PipeOps output = new PipeOps();
        OpList.Builder list = OpList.builder();
        list.addAll(input.operations());
        list.addAll(output.operations());
        Op record = list.add(FileOps.openAt(
                Arg.of(FileOps.AT_FDCWD), record(number).toString(), FileOps.O_RDWR | FileOps.O_CREAT, 0600));
        list.add(FileOps.write(Arg.of(record), "", padded("CayEXEC1", 4096 + 2 * RING)));
        Results results = stub.run(list.build());
        try (Fd file = results.fd(record);
                Fd theirInput = input.reading(results);
                Fd ourInput = input.writing(results);
                Fd ourOutput = output.reading(results);
                Fd theirOutput = output.writing(results)) {
            OpList execution = OpList.of(
                    Processes.setsid(),
                    FileOps.duplicate(Arg.of(theirInput), 0),
                    FileOps.duplicate(Arg.of(theirOutput), 1),
                    Processes.unblockSignals(),
                    Processes.execve("/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin")));
            return stub.start(
                    execution,
                    PLAIN,
                    new KeptExecution.Plan(number, file, Optional.empty(), 0, 0, List.of(ourInput, ourOutput), RING));
        }
    }

    private Path record(int number) {
        return directory.resolve("record" + number);
    }

    private static byte[] padded(String text, int size) {
        return ByteBuffer.allocate(size)
                .put(text.getBytes(StandardCharsets.US_ASCII))
                .array();
    }

    @Test
    void executionsWithTheirStreams() throws SyscallException {
        long before = lowestFreeDescriptor();
        try (KeptExecution execution = start(7, "cat; exit 3")) {
            byte[] sent = "through the machine".getBytes(StandardCharsets.US_ASCII);
            assertThat(execution.write(sent, 0, sent.length)).isTrue();
            execution.endInput();
            assertThat(readAll(execution)).isEqualTo("through the machine");
            assertThat(execution.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 3));
        }
        assertThat(lowestFreeDescriptor()).isEqualTo(before);
    }

    private static String readAll(KeptExecution execution) throws SyscallException {
        StringBuilder all = new StringBuilder();
        while (true) {
            Optional<byte[]> piece = execution.output().read(FOREVER);
            if (piece.isEmpty()) {
                return all.toString();
            }
            all.append(new String(piece.get(), StandardCharsets.US_ASCII));
        }
    }

    @Test
    void theNextSessionFindsWhatRunsAndNothingElse() throws IOException {
        long before = lowestFreeDescriptor();
        Op open = FileOps.open("/", FileOps.O_PATH);
        stub.run(OpList.of(open));
        start(7, "read line; echo got $line; exit 4");
        start(8, "echo unseen; exit 5");
        Path eight = record(8);
        while (Files.readAllBytes(eight)[8] != 2) { // of somebody who is not attached the record tells
            Thread.onSpinWait();
        }

        stub = connect();

        assertThat(lowestFreeDescriptor())
                .as("both ends of the one's streams and its record")
                .isEqualTo(before);
        assertThat(stub.alive()).extracting(Stub.Alive::number).contains(7);
        try (KeptExecution execution = stub.attach(7)) {
            byte[] sent = "it\n".getBytes(StandardCharsets.US_ASCII);
            assertThat(execution.write(sent, 0, sent.length)).isTrue();
            assertThat(readAll(execution)).isEqualTo("got it\n");
            assertThat(execution.await(FOREVER))
                    .hasValueSatisfying(it -> assertThat(it.status().number()).isEqualTo(4));
        }
        assertThat(new String(Files.readAllBytes(eight), StandardCharsets.ISO_8859_1))
                .contains("unseen\n");
        stub.ping();
    }

    @Test
    void aListThatIsLeftRunsWhenNobodyIsHeard() throws IOException, InterruptedException {
        Path left = directory.resolve("left");
        OpList list = OpList.of(FileOps.mkdir(Arg.of(FileOps.AT_FDCWD), left.toString(), 0700));
        stub.leave(list, 0);
        stub.ping();
        assertThat(left).doesNotExist();
        stub.leave(list, 50);
        while (!Files.exists(left)) {
            Thread.sleep(10);
        }
        stub.ping();
    }

    @Test
    void whoDoesNotAnswerIsGivenUp() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        try (Fd deaf = ends.getLast()) {
            long soon = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
            assertThatThrownBy(() -> Stub.ofMachine(ends.getFirst(), soon))
                    .hasMessage("stub(the machine does not answer): ETIMEDOUT");
            assertThat(ends.getFirst().isOpen()).isFalse();
            assertThat(deaf.isOpen()).isTrue();
        }
        List<Fd> others = UnixSocket.pair();
        others.getLast().close();
        long late = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        assertThatThrownBy(() -> Stub.ofMachine(others.getFirst(), late)).hasMessageContaining("EPIPE");
    }

    /** A read that has no room for a whole message is an error to whoever has messages: more of it is read when there is room again. */
    @Test
    void messagesComeAsAWholeHoweverMany() throws IOException {
        int count = 1200;
        Op create = Inotify.create();
        Op open = FileOps.open(directory.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
        Results opened = stub.run(OpList.of(create, open));
        Fd inotify = opened.fd(create);
        try (Fd watched = opened.fd(open)) {
            stub.run(OpList.of(FileOps.fchdir(Arg.of(watched), ""), Inotify.watchHere(inotify, Inotify.IN_CREATE)));
        }
        for (int i = 0; i < count; i++) { // more than may be on its way, which is no multiple of what each takes
            Files.createFile(directory.resolve("n".repeat(240) + (1000 + i)));
        }
        try (MessageStream messages = MessageStream.open(stub, inotify, 5)) {
            int seen = 0;
            while (seen < count) {
                byte[] read = messages.read().orElseThrow();
                seen += Inotify.events(read, read.length).size();
            }
            assertThat(seen).isEqualTo(count);
            assertThat(stub.alive()).noneMatch(one -> one.pid() != 0);
        }
    }
}
