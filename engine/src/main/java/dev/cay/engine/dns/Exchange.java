package dev.cay.engine.dns;

import java.io.EOFException;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.List;
import java.util.Optional;

/**
 * One question to one server, RFC 5452: from a port of its own that the kernel chooses, with an id and a case of letters that
 * nobody can guess. Blocks; made for virtual threads.
 */
final class Exchange {
    /** So many packets that are not the answer, and somebody is trying to guess: from then on by TCP. */
    private static final int MAXIMUM_WRONG = 8;

    /** More than we say that we take. */
    private static final int BUFFER = 4096;

    private final Randomness randomness;

    Exchange(Randomness randomness) {
        this.randomness = randomness;
    }

    /**
     * Asks.
     *
     * @param question for a type of data of the class of the internet
     * @param deadline of {@link System#nanoTime}
     * @return an answer to this very question, not cut off
     * @throws IOException if there is none in time
     */
    DnsMessage ask(InetSocketAddress server, Question question, long deadline) throws IOException {
        DnsMessage answer = ask(server, question, Optional.of(DnsMessage.Edns.ours()), deadline);
        boolean refusesOptions =
                answer.code() == DnsMessage.FORMAT_ERROR || answer.code() == DnsMessage.NOT_IMPLEMENTED;
        return refusesOptions && answer.edns().isEmpty() ? ask(server, question, Optional.empty(), deadline) : answer;
    }

    private DnsMessage ask(InetSocketAddress server, Question question, Optional<DnsMessage.Edns> edns, long deadline)
            throws IOException {
        long random = randomness.next();
        // A server on this machine cannot be impersonated by another one; and some do not keep the case.
        Question asked = server.getAddress().isLoopbackAddress()
                ? question
                : new Question(question.name().withCase(randomness.next()), question.type(), question.recordClass());
        DnsMessage message = DnsMessage.question((int) random & 0xffff, asked, edns);
        Optional<DnsMessage> answer = byDatagram(server, message, deadline);
        return answer.isPresent() && !answer.get().isTruncated()
                ? answer.get()
                : byConnection(server, message, deadline);
    }

    /** Empty if whatever came was not to be trusted. */
    private Optional<DnsMessage> byDatagram(InetSocketAddress server, DnsMessage asked, long deadline)
            throws IOException {
        try (DatagramChannel channel = DatagramChannel.open()) {
            channel.connect(server); // the kernel chooses a port, and lets nothing in from elsewhere
            channel.write(ByteBuffer.wrap(asked.write()));
            byte[] buffer = new byte[BUFFER];
            DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
            for (int wrong = 0; wrong < MAXIMUM_WRONG; wrong++) {
                channel.socket().setSoTimeout(left(deadline));
                packet.setLength(buffer.length);
                channel.socket().receive(packet);
                try {
                    DnsMessage answer = readDatagram(buffer, packet.getLength());
                    if (answers(answer, asked)) {
                        return Optional.of(answer);
                    }
                } catch (MalformedMessageException e) {
                    // one more that is wrong
                }
            }
            return Optional.empty();
        }
    }

    /** Of one that is cut off nothing but the beginning is of use, and it may be cut anywhere. */
    private static DnsMessage readDatagram(byte[] bytes, int length) throws MalformedMessageException {
        if (length >= DnsMessage.HEADER && (bytes[2] & DnsMessage.TRUNCATED >> 8) != 0) {
            WireInput in = new WireInput(bytes, length);
            int id = in.u16();
            int flags = in.u16();
            int questions = in.u16();
            in.bytes(6);
            Question question = new Question(in.name(), in.u16(), in.u16());
            if (questions != 1) {
                throw new MalformedMessageException(questions + " questions");
            }
            return new DnsMessage(id, flags, List.of(question), List.of(), List.of(), List.of(), Optional.empty());
        }
        return DnsMessage.read(bytes, length);
    }

    private static DnsMessage byConnection(InetSocketAddress server, DnsMessage asked, long deadline)
            throws IOException {
        try (Socket socket = new Socket()) {
            socket.connect(server, left(deadline));
            byte[] question = asked.write();
            byte[] framed = new byte[question.length + 2];
            framed[0] = (byte) (question.length >> 8);
            framed[1] = (byte) question.length;
            System.arraycopy(question, 0, framed, 2, question.length);
            socket.getOutputStream().write(framed);
            byte[] length = read(socket, 2, deadline);
            byte[] bytes = read(socket, (length[0] & 0xff) << 8 | length[1] & 0xff, deadline);
            DnsMessage answer = DnsMessage.read(bytes, bytes.length);
            if (!answers(answer, asked) && !answersInAnotherCase(answer, asked)) {
                throw new ProtocolException("dns: not an answer to the question");
            }
            if (answer.isTruncated()) {
                throw new ProtocolException("dns: an answer that is cut off, over TCP");
            }
            return answer;
        }
    }

    private static byte[] read(Socket socket, int length, long deadline) throws IOException {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length; ) {
            socket.setSoTimeout(left(deadline));
            int read = socket.getInputStream().read(bytes, at, length - at);
            if (read < 0) {
                throw new EOFException("dns: the server hung up");
            }
            at += read;
        }
        return bytes;
    }

    private static boolean answers(DnsMessage answer, DnsMessage asked) {
        return answersInAnotherCase(answer, asked)
                && answer.questions()
                        .getFirst()
                        .name()
                        .isExactly(asked.questions().getFirst().name());
    }

    private static boolean answersInAnotherCase(DnsMessage answer, DnsMessage asked) {
        return answer.id() == asked.id()
                && answer.isResponse()
                && answer.opcode() == 0
                && answer.questions().equals(asked.questions());
    }

    /** In milliseconds, at least 1. */
    private static int left(long deadline) throws SocketTimeoutException {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
            throw new SocketTimeoutException("dns: no answer in time");
        }
        return Math.clamp(left / 1_000_000, 1, Integer.MAX_VALUE);
    }
}
