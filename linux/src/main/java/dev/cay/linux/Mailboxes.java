package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToIntFunction;

/**
 * Who wants which of the frames that come from a stub, and the descriptors that came ahead of them. Anybody may open and close a
 * mailbox; what comes is delivered by one thread at a time.
 */
final class Mailboxes {
    /** How many descriptors may have come before the answer that they belong to. */
    private static final int MAXIMUM_AHEAD = 2 * UnixSocket.MAXIMUM_DESCRIPTORS;

    /** In a mailbox's key: it belongs to a request. */
    private static final long REQUEST = 1L << 40;

    /** The same: to a question whether the stub is there. */
    private static final long PINGED = 1L << 41;

    /** The same: to a question about executions. */
    private static final long COUNTED = 1L << 42;

    private final StubConnection connection;
    private final Map<Long, Mailbox> open = new ConcurrentHashMap<>();
    private final Deque<Fd> ahead = new ArrayDeque<>();

    Mailboxes(StubConnection connection) {
        this.connection = connection;
    }

    Mailbox request(int number, ToIntFunction<ByteBuffer> descriptorsOf) {
        return open(REQUEST | Integer.toUnsignedLong(number), descriptorsOf);
    }

    Mailbox ping(int number) {
        return open(PINGED | Integer.toUnsignedLong(number), answer -> 0);
    }

    Mailbox count(int number) {
        return open(COUNTED | Integer.toUnsignedLong(number), answer -> 0);
    }

    Mailbox execution(int number, int about) {
        return open(Integer.toUnsignedLong(number) << 2 | about, answer -> 0);
    }

    private Mailbox open(long key, ToIntFunction<ByteBuffer> descriptorsOf) {
        Mailbox mailbox = new Mailbox(this, key, descriptorsOf);
        Optional.ofNullable(open.put(key, mailbox)).ifPresent(former -> former.end(Errno.EBUSY));
        return mailbox;
    }

    boolean remove(long key, Mailbox mailbox) {
        return open.remove(key, mailbox);
    }

    void wakeReader(Mailbox mailbox) {
        connection.wakeReader(mailbox);
    }

    /** Descriptors have come, for answers that follow. */
    void deliver(List<Fd> descriptors) {
        ahead.addAll(descriptors);
    }

    void requireFewAhead() throws SyscallException {
        StubConnection.require(ahead.size() <= MAXIMUM_AHEAD);
    }

    /** Those of an answer that has so many; none from the stub of a machine, whose descriptors are numbers. */
    List<Fd> descriptors(int count) throws SyscallException {
        List<Fd> descriptors = new ArrayList<>();
        boolean passed = connection.passesDescriptors();
        StubConnection.require(count >= 0 && (!passed || count <= ahead.size()));
        for (int i = 0; i < count && passed; i++) {
            descriptors.add(ahead.removeFirst());
        }
        return descriptors;
    }

    void deliver(StubConnection.Frame frame) throws SyscallException {
        int length = frame.payload().length;
        int flags = frame.flags();
        switch (frame.kind()) {
            case StubConnection.RESULT -> {
                Mailbox mailbox = open.get(REQUEST | Integer.toUnsignedLong(frame.stream()));
                StubConnection.require(mailbox != null && (flags & ~StubConnection.MORE) == 0);
                mailbox.gather(frame);
            }
            case StubConnection.DATA -> deliver(frame, flags, flags == 1 || flags == 2);
            case StubConnection.CREDIT -> deliver(frame, flags, flags == 0 && length == Integer.BYTES);
            case StubConnection.END -> {
                deliver(frame, flags, (flags & ~3) == 0 && length == Integer.BYTES);
                for (int stream = 0; flags == StubConnection.EXECUTION && stream < StubConnection.EXECUTION; stream++) {
                    deliver(frame, stream, true); // whoever waits for one of its streams is to know, too
                }
            }
            case StubConnection.PONG -> deliver(frame, PINGED);
            case StubConnection.ALIVE -> {
                StubConnection.require(length % 8 == 0);
                deliver(frame, COUNTED);
            }
            case StubConnection.EXIT -> deliver(frame, StubConnection.EXECUTION, KeptExecution.isExit(length));
            case StubConnection.ATTACHED -> {
                // What was on its way until now was for whoever was attached before, and the stub says what still holds
                // again.
                for (int stream = 0; stream < StubConnection.EXECUTION; stream++) {
                    Mailbox mailbox = open.get(Integer.toUnsignedLong(frame.stream()) << 2 | stream);
                    if (mailbox != null) {
                        mailbox.clear();
                    }
                }
                deliver(frame, StubConnection.EXECUTION, length == 24);
            }
            default -> {} // nothing that has been asked for
        }
    }

    private void deliver(StubConnection.Frame frame, long question) {
        Mailbox mailbox = open.get(question | Integer.toUnsignedLong(frame.stream()));
        if (mailbox != null) {
            mailbox.put(frame);
        }
    }

    private void deliver(StubConnection.Frame frame, int about, boolean kept) throws SyscallException {
        StubConnection.require(kept);
        Mailbox mailbox = open.get(Integer.toUnsignedLong(frame.stream()) << 2 | about);
        if (mailbox != null) {
            mailbox.hold(frame);
        }
    }

    /** Closes whatever has come that nobody has taken: nothing is delivered any more. */
    void close() {
        ahead.forEach(Fd::close);
        ahead.clear();
        for (Mailbox mailbox : open.values()) {
            mailbox.closeDescriptors();
        }
    }
}
