package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class PipeTest {
    private static final long F_GETFD = 1;
    private static final long F_GETFL = 3;

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(8192);

    @Test
    void oursDoesNotBlockAndTheirsDoes() throws SyscallException {
        try (Pipe reading = Pipe.reading();
                Pipe writing = Pipe.writing()) {
            assertThat(flags(reading.ours())).isEqualTo(FileOps.O_RDONLY | FileOps.O_NONBLOCK);
            assertThat(flags(reading.theirs())).isEqualTo(FileOps.O_WRONLY);
            assertThat(flags(writing.ours())).isEqualTo(FileOps.O_WRONLY | FileOps.O_NONBLOCK);
            assertThat(flags(writing.theirs())).isEqualTo(FileOps.O_RDONLY);
            for (Fd fd : new Fd[] {reading.ours(), reading.theirs(), writing.ours(), writing.theirs()}) {
                assertThat(Native.call(SystemCall.FCNTL, fd.number(), F_GETFD))
                        .as("close-on-exec")
                        .isEqualTo(1);
            }
        }
    }

    private static long flags(Fd fd) {
        return Native.call(SystemCall.FCNTL, fd.number(), F_GETFL);
    }

    @Test
    void saysThatThereIsNothingThenWhatThereIsThenThatItIsTheEnd() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            assertThat(Pipe.read(pipe.ours(), buffer)).isEqualTo(Pipe.WOULD_BLOCK);

            assertThat(Pipe.write(pipe.theirs(), text("hello"))).isEqualTo(5);
            assertThat(Pipe.read(pipe.ours(), buffer.position(3))).isEqualTo(5);
            assertThat(buffer.position()).isEqualTo(8);
            assertThat(buffer.get(3)).isEqualTo((byte) 'h');

            pipe.theirs().close();
            assertThat(Pipe.read(pipe.ours(), buffer)).isEqualTo(Pipe.END);
        }
    }

    @Test
    void saysThatItIsFullAndThatNobodyReads() throws SyscallException {
        try (Pipe pipe = Pipe.writing()) {
            int written = 0;
            int count;
            while ((count = Pipe.write(pipe.ours(), buffer.clear())) > 0) {
                written += count;
            }
            assertThat(count).isEqualTo(Pipe.WOULD_BLOCK);
            assertThat(written).isEqualTo(65536);
            assertThat(buffer.position()).as("what was not written is left").isZero();

            pipe.theirs().close();
            assertThat(Pipe.write(pipe.ours(), buffer)).isEqualTo(Pipe.END);
        }
    }

    @Test
    void canBeEnlarged() throws SyscallException {
        try (Pipe pipe = Pipe.writing()) {
            pipe.enlarge();
            long size = Native.call(SystemCall.FCNTL, pipe.ours().number(), 1032);
            assertThat(size).as("F_GETPIPE_SZ; less where the user has many").isIn(65536L, (long) Pipe.CAPACITY);
        }
    }

    @Test
    void otherErrorsAreExceptions() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            assertThatThrownBy(() -> Pipe.write(pipe.ours(), text("x"))).hasMessage("write(pipe): EBADF");
        }
    }

    private static ByteBuffer text(String text) {
        ByteBuffer direct = ByteBuffer.allocateDirect(text.length());
        return direct.put(text.getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .flip();
    }
}
