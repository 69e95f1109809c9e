package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PipeInputTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private Events events;
    private Pipe pipe;
    private InputStream stream;

    @BeforeEach
    void open() throws SyscallException {
        events = new Events();
        pipe = Pipe.reading();
        stream = new PipeInput(pipe, Poll.Interest.reading(events.process()));
    }

    @AfterEach
    void close() {
        pipe.close();
        events.close();
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void whatIsWrittenIsReadAsItComes() throws IOException {
        Events.write(pipe, "abc");
        byte[] bytes = new byte[8];
        assertThat(stream.read(bytes, 2, 6)).isEqualTo(3);
        assertThat(bytes).containsExactly(0, 0, 'a', 'b', 'c', 0, 0, 0);
        Events.write(pipe, "\u00ff");
        assertThat(stream.read()).as("a byte, not a negative").isEqualTo(0xc3);
        assertThat(stream.available()).isEqualTo(1);
        assertThat(stream.read()).isEqualTo(0xbf);
        assertThat(stream.available()).isZero();
    }

    @Test
    void theEndOfTheOtherSideIsTheEndOfTheStream() throws IOException {
        Events.write(pipe, "last words");
        pipe.theirs().close();

        assertThat(text(stream.readAllBytes())).isEqualTo("last words");
        assertThat(stream.read()).isEqualTo(-1);
        assertThat(stream.read(new byte[4])).isEqualTo(-1);
        assertThat(stream.read(new byte[0])).isZero();
    }

    @Test
    void whoKeepsThePipeOpenAfterTheExitIsNotWaitedFor() throws SyscallException {
        Events.write(pipe, "before the exit");
        events.exit();

        assertThat(assertTimeoutPreemptively(PATIENCE, () -> text(stream.readAllBytes())))
                .isEqualTo("before the exit");
        assertThat(assertTimeoutPreemptively(PATIENCE, () -> stream.read())).isEqualTo(-1);
    }

    @Test
    void whoeverIsAlreadyWaitingLearnsOfTheExit() throws Exception {
        try (ExecutorService reader = Executors.newSingleThreadExecutor()) {
            Future<byte[]> read = reader.submit(() -> stream.readAllBytes());
            Events.write(pipe, "a");
            events.exit();
            assertThat(read.get()).containsExactly('a');
        }
    }

    @Test
    void aVirtualThreadReadsLikeAnyOther() throws Exception {
        try (ExecutorService reader = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<byte[]> read = reader.submit(() -> stream.readAllBytes());
            Events.write(pipe, "a");
            events.exit();
            assertThat(read.get()).containsExactly('a');
        }
    }

    @Test
    void aClosedStreamHasNothingMore() throws IOException {
        Events.write(pipe, "unread");
        assertThat(stream.read()).isEqualTo('u');
        stream.close();
        stream.close();

        assertThatThrownBy(() -> stream.read()).isInstanceOf(IOException.class).hasMessageContaining("closed");
        assertThat(stream.available()).isZero();
        assertThat(pipe.ours().isOpen()).isFalse();
        assertThatThrownBy(() -> Events.write(pipe, "x"))
                .as("SIGPIPE for the command")
                .hasMessage("wrote -1");
    }

    @Test
    void whoClosesWhileAnotherReadsLeavesTheDescriptorToHim() throws Exception {
        try (ExecutorService reader = Executors.newSingleThreadExecutor()) {
            Events.write(pipe, "a");
            assertThat(stream.read()).isEqualTo('a');
            CountDownLatch reading = new CountDownLatch(1);
            Future<Integer> read = reader.submit(() -> {
                reading.countDown();
                return stream.read();
            });
            reading.await();
            stream.close();
            events.exit();
            assertThat(catchThrowable(read::get))
                    .satisfiesAnyOf(
                            end -> assertThat(end).isNull(),
                            end -> assertThat(end).hasRootCauseMessage("the stream is closed"));
        }
        assertThat(pipe.ours().isOpen()).isFalse();
    }

    @Test
    void indexesAreChecked() {
        assertThatThrownBy(() -> stream.read(new byte[2], 1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> stream.read(new byte[2], -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
