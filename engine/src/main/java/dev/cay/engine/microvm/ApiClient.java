package dev.cay.engine.microvm;

import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * HTTP/1.1 (RFC 9112) over a unix socket, as much of it as the VMMs speak that have it: one request after the other on one connection,
 * with answers whose length is said. The other side may be hostile: it gets neither more memory than an answer may have nor more time
 * than there is. Thread-safe.
 */
final class ApiClient implements AutoCloseable {
    static final int MAXIMUM_HEAD = 8 * 1024;
    static final int MAXIMUM_BODY = 64 * 1024;

    private static final int NO_CONTENT = 204;
    private static final String END_OF_HEAD = "\r\n\r\n";

    private final Fd socket;
    private final byte[] piece = new byte[4096];

    /** What has come and belongs to no answer yet. */
    private byte[] rest = new byte[0];

    /**
     * What is asked for.
     *
     * @param body JSON; empty if there is none
     */
    record Call(String method, String path, Optional<String> body) {
        static Call put(String path) {
            return new Call("PUT", path, Optional.empty());
        }

        static Call put(String path, String body) {
            return new Call("PUT", path, Optional.of(body));
        }

        /** For messages; an HTTP request begins so too. */
        String text() {
            return method + " " + path;
        }
    }

    /** @param status a number of three digits */
    record Answer(int status, String body) {
        boolean isGood() {
            return status / 100 == 2;
        }
    }

    /** @param socket does not block; closed with this object */
    ApiClient(Fd socket) {
        this.socket = socket;
    }

    /**
     * Asks for something.
     *
     * @param passed go with it
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if the other side does not answer in time, or not as it should: it must be asked no more
     */
    synchronized Answer send(Call call, List<Fd> passed, long deadline) throws IOException {
        write(encoded(call), passed, deadline);
        String head = head(deadline);
        int status = status(head);
        int length = status == NO_CONTENT ? 0 : length(head);
        return new Answer(status, new String(take(length, deadline), StandardCharsets.UTF_8));
    }

    private static byte[] encoded(Call call) {
        StringBuilder text = new StringBuilder(call.text()).append(" HTTP/1.1\r\nHost: localhost\r\n");
        text.append("Accept: application/json\r\n");
        byte[] body = call.body().orElse("").getBytes(StandardCharsets.UTF_8);
        if (call.body().isPresent()) { // where none is expected not even its length may be said
            text.append("Content-Type: application/json\r\nContent-Length: ")
                    .append(body.length)
                    .append("\r\n");
        }
        byte[] head = text.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(head.length + body.length)
                .put(head)
                .put(body)
                .array();
    }

    private void write(byte[] bytes, List<Fd> passed, long deadline) throws IOException {
        for (int done = 0; done < bytes.length; ) {
            int length = Math.min(UnixSocket.CHUNK, bytes.length - done);
            int count = UnixSocket.send(socket, bytes, done, length, done == 0 ? passed : List.of());
            if (count == UnixSocket.END) {
                throw new IOException("the VMM has closed its API");
            }
            if (count == UnixSocket.WOULD_BLOCK) {
                await(Poll.Interest.writing(socket), deadline);
            }
            done += Math.max(0, count);
        }
    }

    private String head(long deadline) throws IOException {
        while (true) {
            String text = new String(rest, StandardCharsets.ISO_8859_1);
            int end = text.indexOf(END_OF_HEAD);
            if (end >= 0) {
                take(end + END_OF_HEAD.length(), deadline);
                return text.substring(0, end);
            }
            if (rest.length > MAXIMUM_HEAD) {
                throw new IOException("the VMM's answer has a head without an end");
            }
            receive(deadline);
        }
    }

    private byte[] take(int length, long deadline) throws IOException {
        while (rest.length < length) {
            receive(deadline);
        }
        ByteBuffer all = ByteBuffer.wrap(rest);
        byte[] taken = new byte[length];
        all.get(taken);
        rest = new byte[all.remaining()];
        all.get(rest);
        return taken;
    }

    private void receive(long deadline) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(piece.length);
        int count = Pipe.read(socket, buffer);
        if (count == Pipe.WOULD_BLOCK) {
            await(Poll.Interest.reading(socket), deadline);
            return;
        }
        if (count == Pipe.END) {
            throw new IOException("the VMM has closed its API");
        }
        buffer.flip().get(piece, 0, count);
        ByteArrayOutputStream more = new ByteArrayOutputStream(rest.length + count);
        more.writeBytes(rest);
        more.write(piece, 0, count);
        rest = more.toByteArray();
    }

    private static void await(Poll.Interest interest, long deadline) throws IOException {
        long left = deadline - System.nanoTime();
        if (left <= 0 || Poll.await(left, interest) == 0) {
            throw new IOException("the VMM's API does not answer in time");
        }
    }

    private static int status(String head) throws IOException {
        String line = head.split("\r\n", 2)[0];
        if (!line.matches("HTTP/1\\.[01] [2-5][0-9][0-9]( .*)?")) {
            throw new IOException("the VMM's API does not speak HTTP");
        }
        return Integer.parseInt(line.substring(9, 12));
    }

    /** Of the body; none if it is not said. */
    private static int length(String head) throws IOException {
        int length = 0;
        String[] lines = head.split("\r\n");
        for (int i = 1; i < lines.length; i++) {
            String name = lines[i].split(":", 2)[0].strip().toLowerCase(Locale.ROOT);
            if (name.equals("transfer-encoding")) {
                throw new IOException("the VMM's API answers in chunks");
            }
            if (name.equals("content-length")) {
                String value = lines[i].substring(lines[i].indexOf(':') + 1).strip();
                if (!value.matches("[0-9]{1,6}") || Integer.parseInt(value) > MAXIMUM_BODY) {
                    throw new IOException("the VMM's API answers with a body that is too long");
                }
                length = Integer.parseInt(value);
            }
        }
        return length;
    }

    @Override
    public synchronized void close() {
        socket.close();
    }
}
