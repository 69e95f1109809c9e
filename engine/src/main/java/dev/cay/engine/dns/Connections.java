package dev.cay.engine.dns;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Clients that ask by TCP, RFC 7766: a virtual thread for each, one question after the other. Whoever neither asks nor reads for some
 * seconds is disconnected. Thread-safe.
 */
final class Connections implements AutoCloseable {
    private static final int MAXIMUM = 512;
    private static final long PATIENCE_NANOSECONDS = 10_000_000_000L;
    private static final long LOOK_MILLISECONDS = 1000;
    private static final long FOREVER = 0;

    private final ResolverLimits limits;

    /** Until when something has to have happened. */
    private final Map<SocketChannel, Long> deadlines = new ConcurrentHashMap<>();

    private final Map<InetAddress, Integer> clients = new ConcurrentHashMap<>();
    private volatile boolean closed;

    Connections(ResolverLimits limits) {
        this.limits = limits;
    }

    /** How long the thread that looks for those that are overdue may wait, in milliseconds. */
    long untilDeadline() {
        return deadlines.isEmpty() ? FOREVER : LOOK_MILLISECONDS;
    }

    void closeOverdue() {
        long now = System.nanoTime();
        deadlines.forEach((channel, deadline) -> {
            if (deadline - now < 0) {
                Sockets.closeQuietly(channel); // the thread that waits for it hears of it
            }
        });
    }

    void serve(SocketChannel channel, Answerer answerer) throws IOException {
        InetAddress client = ((InetSocketAddress) channel.getRemoteAddress()).getAddress();
        if (deadlines.size() >= MAXIMUM || !enter(client)) {
            channel.close();
            return;
        }
        extend(channel);
        Thread.ofVirtual().name("cay-dns-connection").start(() -> {
            try (channel) {
                while (!closed && serveOne(channel, client, answerer)) {
                    extend(channel);
                }
            } catch (Exception e) {
                // it hung up, or we did
            } finally {
                deadlines.remove(channel);
                clients.compute(client, (_, count) -> count == null || count == 1 ? null : count - 1);
            }
        });
    }

    private boolean enter(InetAddress client) {
        return clients.merge(client, 1, (count, _) -> Math.min(count + 1, limits.connections() + 1))
                        <= limits.connections()
                || leave(client);
    }

    private boolean leave(InetAddress client) {
        clients.computeIfPresent(client, (_, count) -> count - 1);
        return false;
    }

    private void extend(SocketChannel channel) {
        deadlines.put(channel, System.nanoTime() + PATIENCE_NANOSECONDS);
    }

    /** False at the end of it. */
    private boolean serveOne(SocketChannel channel, InetAddress client, Answerer answerer) throws Exception {
        ByteBuffer length = ByteBuffer.allocate(2);
        if (!fill(channel, length)) {
            return false;
        }
        ByteBuffer question = ByteBuffer.allocate(length.flip().getShort() & 0xffff);
        if (!fill(channel, question)) {
            return false;
        }
        DnsMessage answer;
        switch (answerer.answer(question.array(), question.capacity(), client)) {
            case Answerer.Never _ -> {
                return false;
            }
            case Answerer.Now now -> answer = now.message();
            case Answerer.Later later -> answer = later.work().call();
        }
        byte[] bytes = answer.write(DnsMessage.MAXIMUM);
        ByteBuffer framed = ByteBuffer.allocate(bytes.length + 2)
                .putShort((short) bytes.length)
                .put(bytes)
                .flip();
        extend(channel);
        while (framed.hasRemaining()) {
            channel.write(framed);
        }
        return true;
    }

    private static boolean fill(SocketChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() {
        closed = true;
        deadlines.keySet().forEach(Sockets::closeQuietly);
    }
}
