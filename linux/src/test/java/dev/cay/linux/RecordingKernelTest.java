package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class RecordingKernelTest {
    private static final Birth BIRTH = new Birth(Namespaces.UTS, Optional.empty());

    private final RecordingKernel kernel = new RecordingKernel();

    @Test
    void remembersWhatWasRunAndBorn() throws SyscallException {
        OpList run = OpList.of(FileOps.umask(0));
        OpList spawned = OpList.of(Processes.setsid(), Processes.exit(0));

        kernel.run(run);
        try (Child child = kernel.spawn(spawned, BIRTH)) {
            assertThat(child.await()).isEqualTo(new Child.Status(true, 0));
            assertThat(kernel.openDescriptors()).isEqualTo(1);
            child.signal(Processes.SIGKILL);
        }

        assertThat(kernel.runs()).containsExactly(run);
        assertThat(kernel.births()).containsExactly(new RecordingKernel.Spawned(spawned, BIRTH));
        assertThat(kernel.operations()).isEqualTo(3);
        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void knowsWhichDescriptorsAreOpen() throws SyscallException {
        Op kept = FileOps.open("/a", FileOps.O_RDONLY);
        Op closed = FileOps.open("/b", FileOps.O_RDONLY);

        Fd fd = kernel.run(OpList.of(kept, closed, FileOps.close(closed))).fd(kept);

        assertThat(kernel.openDescriptors()).isEqualTo(1);
        fd.close();
        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void answersAsItIsTold() throws SyscallException {
        Arg.Buffer room = new Arg.Buffer(4);
        Op pid = Op.of(SystemCall.GETPID, "");
        Op read = FileOps.read(Arg.of(0), room);
        Op missing = FileOps.open("/a", FileOps.O_RDONLY).tolerating(Errno.ENOENT);
        kernel.answer(SystemCall.GETPID, 42)
                .answer(SystemCall.OPENAT, -Errno.ENOENT.number())
                .fill(SystemCall.READ, new byte[] {1, 2})
                .end(new Child.Status(false, 9));

        Results results = kernel.run(OpList.of(pid, read, missing));

        assertThat(results.value(pid)).isEqualTo(42);
        assertThat(results.bytes(room)).containsExactly(1, 2, 0, 0);
        assertThat(results.failed(missing)).isTrue();
        assertThat(kernel.spawn(OpList.of(), BIRTH).await()).isEqualTo(new Child.Status(false, 9));
        assertThatThrownBy(() -> kernel.run(OpList.of(FileOps.open("/a", FileOps.O_RDONLY))))
                .hasMessage("openat(/a): ENOENT (step 0)");
    }

    @Test
    void failsAtTheOperationItIsToldAndClosesWhatTheListOpened() throws SyscallException {
        kernel.run(OpList.of(FileOps.umask(0)));
        kernel.fail(3, Errno.ENOSPC);
        Op opened = FileOps.open("/a", FileOps.O_RDONLY);
        Op failing = FileOps.mkdir(Arg.of(opened), "b", 0).tolerating(Errno.ENOSPC);

        assertThatThrownBy(() -> kernel.run(OpList.of(opened, FileOps.umask(0), failing, FileOps.umask(0))))
                .hasMessage("mkdirat(b): ENOSPC (step 2)");

        assertThat(kernel.openDescriptors()).isZero();
        assertThat(kernel.operations()).isEqualTo(4);
    }

    @Test
    void itsDescriptorsAreThoseOfNoProcess() throws SyscallException {
        Op open = FileOps.open("/dev/null", FileOps.O_RDONLY);
        try (Fd fd = kernel.run(OpList.of(open)).fd(open)) {
            assertThat(Native.call(SystemCall.FCNTL, fd.number(), 1)).isEqualTo(-Errno.EBADF.number());
        }
    }
}
