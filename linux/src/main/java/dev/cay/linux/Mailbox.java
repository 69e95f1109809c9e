package dev.cay.linux;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;

/** Where the frames of one request, or of one stream of an execution, wait for whoever wants them. */
final class Mailbox implements AutoCloseable {
    /** Of an answer: a list of the greatest length, all of which comes back. */
    private static final int MAXIMUM_ANSWER = 32 << 20;

    /** How many bytes of a stream may lie here unread: more than anybody here ever gives credit for. */
    private static final int MAXIMUM_HELD = 1 << 20;

    private final Mailboxes all;
    private final long key;
    private final ToIntFunction<ByteBuffer> descriptorsOf;
    private final ByteArrayOutputStream answer = new ByteArrayOutputStream();
    private final Queue<StubConnection.Frame> frames = new ConcurrentLinkedQueue<>();
    private final AtomicInteger held = new AtomicInteger();
    private volatile Optional<Thread> waiter = Optional.empty();
    private volatile boolean abandoned;
    private volatile boolean closed;

    Mailbox(Mailboxes all, long key, ToIntFunction<ByteBuffer> descriptorsOf) {
        this.all = all;
        this.key = key;
        this.descriptorsOf = descriptorsOf;
    }

    boolean hasFrames() {
        return !frames.isEmpty();
    }

    /** Whoever waits for frames of it, and is woken when one comes. */
    void setWaiter(Optional<Thread> thread) {
        waiter = thread;
    }

    void wake() {
        Optional<Thread> thread = waiter;
        if (thread.isPresent()) { // not a lambda: whether a training sees it is chance
            LockSupport.unpark(thread.get());
        }
    }

    void put(StubConnection.Frame frame) {
        frames.add(frame);
        if (closed) {
            closeDescriptors();
        }
        wake();
    }

    /** The same with a frame of which there can be any number. */
    void hold(StubConnection.Frame frame) throws SyscallException {
        StubConnection.require(held.addAndGet(size(frame)) <= MAXIMUM_HELD);
        put(frame);
    }

    Optional<StubConnection.Frame> take() {
        Optional<StubConnection.Frame> frame = Optional.ofNullable(frames.poll());
        frame.ifPresent(one -> held.addAndGet(-size(one)));
        return frame;
    }

    /** Forgets the frames of a stream, which have no descriptors. */
    void clear() {
        while (take().isPresent()) {
            // the next one
        }
    }

    private static int size(StubConnection.Frame frame) {
        return Math.max(1, frame.payload().length);
    }

    /** An answer comes in pieces, and with it the descriptors that it says it has. */
    void gather(StubConnection.Frame piece) throws SyscallException {
        answer.writeBytes(piece.payload());
        StubConnection.require(answer.size() <= MAXIMUM_ANSWER);
        if ((piece.flags() & StubConnection.MORE) == 0) {
            StubConnection.Frame whole = new StubConnection.Frame(
                    piece.stream(), StubConnection.RESULT, 0, answer.toByteArray(), new ArrayList<>());
            whole.descriptors().addAll(all.descriptors(descriptorsOf.applyAsInt(whole.buffer())));
            answer.reset();
            put(whole);
            if (abandoned) {
                drop();
            }
        }
    }

    /** Nobody waits any more for an answer that may still come: then it is dropped, with what it opened. */
    void abandon() {
        abandoned = true;
        drop();
    }

    private void drop() {
        for (StubConnection.Frame late = frames.poll(); late != null; late = frames.poll()) {
            late.descriptors().forEach(Fd::close);
            all.remove(key, this);
        }
    }

    /** Nothing more will come: whoever still waits learns it as he would from the stub. */
    void end(Errno why) {
        put(new StubConnection.Frame(
                0, StubConnection.END, StubConnection.EXECUTION, FrameCodec.integer(why.number()), List.of()));
        all.wakeReader(this);
    }

    /** Of what has come and nobody will take: it is closed once, by whoever takes it out of here. */
    void closeDescriptors() {
        for (StubConnection.Frame frame : List.copyOf(frames)) {
            if (!frame.descriptors().isEmpty() && frames.remove(frame)) {
                frame.descriptors().forEach(Fd::close);
            }
        }
    }

    @Override
    public void close() {
        if (!abandoned) {
            if (all.remove(key, this)) {
                end(Errno.ECANCELED);
            }
            closed = true; // whoever reads may be about to put something here
            closeDescriptors();
        }
    }
}
