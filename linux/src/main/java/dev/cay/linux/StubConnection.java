package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToIntFunction;

/**
 * A session with a stub: frames in both directions, each of which belongs to a request or to an execution. Thread-safe.
 *
 * <p>No thread reads for the others: of those that wait, one reads and hands the frames of others to them. So an answer takes no
 * detour, and a session that nobody uses costs nothing but its descriptor.
 */
final class StubConnection implements AutoCloseable {
    static final int PING = 2;
    static final int PONG = 3;
    static final int RUN = 4;
    static final int RESULT = 5;
    static final int DATA = 6;
    static final int CREDIT = 7;
    static final int END = 8;
    static final int EXIT = 9;
    static final int ATTACH = 10;
    static final int ATTACHED = 11;
    static final int DETACH = 12;
    static final int RESIZE = 13;
    static final int SIGNAL = 14;
    static final int LIFETIME = 15;
    static final int CANCEL = 16;
    static final int CONNECT = 17;
    static final int LISTEN = 18;
    static final int CLOSE = 19;
    static final int SILENCE = 20;
    static final int ALIVE = 21;
    static final int MORE = 1;
    static final int LEAVE = 2;

    /** What END is about if it is about the execution as such. */
    static final int EXECUTION = 3;

    static final int HEADER_SIZE = FrameCodec.HEADER_SIZE;
    static final int MAXIMUM_PAYLOAD = FrameCodec.MAXIMUM_PAYLOAD;

    static final long FOREVER = Long.MAX_VALUE;

    /** A writer that found somebody else reading looks again after so long whether he still does. */
    private static final long RECHECK_NANOSECONDS = 5_000_000;

    private final Fd socket;
    private final FrameCodec codec;
    private final ReentrantLock writing = new ReentrantLock();
    private final ReentrantLock reading = new ReentrantLock();
    private final Mailboxes mailboxes = new Mailboxes(this);
    private final Set<Mailbox> waiting = ConcurrentHashMap.newKeySet();

    /** The mailbox of whoever reads. */
    private volatile Optional<Mailbox> leading = Optional.empty();

    private final AtomicInteger pings = new AtomicInteger();
    private volatile boolean broken;

    StubConnection(Fd socket) {
        this.socket = socket;
        codec = new FrameCodec(0);
    }

    /** The stub's process there; 0 if it has not been said. */
    private int pid;

    /** A session with the stub of a machine, over a channel that passes no descriptors. */
    StubConnection(Fd socket, Greeting greeting) throws SyscallException {
        this.socket = socket;
        codec = new FrameCodec((int) greeting.nonce());
        pid = greeting.pid();
        parse(greeting.rest());
    }

    /** Whether descriptors are passed; else they are numbers of the stub's. */
    boolean passesDescriptors() {
        return !codec.isMarked();
    }

    /** A descriptor that the stub keeps for this session. */
    Fd descriptor(long number) throws SyscallException {
        require(number >= 0 && number <= Integer.MAX_VALUE);
        return new Fd((int) number, this::closeThere, Optional.of(this));
    }

    private void closeThere(int number) {
        try {
            send(0, CLOSE, 0, FrameCodec.integer(number));
        } catch (SyscallException e) {
            // the end of the session closes it
        }
    }

    /**
     * A frame, or an answer put together from several.
     *
     * @param payload do not modify
     * @param descriptors came with it
     */
    record Frame(int stream, int kind, int flags, byte[] payload, List<Fd> descriptors) {
        ByteBuffer buffer() {
            return ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
        }
    }

    /** Whoever waits for it, and reads for all meanwhile, is to look again. */
    void wakeReader(Mailbox mailbox) {
        if (leading.equals(Optional.of(mailbox))) {
            try {
                send(0, PING, 0, new byte[0]); // what is answered wakes whoever reads
            } catch (SyscallException e) {
                // so does the end
            }
        }
    }

    /**
     * The answers to a request.
     *
     * @param descriptorsOf how many descriptors come with an answer; negative if it cannot be one
     */
    Mailbox request(int number, ToIntFunction<ByteBuffer> descriptorsOf) {
        return mailboxes.request(number, descriptorsOf);
    }

    /** The frames about a stream of an execution, or about the execution as such. Who had them before gets no more. */
    Mailbox execution(int number, int about) {
        return mailboxes.execution(number, about);
    }

    /** Returns when the stub has acted on all that was sent before. */
    void synchronize() throws SyscallException {
        if (!synchronize(FOREVER)) {
            throw gone();
        }
    }

    /** The same, but no longer than until a deadline, also if others wait without end for the stub to read; whether it has. */
    boolean synchronize(long deadline) throws SyscallException {
        int number = pings.incrementAndGet();
        try (Mailbox mailbox = mailboxes.ping(number)) {
            return sendPing(number, deadline) && await(mailbox, deadline).isPresent();
        }
    }

    /** Whether it could be sent in time. What is as short as this goes into the socket as a whole or not at all. */
    private boolean sendPing(int number, long deadline) throws SyscallException {
        if (!lockWriting(deadline)) {
            return false;
        }
        try {
            byte[] frame = codec.encode(number, PING, 0, new byte[0], 0, 0);
            while (true) {
                int count = UnixSocket.send(socket(), frame, 0, frame.length, List.of());
                if (count == UnixSocket.END) {
                    throw gone();
                }
                if (count != UnixSocket.WOULD_BLOCK) {
                    return true;
                }
                long left = deadline == FOREVER ? Poll.FOREVER : deadline - System.nanoTime();
                if (deadline != FOREVER && left <= 0) {
                    return false;
                }
                awaitRoom(left);
            }
        } finally {
            writing.unlock();
        }
    }

    private boolean lockWriting(long deadline) {
        boolean interrupted = false;
        try {
            while (deadline != FOREVER) {
                try {
                    return writing.tryLock() || writing.tryLock(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            writing.lock();
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Asks which executions are alive: a number and a process id of each. */
    ByteBuffer alive() throws SyscallException {
        int number = pings.incrementAndGet();
        try (Mailbox mailbox = mailboxes.count(number)) {
            send(number, ALIVE, 0, new byte[0]);
            Frame answer = await(mailbox, FOREVER).orElseThrow(this::gone);
            require(answer.kind() == ALIVE);
            return answer.buffer();
        }
    }

    boolean isBroken() {
        return broken;
    }

    int pid() {
        return pid;
    }

    /** Sends a payload of any length, in as many frames as it takes, with descriptors. */
    void send(int stream, int kind, byte[] payload, List<Fd> sent) throws SyscallException {
        send(stream, kind, 0, payload, sent);
    }

    /** The same with flags of all frames. */
    void send(int stream, int kind, int common, byte[] payload, List<Fd> sent) throws SyscallException {
        writing.lock();
        try {
            int done = 0;
            do {
                int length = Math.min(MAXIMUM_PAYLOAD - HEADER_SIZE, payload.length - done);
                int flags = common | (done + length < payload.length ? MORE : 0);
                byte[] frame = codec.encode(stream, kind, flags, payload, done, length);
                write(frame, done == 0 ? sent : List.of());
                done += length;
            } while (done < payload.length);
        } finally {
            writing.unlock();
        }
    }

    /** Sends one frame. */
    void send(int stream, int kind, int flags, byte[] payload) throws SyscallException {
        writing.lock();
        try {
            write(codec.encode(stream, kind, flags, payload, 0, payload.length), List.of());
        } finally {
            writing.unlock();
        }
    }

    private void write(byte[] frame, List<Fd> sent) throws SyscallException {
        int done = 0;
        while (done < frame.length) {
            int length = Math.min(UnixSocket.CHUNK, frame.length - done);
            int count = UnixSocket.send(socket(), frame, done, length, done == 0 ? sent : List.of());
            if (count == UnixSocket.END) {
                throw gone();
            }
            if (count == UnixSocket.WOULD_BLOCK) {
                awaitRoom(Poll.FOREVER);
            } else {
                done += count;
            }
        }
    }

    /** The stub reads nothing while it cannot get rid of its answers: so whoever waits for it takes them. */
    private void awaitRoom(long nanoseconds) throws SyscallException {
        if (!reading.tryLock()) {
            Poll.await(RECHECK_NANOSECONDS, Poll.Interest.writing(socket()));
            return;
        }
        try {
            int ready = Poll.await(nanoseconds, Poll.Interest.writing(socket()), Poll.Interest.reading(socket()));
            if ((ready & 2) != 0) {
                receive();
            }
        } finally {
            reading.unlock();
            passOn();
        }
    }

    /** Waits for a frame; empty if there is none before the deadline, a value of {@link System#nanoTime}. */
    Optional<Frame> await(Mailbox mailbox, long deadline) throws SyscallException {
        boolean interrupted = false;
        boolean followed = false;
        try {
            while (true) {
                Optional<Frame> frame = mailbox.take();
                if (frame.isPresent()) {
                    return frame;
                }
                long left = deadline == FOREVER ? FOREVER : deadline - System.nanoTime();
                if (broken) {
                    throw gone();
                }
                if (left <= 0) {
                    return Optional.empty();
                }
                if (reading.tryLock()) {
                    lead(mailbox, left);
                } else {
                    followed = true;
                    interrupted |= follow(mailbox, left);
                }
            }
        } finally {
            if (followed && !reading.isLocked()) {
                passOn(); // it may have been woken to read for the others, and does not stay to do it
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void lead(Mailbox mailbox, long nanoseconds) throws SyscallException {
        leading = Optional.of(mailbox);
        try {
            if (!mailbox.hasFrames() && !broken) {
                long wait = nanoseconds == FOREVER ? Poll.FOREVER : nanoseconds;
                if (Poll.await(wait, Poll.Interest.reading(socket())) != 0) {
                    receive();
                }
            }
        } finally {
            leading = Optional.empty();
            reading.unlock();
            passOn();
        }
    }

    /** Whether it was interrupted, which would keep the thread from being parked again. */
    private boolean follow(Mailbox mailbox, long nanoseconds) {
        mailbox.setWaiter(Optional.of(Thread.currentThread()));
        waiting.add(mailbox);
        try {
            if (!mailbox.hasFrames() && reading.isLocked() && !broken) {
                LockSupport.parkNanos(this, nanoseconds);
            }
            return Thread.interrupted();
        } finally {
            waiting.remove(mailbox);
            mailbox.setWaiter(Optional.empty());
        }
    }

    /** Lets one of those that wait read from now on. */
    private void passOn() {
        for (Mailbox mailbox : waiting) {
            mailbox.wake();
            if (!broken) {
                return;
            }
        }
    }

    private void receive() throws SyscallException {
        try {
            UnixSocket.Received received = UnixSocket.receive(socket());
            if (received.status() == UnixSocket.END) {
                broken = true;
            } else if (received.status() > 0) {
                mailboxes.deliver(received.descriptors());
                parse(received.bytes());
                mailboxes.requireFewAhead();
            }
        } catch (SyscallException e) {
            broken = true;
            throw e;
        }
    }

    /** What comes from a stub is believed no more than anything else that comes out of a sandbox. */
    static void require(boolean kept) throws SyscallException {
        if (!kept) {
            throw new SyscallException("stub", "the first process breaks the protocol", Errno.EPROTO.number());
        }
    }

    private void parse(byte[] bytes) throws SyscallException {
        for (Frame frame : codec.decode(bytes)) {
            mailboxes.deliver(frame);
        }
    }

    private Fd socket() throws SyscallException {
        if (!socket.isOpen()) {
            throw gone();
        }
        return socket;
    }

    SyscallException gone() {
        broken = true;
        return new SyscallException("stub", "the first process has ended", Errno.EPIPE.number());
    }

    /** Ends the session without a word, and leaves the channel as it is: another session can be begun there. Nobody may be waiting. */
    void leave() {
        broken = true;
        mailboxes.close();
    }

    /** Ends the session; whoever waits is told. */
    @Override
    public void close() {
        broken = true;
        if (socket.isOpen()) {
            UnixSocket.shutdown(socket); // whoever waits for it wakes up
        }
        writing.lock(); // nobody may be about to use its number
        reading.lock();
        try {
            socket.close();
            mailboxes.close();
        } finally {
            reading.unlock();
            writing.unlock();
            passOn();
        }
    }
}
