package dev.cay.engine.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PipeOutputTest {
    private static final byte[] MUCH = "0123456789abcdef".repeat(40_000).getBytes(StandardCharsets.UTF_8);

    private Events events;
    private Pipe pipe;
    private OutputStream stream;

    @BeforeEach
    void open() throws SyscallException {
        events = new Events();
        pipe = Pipe.writing();
        stream = new PipeOutput(pipe.ours(), Poll.Interest.reading(events.process()));
    }

    @AfterEach
    void close() {
        pipe.close();
        events.close();
    }

    @Test
    void whatIsWrittenCanBeReadAtOnce() throws IOException {
        stream.write('a');
        stream.write("xbcx".getBytes(StandardCharsets.UTF_8), 1, 2);
        stream.write(0x100 + 'd');

        assertThat(Events.read(pipe)).isEqualTo("abcd");
    }

    @Test
    void moreThanAPipeHoldsIsWrittenWhileItIsRead() throws Exception {
        try (ExecutorService writer = Executors.newSingleThreadExecutor()) {
            Future<Void> written = writer.submit(() -> {
                stream.write(MUCH);
                stream.close();
                return null;
            });
            StringBuilder read = new StringBuilder();
            for (String text = Events.read(pipe); !text.isEmpty(); text = Events.read(pipe)) {
                read.append(text);
            }
            written.get();
            assertThat(read.toString().getBytes(StandardCharsets.UTF_8)).isEqualTo(MUCH);
        }
    }

    @Test
    void closingIsTheCommandsEndOfFile() throws IOException {
        stream.write('a');
        stream.close();
        stream.close();

        assertThat(Events.read(pipe)).isEqualTo("a");
        assertThat(Events.read(pipe)).isEmpty();
    }

    @Test
    void whoDoesNotReadAnyMoreIsToldOf() {
        pipe.theirs().close();

        assertThatThrownBy(() -> stream.write('a'))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("does not read");
    }

    @Test
    void whoExitsWithoutReadingHoldsNobodyUp() throws Exception {
        try (ExecutorService writer = Executors.newSingleThreadExecutor()) {
            Future<Void> written = writer.submit(() -> {
                stream.write(MUCH);
                return null;
            });
            events.exit();
            assertThatThrownBy(written::get).hasCauseInstanceOf(IOException.class);
        }
    }

    @Test
    void nothingCanBeWrittenOnceItIsClosed() throws IOException {
        stream.close();
        assertThatThrownBy(() -> stream.write('a')).isInstanceOf(IOException.class);
    }

    @Test
    void writingNothingNeedsNobody() throws IOException {
        pipe.theirs().close();
        stream.write(new byte[0]);
        stream.flush();
    }

    @Test
    void indexesAreChecked() {
        assertThatThrownBy(() -> stream.write(new byte[2], 1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> stream.write(new byte[2], -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
