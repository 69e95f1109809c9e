package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The real stub: lists, executions, connections. */
class StubTest extends StubLab {
    private long descriptorsOfTheStub() throws SyscallException {
        // It can be looked into by root alone, so it is asked for the lowest number that is free.
        Op open = FileOps.open("/", FileOps.O_PATH);
        List<Op> list = new ArrayList<>(List.of(open, FileOps.close(open)));
        return stub.runInside(OpList.of(list.toArray(Op[]::new))).value(open);
    }

    private static int descriptorsOfOurs() {
        return new File("/proc/self/fd").list().length;
    }

    @Test
    void aListRunsInAChildThatSharesItsDescriptorsAndNothingElse() throws IOException {
        Op pid = Op.of(SystemCall.GETPID, "");
        long first = stub.runInside(OpList.of(pid)).value(pid);
        assertThat(first).isEqualTo(process.pid());
        assertThat(stub.run(OpList.of(pid)).value(pid)).isNotEqualTo(first);

        Arg.Buffer cwd = new Arg.Buffer(4096);
        Op where = Op.of(SystemCall.READLINKAT, "", Arg.of(-100), Arg.text("/proc/self/cwd"), cwd, Arg.of(4096));
        stub.run(OpList.of(FileOps.chdir("/usr")));
        assertThat(text(stub.runInside(OpList.of(where)), where, cwd)).isNotEqualTo("/usr");
        stub.runInside(OpList.of(FileOps.chdir("/usr")));
        assertThat(text(stub.run(OpList.of(where)), where, cwd)).isEqualTo("/usr");
    }

    private static String text(Results results, Op read, Arg.Buffer buffer) {
        return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.UTF_8);
    }

    @Test
    void whatAListOpensBecomesOursAndWhatItNamesIsOurs() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "its contents");
        long before = descriptorsOfTheStub();
        Op open = FileOps.open(file.toString(), FileOps.O_RDONLY);
        Op other = FileOps.open("/missing", 0).tolerating(Errno.ENOENT);
        Op again = FileOps.open("/", FileOps.O_PATH);
        Results results = stub.run(OpList.of(open, other, again));

        assertThat(results.value(other)).isEqualTo(-Errno.ENOENT.number());
        try (Fd fd = results.fd(open);
                Fd root = results.fd(again)) {
            Arg.Buffer ours = new Arg.Buffer(100);
            Op read = FileOps.readAt(Arg.of(fd), ours, 0);
            assertThat(text(kernel.run(OpList.of(read)), read, ours)).isEqualTo("its contents");
            Arg.Buffer theirs = new Arg.Buffer(100);
            Op readThere = FileOps.readAt(Arg.of(fd), theirs, 4);
            Op below = FileOps.openAt(Arg.of(root), "usr", FileOps.O_PATH, 0);
            Results more = stub.run(OpList.of(readThere, below));
            assertThat(text(more, readThere, theirs)).isEqualTo("contents");
            more.fd(below).close();
        }
        assertThat(descriptorsOfTheStub()).isEqualTo(before);
    }

    @Test
    void aListOfManyFragmentsAndAnAnswerOfMany() throws IOException {
        byte[] contents = new byte[3_000_000];
        new java.util.Random(3).nextBytes(contents);
        Path file = directory.resolve("file");
        Op open = FileOps.openAt(Arg.of(FileOps.AT_FDCWD), file.toString(), FileOps.O_RDWR | FileOps.O_CREAT, 0600);
        Arg.Buffer buffer = new Arg.Buffer(contents.length);
        Op read = FileOps.readAt(Arg.of(open), buffer, 0);
        Results results = stub.run(OpList.of(open, FileOps.write(Arg.of(open), "", contents), read));

        results.fd(open).close();
        assertThat(results.value(read)).isEqualTo(contents.length);
        assertThat(Arrays.equals(results.bytes(buffer), contents)).isTrue();
    }

    @Test
    void aFailureNamesItsStepAndLeavesNothing() throws IOException {
        Files.writeString(directory.resolve("file"), "x");
        long before = descriptorsOfTheStub();
        int ours = descriptorsOfOurs();
        Op sent = FileOps.open("/", FileOps.O_PATH);
        Op closed = FileOps.open("/", FileOps.O_PATH);
        OpList list = OpList.of(sent, closed, FileOps.chdir("/missing"), FileOps.close(closed));

        assertThatThrownBy(() -> stub.run(list)).hasMessage("chdir(/missing): ENOENT (step 2)");
        assertThatThrownBy(() -> stub.runInside(list)).hasMessage("chdir(/missing): ENOENT (step 2)");

        assertThat(descriptorsOfTheStub()).isEqualTo(before);
        assertThat(descriptorsOfOurs()).isEqualTo(ours);
        Op file = FileOps.open(directory.resolve("file").toString(), FileOps.O_RDONLY);
        try (Fd fd = stub.run(OpList.of(file)).fd(file)) {
            Arg.Buffer one = new Arg.Buffer(1);
            assertThat(kernel.run(OpList.of(FileOps.read(Arg.of(fd), one))).bytes(one))
                    .as("the descriptor of this list, none of a failed one")
                    .containsExactly('x');
        }
    }

    @Test
    void whicheverStepFailsNothingIsLeft() throws IOException {
        Op kept = FileOps.open("/", FileOps.O_PATH);
        Op closed = FileOps.open("/", FileOps.O_PATH);
        OpList list = OpList.of(
                Processes.setsid(),
                kept,
                closed,
                FileOps.fchdir(Arg.of(kept), ""),
                FileOps.close(closed),
                FileOps.umask(022));
        OpList execution = OpList.of(
                kept,
                Processes.setsid(),
                Processes.unblockSignals(),
                Processes.execve("/bin/true", List.of("true"), List.of()));
        long before = descriptorsOfTheStub();
        int ours = descriptorsOfOurs();

        for (int step = 0; step < list.size(); step++) {
            int failing = step;
            HostKernel.inject(one -> one == list || one == execution ? failing : Faults.NONE);
            assertThatThrownBy(() -> stub.run(list)).hasMessageContaining("ENOSYS (step " + step + ")");
            if (step > 0) {
                assertThatThrownBy(() -> stub.runInside(list)).hasMessageContaining("(step ");
            }
            if (step < execution.size()) {
                assertThatThrownBy(() -> stub.spawn(execution, PLAIN))
                        .hasMessageContaining("ENOSYS (step " + step + ")");
            }
            HostKernel.inject(one -> Faults.NONE);
            assertThat(descriptorsOfTheStub()).as("step %d", step).isEqualTo(before);
            assertThat(descriptorsOfOurs()).as("step %d", step).isEqualTo(ours);
        }
    }

    @Test
    void whatIsTooMuchIsRefusedAndTheStubGoesOn() throws SyscallException {
        OpList large = OpList.of(FileOps.read(Arg.of(0), new Arg.Buffer((8 << 20) + 8)));
        assertThatThrownBy(() -> stub.run(large)).hasMessage("stub(the list was refused): EINVAL");
        OpList long_ = OpList.of(FileOps.write(Arg.of(0), "", new byte[8 << 20]));
        assertThatThrownBy(() -> stub.run(long_)).hasMessage("execve(the list is too long): E2BIG");

        List<Fd> many = new ArrayList<>();
        for (int i = 0; i < 33; i++) {
            Op open = FileOps.open("/", FileOps.O_PATH);
            many.add(kernel.run(OpList.of(open)).fd(open));
        }
        OpList descriptors = OpList.of(
                many.stream().map(fd -> FileOps.fchdir(Arg.of(fd), "")).toArray(Op[]::new));
        assertThatThrownBy(() -> stub.run(descriptors)).hasMessageContaining("more than 32 descriptors");
        many.forEach(Fd::close);
        assertThat(stub.isGone()).isFalse();
        stub.run(OpList.of(Processes.setsid()));
    }

    @Test
    void executionsAreBornAndToldHowTheyEnd() throws SyscallException {
        try (Child child = stub.spawn(program("/bin/true"), PLAIN)) {
            assertThat(child.await()).isEqualTo(new Child.Status(true, 0));
        }
        try (Child child = stub.spawn(program("/bin/sh", "-c", "exit 7"), PLAIN)) {
            assertThat(child.await()).isEqualTo(new Child.Status(true, 7));
        }
        try (Child child = stub.spawn(program("/bin/sleep", "1000"), PLAIN)) {
            assertThat(child.poll()).isEmpty();
            child.signal(Processes.SIGKILL);
            assertThat(child.await()).isEqualTo(new Child.Status(false, Processes.SIGKILL));
        }
        assertThatThrownBy(() -> stub.spawn(program("/missing"), PLAIN))
                .hasMessage("execve(/missing): ENOENT (step 1)");
        assertThatThrownBy(() -> stub.spawn(OpList.of(Processes.setsid()), PLAIN))
                .hasMessage("execve(the list ended without it): ENOSYS");
    }

    private static OpList program(String... command) {
        return OpList.of(
                Processes.unblockSignals(),
                Processes.execve(command[0], List.of(command), List.of("PATH=/usr/bin:/bin")));
    }

    @Test
    void theProgramGetsNoDescriptorButThoseItIsGiven() throws IOException {
        try (Pipe pipe = Pipe.reading();
                Child child = stub.spawn(
                        OpList.of(
                                FileOps.duplicate(Arg.of(pipe.theirs()), 0),
                                FileOps.duplicate(Arg.of(pipe.theirs()), 1),
                                FileOps.duplicate(Arg.of(pipe.theirs()), 2),
                                Processes.unblockSignals(),
                                Processes.execve("/bin/ls", List.of("ls", "/proc/self/fd"), List.of())),
                        PLAIN)) {
            pipe.theirs().close();
            assertThat(child.await()).isEqualTo(new Child.Status(true, 0));
            ByteBuffer output = ByteBuffer.allocateDirect(4096);
            Pipe.read(pipe.ours(), output);
            assertThat(StandardCharsets.US_ASCII.decode(output.flip()).toString())
                    .as("and that of the directory that ls reads")
                    .isEqualTo("0\n1\n2\n3\n");
        }
    }

    @Test
    void manyThreadsOfBothKindsAtOnce() throws Exception {
        List<Future<Boolean>> all = new ArrayList<>();
        try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
                ExecutorService platform = Executors.newFixedThreadPool(32)) {
            for (int i = 0; i < 64; i++) {
                int number = i;
                all.add((i % 2 == 0 ? virtual : platform).submit(() -> {
                    Path file = Files.writeString(directory.resolve("file" + number), "number " + number);
                    Op open = FileOps.open(file.toString(), FileOps.O_RDONLY);
                    Arg.Buffer buffer = new Arg.Buffer(100);
                    Op read = FileOps.read(Arg.of(open), buffer);
                    Results results = stub.run(OpList.of(open, read));
                    boolean right = text(results, read, buffer).equals("number " + number);
                    try (Fd fd = results.fd(open)) {
                        Op readHere = FileOps.readAt(Arg.of(fd), buffer, 0);
                        right &= text(kernel.run(OpList.of(readHere)), readHere, buffer)
                                .equals("number " + number);
                    }
                    try (Child child = stub.spawn(program("/bin/sh", "-c", "exit " + number), PLAIN)) {
                        return right && child.await().equals(new Child.Status(true, number));
                    }
                }));
            }
        }
        for (Future<Boolean> one : all) {
            assertThat(one.get()).isTrue();
        }
    }

    @Test
    void aFurtherConnectionCanBeHandedOver() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        try (Stub other = new Stub(ends.getFirst())) {
            try (Fd theirs = ends.getLast()) {
                stub.connect(theirs);
            }
            Op pid = Op.of(SystemCall.GETPID, "");
            assertThat(other.runInside(OpList.of(pid)).value(pid)).isEqualTo(process.pid());
        }
        assertThat(stub.isGone()).isFalse();
    }

    @Test
    void itTakesConnectionsFromADoorThatItIsGivenWhileItRuns() throws SyscallException {
        String door = directory.resolve("door").toString();
        List<Fd> ends = UnixSocket.pair();
        try (Fd image = Stub.program(kernel, program);
                Fd listener = UnixSocket.listen(kernel, door);
                Fd theirs = ends.getLast();
                Child late = kernel.spawn(
                        OpList.of(
                                FileOps.duplicate(Arg.of(theirs), 0),
                                FileOps.closeOnExecFrom(3),
                                Processes.execve(Arg.of(image), List.of("cay-init", "attached"), List.of())),
                        PLAIN)) {
            try (Stub first = new Stub(ends.getFirst())) {
                first.listen(listener);
                try (Stub other = new Stub(UnixSocket.connect(kernel, door))) {
                    Op pid = Op.of(SystemCall.GETPID, "");
                    assertThat(other.runInside(OpList.of(pid)).value(pid)).isEqualTo(late.pid());
                }
            }
            assertThat(late.await()).as("the door does not keep it").isEqualTo(new Child.Status(true, 0));
        }
    }

    @Test
    void itEndsWhenItsLifeIsOver() throws SyscallException {
        stub.endAfter(1, 0, 0);
        process.await();

        assertThatThrownBy(() -> stub.run(OpList.of(Processes.setsid()))).hasMessageContaining("EPIPE");
        assertThat(stub.isGone()).isTrue();
    }

    @Test
    void whoeverWaitsForAListLearnsOfTheStubsDeath() throws Exception {
        try (ExecutorService threads = Executors.newCachedThreadPool();
                Pipe pipe = Pipe.writing()) {
            OpList read = OpList.of(FileOps.read(Arg.of(pipe.theirs()), new Arg.Buffer(1)));
            List<Future<Results>> waiting = Stream.generate(() -> threads.submit(() -> stub.run(read)))
                    .limit(4)
                    .toList();
            stub.run(OpList.of(Processes.setsid())); // others are not held up
            stub.close();
            for (Future<Results> one : waiting) {
                assertThatThrownBy(one::get).hasMessageContaining("EPIPE");
            }
        }
    }
}
