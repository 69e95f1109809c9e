package dev.cay.engine.dns;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/** A name server on the loopback interface that answers what a test wants it to, well or badly. */
final class FakeServer implements AutoCloseable {
    /** Datagrams that answer a question, in their order. */
    interface ByDatagram extends Function<DnsMessage, List<byte[]>> {}

    final List<DnsMessage> datagrams = new CopyOnWriteArrayList<>();
    final List<DnsMessage> connections = new CopyOnWriteArrayList<>();
    final List<Integer> ports = new CopyOnWriteArrayList<>();

    private final DatagramSocket socket;
    private final ServerSocket server;
    private volatile ByDatagram byDatagram;
    private volatile Function<DnsMessage, DnsMessage> byConnection;

    FakeServer(Function<DnsMessage, DnsMessage> answer) throws IOException {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        server = new ServerSocket(0, 50, loopback);
        socket = new DatagramSocket(server.getLocalPort(), loopback);
        both(answer);
        Thread.ofVirtual().start(this::receive);
        Thread.ofVirtual().start(this::accept);
    }

    void both(Function<DnsMessage, DnsMessage> answer) {
        byDatagram = question -> List.of(answer.apply(question).write());
        byConnection = answer;
    }

    void byDatagram(ByDatagram answer) {
        byDatagram = answer;
    }

    InetSocketAddress address() {
        return new InetSocketAddress(socket.getLocalAddress(), socket.getLocalPort());
    }

    int questions() {
        return datagrams.size() + connections.size();
    }

    private void receive() {
        byte[] buffer = new byte[4096];
        while (!socket.isClosed()) {
            try {
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                socket.receive(packet);
                DnsMessage question = DnsMessage.read(buffer, packet.getLength());
                datagrams.add(question);
                ports.add(packet.getPort());
                for (byte[] answer : byDatagram.apply(question)) {
                    socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
                }
            } catch (IOException e) {
                // closed, or not a question
            }
        }
    }

    private void accept() {
        while (!server.isClosed()) {
            try (Socket connection = server.accept()) {
                DataInputStream in = new DataInputStream(connection.getInputStream());
                byte[] bytes = in.readNBytes(in.readUnsignedShort());
                DnsMessage question = DnsMessage.read(bytes, bytes.length);
                connections.add(question);
                byte[] answer = byConnection.apply(question).write(DnsMessage.MAXIMUM);
                DataOutputStream out = new DataOutputStream(connection.getOutputStream());
                out.writeShort(answer.length);
                out.write(answer);
            } catch (IOException e) {
                // closed, or not a question
            }
        }
    }

    static DnsMessage answer(DnsMessage question, int code, List<DnsRecord> answers, List<DnsRecord> authorities) {
        return new DnsMessage(
                question.id(),
                DnsMessage.RESPONSE | DnsMessage.RECURSION_AVAILABLE | code,
                question.questions(),
                answers,
                authorities,
                List.of(),
                Optional.empty());
    }

    static DnsMessage addresses(DnsMessage question, long seconds, String... addresses) {
        List<DnsRecord> records = new ArrayList<>();
        for (String address : addresses) {
            DnsRecord record =
                    DnsRecord.of(question.questions().getFirst().name(), InetAddress.ofLiteral(address), seconds);
            if (record.type() == question.questions().getFirst().type()) {
                records.add(record);
            }
        }
        return answer(question, DnsMessage.NO_ERROR, records, List.of());
    }

    @Override
    public void close() throws IOException {
        socket.close();
        server.close();
    }
}
