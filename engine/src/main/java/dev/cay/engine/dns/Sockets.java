package dev.cay.engine.dns;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;

/** The sockets of a resolver, and the one thread that waits for them. Thread-safe. */
final class Sockets implements AutoCloseable {
    /** Questions of all clients that may wait for servers at the same time. */
    private static final int MAXIMUM_WAITING = 512;

    private static final int ATTEMPTS = 32;
    private static final int RECEIVE_BUFFER = 1 << 20;

    /** After so many packets of one socket it is the others' turn. */
    private static final int TURN = 64;

    private final Selector selector;
    private final Connections connections;
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final Semaphore waiting = new Semaphore(MAXIMUM_WAITING);
    private final Set<Thread> working = ConcurrentHashMap.newKeySet();
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(DnsMessage.MAXIMUM);
    private volatile boolean closed;

    /** An address that is listened on. */
    private record Listener(InetSocketAddress address, DatagramChannel datagrams, ServerSocketChannel connections) {
        void close() {
            closeQuietly(datagrams);
            closeQuietly(connections);
        }
    }

    Sockets(ResolverLimits limits) throws IOException {
        selector = Selector.open();
        connections = new Connections(limits);
    }

    void start(Answerer answerer) {
        Thread.ofPlatform().name("cay-dns").daemon().start(() -> run(answerer));
    }

    boolean contains(InetSocketAddress address) {
        return listeners.stream().anyMatch(listener -> listener.address().equals(address));
    }

    synchronized InetSocketAddress listen(InetAddress address, int port) throws IOException {
        IOException failure = new IOException("the resolver is closed");
        for (int i = 0; i < (port == 0 ? ATTEMPTS : 1) && !closed; i++) {
            ServerSocketChannel server = ServerSocketChannel.open();
            try {
                server.bind(new InetSocketAddress(address, port));
                InetSocketAddress bound = (InetSocketAddress) server.getLocalAddress();
                listeners.add(listen(bound, server));
                selector.wakeup();
                return bound;
            } catch (IOException | RuntimeException e) {
                closeQuietly(server);
                failure = e instanceof IOException io ? io : new IOException(e);
            }
        }
        throw failure;
    }

    private Listener listen(InetSocketAddress address, ServerSocketChannel server) throws IOException {
        DatagramChannel datagrams = DatagramChannel.open(
                address.getAddress() instanceof Inet4Address
                        ? StandardProtocolFamily.INET
                        : StandardProtocolFamily.INET6);
        try {
            datagrams.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BUFFER);
            datagrams.bind(address);
            datagrams.configureBlocking(false);
            server.configureBlocking(false);
            datagrams.register(selector, SelectionKey.OP_READ);
            server.register(selector, SelectionKey.OP_ACCEPT);
            return new Listener(address, datagrams, server);
        } catch (IOException | RuntimeException e) {
            closeQuietly(datagrams);
            throw e;
        }
    }

    synchronized void leave(InetAddress address) {
        listeners.removeIf(listener -> {
            boolean left = listener.address().getAddress().equals(address);
            if (left) {
                listener.close();
            }
            return left;
        });
        selector.wakeup(); // only then is a channel that was waited for really closed
    }

    private void run(Answerer answerer) {
        while (!closed) {
            try {
                selector.select(connections.untilDeadline());
                connections.closeOverdue();
                Iterator<SelectionKey> keys = selector.selectedKeys().iterator();
                while (keys.hasNext()) {
                    SelectionKey key = keys.next();
                    keys.remove();
                    serve(key, answerer);
                }
            } catch (ClosedSelectorException e) {
                return;
            } catch (IOException e) {
                if (!closed) {
                    System.getLogger(Sockets.class.getName())
                            .log(System.Logger.Level.WARNING, "the resolver's sockets", e);
                }
            }
        }
    }

    /** A socket that fails is no reason to stop with the others. */
    private void serve(SelectionKey key, Answerer answerer) {
        try {
            switch (key.channel()) {
                case DatagramChannel channel -> receive(channel, answerer);
                case ServerSocketChannel server -> accept(server, answerer);
                default -> throw new IllegalStateException("not a socket of ours: " + key.channel());
            }
        } catch (IOException | RuntimeException e) {
            if (key.channel().isOpen() && !closed) {
                System.getLogger(Sockets.class.getName())
                        .log(System.Logger.Level.WARNING, "a socket of the resolver", e);
            }
        }
    }

    private void receive(DatagramChannel channel, Answerer answerer) throws IOException {
        for (int i = 0; i < TURN; i++) {
            InetSocketAddress source = (InetSocketAddress) channel.receive(buffer.clear());
            if (source == null) {
                return;
            }
            byte[] question = new byte[buffer.flip().remaining()];
            buffer.get(question);
            switch (answerer.answer(question, question.length, source.getAddress())) {
                case Answerer.Never _ -> {}
                case Answerer.Now now -> send(channel, source, now.message(), question);
                case Answerer.Later later -> later(channel, source, later, question);
            }
        }
    }

    private void later(DatagramChannel channel, InetSocketAddress source, Answerer.Later later, byte[] question) {
        if (!waiting.tryAcquire()) {
            later.client().waited(); // as if it had been lost on the way: the client asks again
            return;
        }
        Thread.ofVirtual().name("cay-dns-question").start(() -> {
            working.add(Thread.currentThread());
            try {
                send(channel, source, later.work().call(), question);
            } catch (Exception e) {
                if (!closed && channel.isOpen()) {
                    System.getLogger(Sockets.class.getName()).log(System.Logger.Level.WARNING, "a question", e);
                }
            } finally {
                working.remove(Thread.currentThread());
                waiting.release();
            }
        });
    }

    private static void send(DatagramChannel channel, InetSocketAddress target, DnsMessage answer, byte[] question)
            throws IOException {
        channel.send(ByteBuffer.wrap(answer.write(maximum(question))), target);
    }

    /** How long an answer the asker can take: what it says in its OPT record, if that is between what all can and what we send. */
    private static int maximum(byte[] question) {
        try {
            int announced = DnsMessage.read(question, question.length)
                    .edns()
                    .map(DnsMessage.Edns::size)
                    .orElse(0);
            return Math.clamp(announced, DnsMessage.PLAIN_UDP_SIZE, DnsMessage.UDP_SIZE);
        } catch (MalformedMessageException e) {
            return DnsMessage.PLAIN_UDP_SIZE;
        }
    }

    private void accept(ServerSocketChannel server, Answerer answerer) throws IOException {
        SocketChannel channel = server.accept();
        if (channel != null) {
            connections.serve(channel, answerer);
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        listeners.forEach(Listener::close);
        listeners.clear();
        working.forEach(Thread::interrupt);
        connections.close();
        closeQuietly(selector);
    }

    static void closeQuietly(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            // nothing can be done about it, and nothing of it is needed any more
        }
    }
}
