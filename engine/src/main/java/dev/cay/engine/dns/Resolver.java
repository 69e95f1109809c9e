package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Answers the questions that sandboxes have about names, RFC 1035 and those that go on from there: what its {@link Zone} knows by
 * itself, the rest by asking the servers of this machine. It is no recursive resolver and checks no signatures.
 *
 * <p>One thread waits for all sockets, and answers what is known; everything that takes time has a virtual thread of its own.
 * Thread-safe.
 */
public final class Resolver implements AutoCloseable {
    private final Answerer answerer;
    private final Counters counters = new Counters();
    private final Sockets sockets;

    private Resolver(Zone zone, Upstreams upstreams, ResolverLimits limits, Sockets sockets) {
        requireNonNull(zone, "zone is null");
        this.sockets = sockets;
        answerer = new Answerer(zone, new Forwarder(upstreams, sockets::contains, limits), limits, counters);
    }

    /** A resolver that listens nowhere yet. */
    public static Resolver start(Zone zone, Upstreams upstreams, ResolverLimits limits) throws IOException {
        Sockets sockets = new Sockets(limits);
        Resolver resolver = new Resolver(zone, upstreams, limits, sockets);
        sockets.start(resolver.answerer);
        return resolver;
    }

    /**
     * Listens on an address of this machine, by UDP and by TCP; the sockets belong to the network namespace of the calling thread.
     *
     * @param port 0 for any that is free by both
     * @return where
     * @throws IOException if it is taken, or the address is not there
     */
    public InetSocketAddress listen(InetAddress address, int port) throws IOException {
        return sockets.listen(address, port);
    }

    /** Listens on an address no longer. Questions that wait for a server are not answered. */
    public void leave(InetAddress address) {
        sockets.leave(address);
    }

    /** Forgets what a client has been told: its policy has changed, or it is no more. */
    public void forget(InetAddress client) {
        answerer.forget(client);
    }

    public ResolverStatistics statistics() {
        return counters.statistics();
    }

    /** Ends. Questions that wait are not answered. */
    @Override
    public void close() {
        sockets.close();
    }
}
