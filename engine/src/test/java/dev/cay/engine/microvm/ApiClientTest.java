package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import dev.cay.engine.microvm.ApiClient.Answer;
import dev.cay.engine.microvm.ApiClient.Call;
import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The other side is the test, which may be honest, broken, or in somebody else's hands. */
@Timeout(60)
class ApiClientTest {
    private static final Call CALL = Call.put("/vsock", "{\"guest_cid\":3}");
    private static final String FINE = "HTTP/1.1 204 \r\nServer: it\r\nConnection: keep-alive\r\n\r\n";

    private Fd theirs;
    private ApiClient api;

    @BeforeEach
    void open() throws SyscallException {
        List<Fd> pair = UnixSocket.pair();
        api = new ApiClient(pair.getFirst());
        theirs = pair.getLast();
    }

    @AfterEach
    void close() {
        api.close();
        theirs.close();
    }

    private void say(byte[] bytes) throws SyscallException {
        for (int done = 0; done < bytes.length; ) {
            int count = UnixSocket.send(theirs, bytes, done, Math.min(4096, bytes.length - done), List.of());
            assertThat(count).isPositive();
            done += count;
        }
    }

    private void say(String text) throws SyscallException {
        say(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private String heard() throws SyscallException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
        Pipe.read(theirs, buffer);
        return StandardCharsets.US_ASCII.decode(buffer.flip()).toString();
    }

    private Answer ask(Duration limit) throws IOException {
        return api.send(CALL, List.of(), System.nanoTime() + limit.toNanos());
    }

    private Answer ask() throws IOException {
        return ask(Duration.ofSeconds(30));
    }

    @Test
    void oneIsAskedAfterTheOther() throws IOException {
        say(FINE + "HTTP/1.1 400 \r\ncontent-length: 4\r\n\r\nnope" + FINE);
        assertThat(ask()).isEqualTo(new Answer(204, ""));
        assertThat(heard())
                .startsWith("PUT /vsock HTTP/1.1\r\n")
                .contains("\r\nContent-Length: 15\r\n")
                .endsWith("\r\n\r\n{\"guest_cid\":3}");
        assertThat(ask()).isEqualTo(new Answer(400, "nope"));
        heard();
        api.send(
                Call.put("/api/v1/vm.boot"),
                List.of(),
                System.nanoTime() + Duration.ofSeconds(30).toNanos());
        assertThat(heard()).doesNotContain("Content").endsWith("\r\n\r\n");
    }

    @Test
    void whoeverIsSilentIsNotWaitedFor() {
        assertThatThrownBy(() -> ask(Duration.ofMillis(20))).hasMessageContaining("in time");
    }

    @Test
    void whatIsTooLongOrNoAnswerIsRefused() throws IOException {
        for (String lie : List.of(
                "x".repeat(ApiClient.MAXIMUM_HEAD + 1),
                "HTTP/1.1 200 \r\nContent-Length: 65537\r\n\r\n",
                "HTTP/1.1 200 \r\nContent-Length: 99999999999999999999\r\n\r\n",
                "HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n",
                "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.1 2000 \r\n\r\n",
                "SSH-2.0-it\r\n\r\n")) {
            close();
            open();
            say(lie);
            assertThatThrownBy(this::ask).as(lie).isInstanceOf(IOException.class);
        }
        close();
        open();
        theirs.close();
        assertThatThrownBy(this::ask).hasMessageContaining("closed");
    }

    /** Whatever is changed, and however it is cut: an answer, or a refusal, and never more than there may be. */
    @Test
    void anyBytesAreAnAnswerOrRefused() {
        String answer = "HTTP/1.1 400 Bad\r\nServer: it\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n"
                + "{\"fault_message\":\"nope\"}";
        Seeded.run(random -> {
            for (int round = 0; round < 500; round++) {
                byte[] bytes = answer.getBytes(StandardCharsets.ISO_8859_1);
                for (int i = 0; i < random.nextInt(4); i++) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
                try {
                    open();
                    say(bytes);
                    theirs.close();
                    Answer heard = ask();
                    assertThat(heard.status()).isBetween(200, 599);
                    assertThat(heard.body().length()).isLessThanOrEqualTo(ApiClient.MAXIMUM_BODY);
                } catch (IOException e) {
                    assertThat(e.getMessage()).isNotEmpty();
                } finally {
                    close();
                }
            }
        });
    }

    @Test
    void aRestartIsHeardHoweverItIsCut() {
        String told = "{\n  \"timestamp\": {\n    \"secs\": 1,\n    \"nanos\": 2\n  },\n  \"source\": \"vm\",\n"
                + "  \"event\": \"booted\",\n  \"properties\": null\n}\n\n{\n  \"source\": \"vm\",\n"
                + "  \"event\": \"rebooting\",\n  \"properties\": null\n}\n\n";
        byte[] bytes = told.getBytes(StandardCharsets.US_ASCII);
        Seeded.run(random -> {
            for (int round = 0; round < 200; round++) {
                int[] restarts = {0};
                VmmEvents events = new VmmEvents(() -> restarts[0]++);
                for (int at = 0; at < bytes.length; ) {
                    int length = Math.min(bytes.length - at, 1 + random.nextInt(50));
                    byte[] piece = new byte[length];
                    System.arraycopy(bytes, at, piece, 0, length);
                    events.accept(piece, length);
                    at += length;
                }
                assertThat(restarts[0]).isEqualTo(1);
            }
        });
    }
}
