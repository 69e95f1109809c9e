package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The beginning of a session with the stub of a machine, see design/002-stub.md: the channel is older than the session, so bytes
 * of others come first, and what they left unfinished there is to be ended.
 *
 * @param nonce of the session
 * @param pid of the stub; 1 in a machine
 * @param executions how many are alive there
 * @param release of the kernel there, such as {@code 6.1.0-42-cloud-amd64}
 * @param rest bytes that came behind the answer
 */
record Greeting(long nonce, int pid, int executions, String release, byte[] rest) {
    private static final int HELLO = 1;
    private static final int ONLOOKER = 1;
    private static final byte[] MAGIC = "CaySTUB1".getBytes(StandardCharsets.US_ASCII);
    private static final int GREETING_SIZE = 16;
    private static final int FIXED_SIZE = GREETING_SIZE + 4 * Integer.BYTES;
    private static final int VERSION = 1;

    /** As many zeros as complete the longest frame of which only the beginning came. */
    private static final int FLUSH = StubConnection.HEADER_SIZE + StubConnection.MAXIMUM_PAYLOAD + FrameCodec.MARK_SIZE;

    /** Asked for once more after so long: whoever held the other end until then may have taken it. */
    private static final long AGAIN_NANOSECONDS = TimeUnit.SECONDS.toNanos(1);

    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * @param deadline a value of {@link System#nanoTime}
     * @param onlooker whether the session puts off no end for want of something to do
     * @throws SyscallException ETIMEDOUT if the stub does not answer in time, EPIPE if the channel has ended
     */
    static Greeting exchange(Fd socket, long deadline, boolean onlooker) throws SyscallException {
        long nonce;
        do {
            nonce = RANDOM.nextLong();
        } while ((int) nonce == 0);
        Answer answer = new Answer(nonce);
        byte[] hello = hello(nonce, onlooker ? ONLOOKER : 0);
        byte[] unsent = Arrays.copyOf(new byte[FLUSH], FLUSH + hello.length);
        System.arraycopy(hello, 0, unsent, FLUSH, hello.length);
        int sent = 0;
        long again = System.nanoTime() + AGAIN_NANOSECONDS;
        while (true) {
            if (sent == unsent.length && System.nanoTime() - again >= 0) {
                unsent = hello;
                sent = 0;
                again += AGAIN_NANOSECONDS;
            }
            long left = Math.min(deadline, sent < unsent.length ? deadline : again) - System.nanoTime();
            if (deadline - System.nanoTime() <= 0) {
                throw new SyscallException("stub", "the machine does not answer", Errno.ETIMEDOUT.number());
            }
            Poll.Interest reading = Poll.Interest.reading(socket);
            int ready = sent < unsent.length
                    ? Poll.await(Math.max(1, left), reading, Poll.Interest.writing(socket))
                    : Poll.await(Math.max(1, left), reading);
            if ((ready & 2) != 0) {
                int length = Math.min(UnixSocket.CHUNK, unsent.length - sent);
                sent += Math.max(0, alive(UnixSocket.send(socket, unsent, sent, length, List.of())));
            }
            if ((ready & 1) != 0) {
                UnixSocket.Received received = UnixSocket.receive(socket);
                received.descriptors().forEach(Fd::close);
                if (alive(received.status()) > 0 && answer.isWhole(received.bytes())) {
                    return answer.greeting();
                }
            }
        }
    }

    private static int alive(int status) throws SyscallException {
        if (status == UnixSocket.END) {
            throw new SyscallException("stub", "the channel of the machine has ended", Errno.EPIPE.number());
        }
        return status;
    }

    /** Its stream's number shows, wherever it is misread, that it begins here. */
    private static byte[] hello(long nonce, int flags) {
        ByteBuffer frame =
                ByteBuffer.allocate(StubConnection.HEADER_SIZE + GREETING_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(-1).put((byte) HELLO).put((byte) flags).putShort((short) GREETING_SIZE);
        return frame.put(MAGIC).putLong(nonce).array();
    }

    /** Looks for the answer among bytes of others, who cannot know the nonce. */
    private static final class Answer {
        private final byte[] expected;
        private final long nonce;
        private ByteBuffer bytes = ByteBuffer.allocate(0);

        Answer(long nonce) {
            this.nonce = nonce;
            expected = Arrays.copyOfRange(
                    hello(nonce, 0), StubConnection.HEADER_SIZE, StubConnection.HEADER_SIZE + GREETING_SIZE);
        }

        /** Takes what has come; whether the answer is there: then the bytes begin with what it says. */
        boolean isWhole(byte[] come) {
            bytes = ByteBuffer.allocate(bytes.remaining() + come.length)
                    .put(bytes)
                    .put(come)
                    .flip()
                    .order(ByteOrder.LITTLE_ENDIAN);
            int header = StubConnection.HEADER_SIZE;
            for (int at = bytes.position(); bytes.limit() - at >= header + FIXED_SIZE; at++) {
                bytes.position(at);
                int length = Short.toUnsignedInt(bytes.getShort(at + 6));
                if (bytes.get(at + 4) == HELLO && matches(at + header) && length >= FIXED_SIZE) {
                    return bytes.remaining() >= header + length;
                }
                bytes.position(at + 1);
            }
            return false;
        }

        private boolean matches(int at) {
            for (int i = 0; i < expected.length; i++) {
                if (bytes.get(at + i) != expected[i]) {
                    return false;
                }
            }
            return true;
        }

        Greeting greeting() throws SyscallException {
            int length = Short.toUnsignedInt(bytes.getShort(bytes.position() + 6));
            bytes.position(bytes.position() + StubConnection.HEADER_SIZE + GREETING_SIZE);
            int version = bytes.getInt();
            int machine = bytes.getInt();
            if (version != VERSION || machine != Native.ARCHITECTURE.elfMachine()) {
                throw new SyscallException(
                        "stub", "version " + version + ", machine " + machine, Errno.EPROTONOSUPPORT.number());
            }
            int pid = bytes.getInt();
            int executions = bytes.getInt();
            byte[] release = new byte[length - FIXED_SIZE];
            bytes.get(release);
            byte[] rest = new byte[bytes.remaining()];
            bytes.get(rest);
            return new Greeting(nonce, pid, executions, new String(release, StandardCharsets.US_ASCII), rest);
        }
    }
}
