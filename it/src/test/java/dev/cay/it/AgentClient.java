package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A client of the agent socket that was written from the protocol's description: bytes, and nothing of the engine's. */
final class AgentClient implements AutoCloseable {
    static final int EXECUTIONS = 52;
    static final int FILES = 53;
    static final int CONTROL = 54;

    static final int START = 0x01;
    static final int STDIN = 0x02;
    static final int RESIZE = 0x03;
    static final int EOF = 0x04;
    static final int CLOCK_SYNC = 0x05;
    static final int NET_RECONFIG = 0x06;
    static final int SIGNAL = 0x07;
    static final int WAIT_PORT = 0x08;
    static final int STDOUT = 0x10;
    static final int STDERR = 0x11;
    static final int EXIT = 0x12;
    static final int WRITE = 0x20;
    static final int DATA = 0x21;
    static final int DONE = 0x22;
    static final int READ = 0x23;
    static final int STAT = 0x24;
    static final int LIST = 0x25;
    static final int MKDIR = 0x26;
    static final int REMOVE = 0x27;
    static final int MOVE = 0x28;
    static final int WATCH = 0x29;
    static final int ACK = 0x30;
    static final int ERROR = 0x31;
    static final int STAT_ANSWER = 0x32;
    static final int LIST_ANSWER = 0x33;
    static final int EVENT = 0x34;
    static final int HELLO = 0x80;
    static final int EXIT_DETAIL = 0x81;
    static final int ATTACH = 0x82;
    static final int STARTED = 0x83;
    static final int TAR_WRITE = 0x90;
    static final int TAR_READ = 0x91;

    /** No frame at all. */
    static final int END = -1;

    private final SocketChannel channel;
    private final DataInputStream in;

    /** A frame that came; one of the type {@link #END} if the connection has ended. */
    record Frame(int type, byte[] payload) {
        String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }

        private ByteBuffer fields() {
            return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    /**
     * What came until an execution was over.
     *
     * @param details what EXIT_DETAIL said
     */
    record Ended(String stdout, String stderr, int code, int signal, List<String> details) {}

    private AgentClient(SocketChannel channel) {
        this.channel = channel;
        in = new DataInputStream(Channels.newInputStream(channel));
    }

    /** One that has said nothing yet. */
    static AgentClient silent(Path socket) throws IOException {
        return new AgentClient(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    static AgentClient connect(Path socket, int port) throws IOException {
        AgentClient client = silent(socket);
        client.write(("CONNECT " + port + "\n").getBytes(StandardCharsets.US_ASCII));
        assertThat(client.line()).matches("OK [0-9]+");
        return client;
    }

    /** One that has said HELLO. */
    static AgentClient greeted(Path socket, int port) throws IOException {
        AgentClient client = connect(socket, port);
        client.send(HELLO, "{\"protocol\":1,\"agent\":\"test\",\"features\":[]}");
        Frame hello = client.next();
        assertThat(hello.type()).isEqualTo(HELLO);
        assertThat(hello.text())
                .contains("\"protocol\":1")
                .contains("\"agent\":\"")
                .contains("\"features\":[");
        return client;
    }

    void write(byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    static byte[] header(int type, int length) {
        return ByteBuffer.allocate(5)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) type)
                .putInt(length)
                .array();
    }

    AgentClient send(int type, byte... payload) throws IOException {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        frame.writeBytes(header(type, payload.length));
        frame.writeBytes(payload);
        write(frame.toByteArray());
        return this;
    }

    AgentClient send(int type, String payload) throws IOException {
        return send(type, payload.getBytes(StandardCharsets.UTF_8));
    }

    AgentClient signal(int number) throws IOException {
        return send(
                SIGNAL,
                ByteBuffer.allocate(4)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putInt(number)
                        .array());
    }

    /** A line without its end. */
    String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c >= 0 && c != '\n'; c = in.read()) {
            line.append((char) c);
        }
        return line.toString();
    }

    /** The answer to a line. */
    String line(String request) throws IOException {
        write((request + "\n").getBytes(StandardCharsets.UTF_8));
        return line();
    }

    Frame next() throws IOException {
        int type;
        try {
            type = in.read();
        } catch (IOException e) {
            type = END; // what we have sent was not read, which ends a connection otherwise
        }
        if (type < 0) {
            return new Frame(END, new byte[0]);
        }
        int length = Integer.reverseBytes(in.readInt());
        assertThat(length).isBetween(0, 64 * 1024);
        byte[] payload = new byte[length];
        in.readFully(payload);
        return new Frame(type, payload);
    }

    /** The next frame, which must be of a type. */
    Frame next(int type) throws IOException {
        Frame frame = next();
        assertThat(frame.type()).as("0x%x: %s", frame.type(), frame.text()).isEqualTo(type);
        return frame;
    }

    /** Reads output until it ends so. */
    void awaitOutput(String end) throws IOException {
        StringBuilder output = new StringBuilder();
        while (!output.toString().endsWith(end)) {
            output.append(next(STDOUT).text());
        }
    }

    /** Reads to EXIT, behind which nothing may come. */
    Ended ended() throws IOException {
        ByteArrayOutputStream stdout = new ByteArrayOutputStream();
        ByteArrayOutputStream stderr = new ByteArrayOutputStream();
        List<String> details = new ArrayList<>();
        while (true) {
            Frame frame = next();
            switch (frame.type()) {
                case STDOUT -> stdout.writeBytes(frame.payload());
                case STDERR -> stderr.writeBytes(frame.payload());
                case EXIT_DETAIL -> details.add(frame.text());
                case EXIT -> {
                    assertThat(frame.payload()).hasSize(8);
                    assertThat(next().type()).isEqualTo(END);
                    return new Ended(
                            stdout.toString(StandardCharsets.UTF_8),
                            stderr.toString(StandardCharsets.UTF_8),
                            frame.fields().getInt(0),
                            frame.fields().getInt(4),
                            details);
                }
                default -> throw new AssertionError("frame " + frame.type() + ": " + frame.text());
            }
        }
    }

    /** Sends content, and its end. */
    AgentClient upload(InputStream content) throws IOException {
        byte[] chunk = new byte[60_000];
        for (int count = content.read(chunk); count >= 0; count = content.read(chunk)) {
            send(DATA, java.util.Arrays.copyOf(chunk, count));
        }
        return send(DONE);
    }

    /** Receives content to its end. */
    byte[] download() throws IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        while (true) {
            Frame frame = next();
            if (frame.type() == DONE) {
                assertThat(next().type()).isEqualTo(END);
                return content.toByteArray();
            }
            assertThat(frame.type()).as(frame.text()).isEqualTo(DATA);
            content.writeBytes(frame.payload());
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
