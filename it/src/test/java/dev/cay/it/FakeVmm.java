package dev.cay.it;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A program that does as a VMM with an HTTP API does, to whoever calls it so, and has no guest but {@link StubVoice}. It is as
 * strict as the published API: methods, paths, bodies, fields, their types and their order. Needs nothing but the JDK, so that it can be
 * a process anywhere.
 */
abstract class FakeVmm {
    private static final int MAXIMUM_REQUEST = 51_200; // of micro-http, which both servers are made with

    private boolean paused;
    private boolean running;
    private Optional<Path> vsock = Optional.empty();

    /** What is wrong with a request. */
    static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;

        private final int status;
        private final transient List<String> messages;

        Refusal(int status, String... messages) {
            super(String.join(": ", messages));
            this.status = status;
            this.messages = List.of(messages);
        }

        List<String> messages() {
            return messages;
        }
    }

    /**
     * Does what is asked for.
     *
     * @param body empty if there was none
     * @return the body of an answer with status 200; empty for one with 204
     */
    abstract Optional<String> answer(String method, String path, Optional<String> body) throws Refusal, IOException;

    /** How a refusal is told. */
    abstract String fault(Refusal refusal);

    abstract String server();

    /** What happens when the guest restarts itself. */
    abstract void restarted();

    final boolean isRunning() {
        return running;
    }

    final boolean isPaused() {
        return paused;
    }

    /** Serves one connection after the other, for ever. */
    final void serve(String socket) throws IOException {
        try (ServerSocketChannel door = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            door.bind(UnixDomainSocketAddress.of(socket));
            while (true) {
                try (SocketChannel connection = door.accept()) {
                    serve(connection);
                }
            }
        }
    }

    private void serve(SocketChannel connection) throws IOException {
        StringBuilder text = new StringBuilder();
        while (receive(connection, text)) {
            int end = text.indexOf("\r\n\r\n");
            if (end < 0) {
                continue;
            }
            String[] lines = text.substring(0, end).split("\r\n");
            int length = 0;
            for (String line : lines) {
                length = line.startsWith("Content-Length: ") ? Integer.parseInt(line.substring(16)) : length;
            }
            if (text.length() < end + 4 + length) {
                continue;
            }
            Optional<String> body =
                    length == 0 ? Optional.empty() : Optional.of(text.substring(end + 4, end + 4 + length));
            text.delete(0, end + 4 + length);
            String[] first = lines[0].split(" ");
            if (first.length != 3 || !first[2].equals("HTTP/1.1")) {
                say(connection, 400, "{\"error\":\"Invalid HTTP\"}");
                return;
            }
            answer(connection, first[0], first[1], body);
        }
    }

    private static boolean receive(SocketChannel connection, StringBuilder text) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        if (connection.read(buffer) < 0 || text.length() > MAXIMUM_REQUEST) {
            return false;
        }
        text.append(StandardCharsets.US_ASCII.decode(buffer.flip()));
        return true;
    }

    private void answer(SocketChannel connection, String method, String path, Optional<String> body)
            throws IOException {
        try {
            Optional<String> answer = answer(method, path, body);
            say(connection, answer.isPresent() ? 200 : 204, answer.orElse(""));
        } catch (Refusal e) {
            say(connection, e.status, fault(e));
        } catch (IllegalArgumentException e) {
            say(connection, 400, fault(new Refusal(400, "Failed to deserialize JSON", e.getMessage())));
        }
    }

    private void say(SocketChannel connection, int status, String body) throws IOException {
        StringBuilder text = new StringBuilder("HTTP/1.1 " + status + " \r\nServer: " + server() + "\r\n");
        text.append("Connection: keep-alive\r\n");
        if (!body.isEmpty()) {
            text.append("Content-Type: application/json\r\nContent-Length: ")
                    .append(body.length())
                    .append("\r\n");
        }
        ByteBuffer bytes =
                ByteBuffer.wrap(text.append("\r\n").append(body).toString().getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) {
            connection.write(bytes);
        }
    }

    /** The socket behind the guest's vsock, which nobody here calls the guest by. */
    final void openVsock(String path) throws IOException {
        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(path));
        vsock = Optional.of(Path.of(path));
    }

    /** The guest's first process calls its host, and does what that says. */
    final void boot() {
        running = true;
        System.out.println("[    0.000000] Linux version 6.1.0-fake");
        Thread.ofPlatform().daemon().start(() -> {
            try (SocketChannel channel =
                    SocketChannel.open(UnixDomainSocketAddress.of(vsock.orElseThrow() + "_3239"))) {
                if (new StubVoice(channel).speak(this::awaitTurn)) {
                    System.out.println("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300");
                    System.out.flush();
                    restarted();
                }
            } catch (IOException e) {
                System.out.println("stub: there is no port, and no host listens: " + e);
            }
        });
    }

    private synchronized void awaitTurn() {
        boolean interrupted = false;
        while (paused) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    final synchronized void pause(boolean value) {
        paused = value;
        notifyAll();
    }

    /** The object that a body is, with no fields but these. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value, Set<String> fields, Set<String> required) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new IllegalArgumentException("invalid type: expected struct");
        }
        for (Object name : map.keySet()) {
            if (!fields.contains((String) name)) {
                throw new IllegalArgumentException("unknown field `" + name + "`");
            }
        }
        for (String name : required) {
            if (!map.containsKey(name)) {
                throw new IllegalArgumentException("missing field `" + name + "`");
            }
        }
        return (Map<String, Object>) map;
    }

    static long number(Map<String, Object> object, String field, long least, long most) {
        if (!(object.get(field) instanceof Long value) || value < least || value > most) {
            throw new IllegalArgumentException("invalid value of " + field + ": " + object.get(field));
        }
        return value;
    }

    static String text(Map<String, Object> object, String field) {
        if (!(object.get(field) instanceof String value)) {
            throw new IllegalArgumentException("invalid type of " + field + ", expected a string");
        }
        return value;
    }

    static boolean flag(Map<String, Object> object, String field) {
        if (!(object.get(field) instanceof Boolean value)) {
            throw new IllegalArgumentException("invalid type of " + field + ", expected a boolean");
        }
        return value;
    }

    /** Whether it could be opened. */
    static boolean isOpenable(String path, boolean readOnly) {
        return Files.isRegularFile(Path.of(path))
                && Files.isReadable(Path.of(path))
                && (readOnly || Files.isWritable(Path.of(path)));
    }
}
