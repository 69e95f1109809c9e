package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.NetlinkOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import dev.cay.linux.Uninterrupted;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A netlink socket that is kept, see netlink(7). It belongs to the network namespace in which it was opened, whichever
 * thread uses it. Thread-safe: one exchange at a time.
 *
 * <p>The kernel works while it is being sent to, and what it has to say waits in the socket when sending returns. So
 * nothing here ever waits, and an answer that is not there will not come.
 */
public final class NetlinkSocket implements AutoCloseable {
    private static final int NETLINK_ROUTE = 0;
    private static final int NETLINK_NETFILTER = 12;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int NETLINK_GET_STRICT_CHK = 12;

    /** The kernel's messages to us are at most so long, apart from those that repeat a request: see netlink_dump. */
    private static final int MAXIMUM_DATAGRAM = 32 * 1024;

    /** An acknowledgement is a header, a number and a sentence. */
    private static final int MAXIMUM_ACKNOWLEDGEMENT = 4096;

    /** What the kernel sends by itself it collects in pages. */
    private static final int MAXIMUM_UNASKED = 16 * 1024;

    private static final int MAXIMUM_RECEIVES = 8;
    private static final int MAXIMUM_DUMPS = 32;
    private static final int MAXIMUM_BUFFER = 8 << 20;

    /** How many messages an answer may have. */
    private static final int MAXIMUM_FRAMES = 1 << 20;

    /** How many messages an exchange that broke off may have left to be read. */
    private static final int MAXIMUM_LEFT_OVER = 1024;

    private final Kernel kernel;
    private final Fd fd;
    private final ReentrantLock exchanging = new ReentrantLock();
    private int sequence;

    /** What is spoken. */
    public enum Protocol {
        /** Links, addresses, routes, neighbours; see rtnetlink(7). */
        ROUTE(NETLINK_ROUTE),
        /** The packet filter, its log and the tracked connections. */
        NETFILTER(NETLINK_NETFILTER);

        private final int number;

        Protocol(int number) {
            this.number = number;
        }
    }

    /**
     * The operations that open a socket; the first one's result is its descriptor. For lists that run elsewhere, in a
     * child that has entered another namespace for one.
     */
    public static List<Op> opening(Protocol protocol) {
        Op socket = NetlinkOps.open(protocol.number);
        Arg opened = Arg.of(socket);
        return List.of(
                socket,
                NetlinkOps.connect(opened),
                NetlinkOps.enable(opened, NETLINK_CAP_ACK),
                NetlinkOps.enable(opened, NETLINK_EXT_ACK),
                NetlinkOps.enable(opened, NETLINK_GET_STRICT_CHK),
                NetlinkOps.sendBuffer(opened, MAXIMUM_BUFFER).tolerating(Errno.EPERM),
                NetlinkOps.receiveBuffer(opened, MAXIMUM_BUFFER).tolerating(Errno.EPERM));
    }

    /** Takes a socket that the operations of {@link #opening} have opened; it is closed with this. */
    public NetlinkSocket(Kernel kernel, Fd fd) {
        this.kernel = requireNonNull(kernel, "kernel is null");
        this.fd = requireNonNull(fd, "fd is null");
    }

    /** A socket of the network namespace that this process lives in. */
    public static NetlinkSocket open(Kernel kernel, Protocol protocol) throws SyscallException {
        return open(kernel, protocol, Optional.empty());
    }

    /**
     * A socket of another network namespace. A thread is made for it, enters the namespace, opens the socket and ends:
     * so nothing that fails can leave a thread of somebody else's in the wrong place.
     *
     * @param namespace a descriptor of {@code /proc/PID/ns/net}
     */
    public static NetlinkSocket openIn(Kernel kernel, Fd namespace, Protocol protocol) throws SyscallException {
        FutureTask<NetlinkSocket> opening = new FutureTask<>(() -> open(kernel, protocol, Optional.of(namespace)));
        Thread.ofPlatform().name("cay-netlink").daemon().start(opening);
        return Uninterrupted.get(opening);
    }

    private static NetlinkSocket open(Kernel kernel, Protocol protocol, Optional<Fd> namespace)
            throws SyscallException {
        OpList.Builder list = OpList.builder();
        namespace.ifPresent(other -> list.add(Namespaces.enter(other, Namespaces.NETWORK)));
        List<Op> opening = opening(protocol);
        list.addAll(opening);
        return new NetlinkSocket(kernel, kernel.run(list.build()).fd(opening.getFirst()));
    }

    /** The operations by which another process comes to have this socket too, see {@link NetlinkOps#hold}. */
    List<Op> holding(int number) {
        return NetlinkOps.hold(Arg.of(fd), number, NETLINK_CAP_ACK);
    }

    /**
     * Sends requests in one datagram and reads the acknowledgement of each. The kernel does them in order and goes on
     * after one that fails.
     *
     * @throws NetlinkException of the first request that failed
     * @throws SyscallException if the socket does not work
     */
    public void execute(List<NetlinkMessage> messages) throws IOException {
        if (messages.isEmpty()) {
            return;
        }
        List<NetlinkMessage> acknowledged = messages.stream()
                .map(message -> message.with(NetlinkMessage.NLM_F_ACK))
                .toList();
        exchanging.lock();
        try {
            Acknowledgements answers = new Acknowledgements(acknowledged, number(messages.size()));
            send(answers, acknowledged, Math.min(messages.size(), MAXIMUM_RECEIVES));
            answers.check();
        } finally {
            exchanging.unlock();
        }
    }

    /** The same for one request. */
    public void execute(NetlinkMessage message) throws IOException {
        execute(List.of(message));
    }

    /**
     * Sends messages of which only the failing ones and the last but one, which has to ask for it, are acknowledged:
     * those of a transaction of nfnetlink.
     */
    void transact(List<NetlinkMessage> messages) throws IOException {
        exchanging.lock();
        try {
            Acknowledgements answers = new Acknowledgements(messages, number(messages.size()));
            send(answers, messages, 2);
            answers.check();
        } finally {
            exchanging.unlock();
        }
    }

    /** Sends, and reads until nothing is left to be read. */
    private void send(Acknowledgements answers, List<NetlinkMessage> messages, int receives) throws IOException {
        Op send = NetlinkMessage.send(Arg.of(fd), messages, answers.first());
        Received received = receive(Optional.of(send), receives, MAXIMUM_ACKNOWLEDGEMENT);
        answers.accept(received);
        for (int frames = 0; !received.drained() && !answers.complete(); ) {
            frames += check(received, frames, messages.size() + MAXIMUM_LEFT_OVER);
            received = receive(Optional.empty(), MAXIMUM_RECEIVES, MAXIMUM_ACKNOWLEDGEMENT);
            answers.accept(received);
        }
    }

    /** The one answer to a question. */
    Frame ask(NetlinkMessage message) throws IOException {
        exchanging.lock();
        try {
            int number = number(1);
            Op send = NetlinkMessage.send(Arg.of(fd), List.of(message), number);
            Optional<Frame> answer = Optional.empty();
            for (Frame frame : receive(Optional.of(send), 1, MAXIMUM_DATAGRAM).frames()) {
                if (frame.sequence() == number) {
                    answer = Optional.of(frame);
                }
            }
            Frame frame = answer.orElseThrow(() -> new ProtocolException(message + ": no answer"));
            if (frame.type() == Frame.NLMSG_ERROR) {
                throw failure(message, Answer.ofError(frame));
            }
            return frame;
        } finally {
            exchanging.unlock();
        }
    }

    /** All answers to a question; asked again while the kernel says that what it answered has changed meanwhile. */
    List<Frame> dump(NetlinkMessage message) throws IOException {
        NetlinkMessage asking = message.with(NetlinkMessage.NLM_F_DUMP);
        exchanging.lock();
        try {
            for (int i = 0; i < MAXIMUM_DUMPS; i++) {
                Dump dump = new Dump(asking, number(1));
                Op send = NetlinkMessage.send(Arg.of(fd), List.of(asking), dump.sequence());
                Received received = receive(Optional.of(send), 2, MAXIMUM_DATAGRAM);
                dump.accept(received);
                for (int frames = 0; !dump.ended(); ) {
                    if (received.drained()) {
                        throw new ProtocolException(message + ": the answer has no end");
                    }
                    frames += check(received, frames, MAXIMUM_FRAMES);
                    received = receive(Optional.empty(), 2, MAXIMUM_DATAGRAM);
                    dump.accept(received);
                }
                if (dump.consistent()) {
                    return dump.frames();
                }
            }
            throw new NetlinkException(message, Errno.EINTR.number(), "it changes faster than it can be read");
        } finally {
            exchanging.unlock();
        }
    }

    private static int check(Received received, int before, int maximum) throws ProtocolException {
        if (received.frames().size() > maximum - before) {
            throw new ProtocolException("netlink: an answer of more than " + maximum + " messages");
        }
        // Each list counts, so that even answers without messages come to an end.
        return received.frames().size() + 1;
    }

    static NetlinkException failure(NetlinkMessage message, Answer answer) {
        return new NetlinkException(message, answer);
    }

    /** What waits to be read of what the kernel sends by itself. */
    Received receive(int receives) throws IOException {
        exchanging.lock();
        try {
            return receive(Optional.empty(), receives, MAXIMUM_UNASKED);
        } finally {
            exchanging.unlock();
        }
    }

    /** For waiting. */
    Fd descriptor() {
        return fd;
    }

    /** Sequence numbers that follow each other. */
    private int number(int count) {
        int first = sequence + 1;
        sequence += count;
        return first;
    }

    /**
     * What one list read.
     *
     * @param drained whether there was nothing more to read
     * @param lost whether the kernel had no room for some of it
     */
    record Received(List<Frame> frames, boolean drained, boolean lost) {}

    private Received receive(Optional<Op> send, int receives, int size) throws IOException {
        OpList.Builder list = OpList.builder();
        send.ifPresent(list::add);
        List<Op> receiving = new ArrayList<>();
        List<Arg.Buffer> buffers = new ArrayList<>();
        for (int i = 0; i < receives; i++) {
            Arg.Buffer buffer = new Arg.Buffer(size);
            buffers.add(buffer);
            receiving.add(list.add(NetlinkOps.receive(Arg.of(fd), buffer)));
        }
        Results results = kernel.run(list.build());
        List<Frame> frames = new ArrayList<>();
        boolean drained = false;
        boolean lost = false;
        for (int i = 0; i < receives; i++) {
            long length = results.value(receiving.get(i));
            if (length > size) {
                throw new ProtocolException("netlink: a datagram of " + length + " bytes");
            } else if (length >= 0) {
                frames.addAll(Frame.parse(Arrays.copyOf(results.bytes(buffers.get(i)), (int) length)));
            } else if (length == -Errno.EAGAIN.number()) {
                drained = true;
            } else {
                lost = true;
            }
        }
        return new Received(frames, drained, lost);
    }

    @Override
    public void close() {
        fd.close();
    }
}
