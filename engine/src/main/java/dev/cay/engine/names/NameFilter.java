package dev.cay.engine.names;

import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

/** What the packet filter does for names. Thread-safe; closed by whoever has opened it. */
public interface NameFilter extends AutoCloseable {
    /**
     * What a sandbox sends to port 53 of its gateways, by UDP and TCP, goes to this port of theirs from now on, whoever answered
     * before.
     */
    void answer(Lease lease, int port) throws IOException;

    /**
     * As long as this process lives nothing comes from sandboxes of a network, or gets to them, that has not passed their rules, even if
     * somebody takes these away.
     */
    void guard(NetworkDefinition network) throws IOException;

    /**
     * Lets a sandbox's first process hold what guards networks here, so that it does not end with this process.
     */
    void entrust(Stub first) throws IOException;

    /** Makes way again for sandboxes through rules of others that have come since the last time. Costs little if there are none. */
    void tend() throws IOException;

    /**
     * Rules of a sandbox's policy that speak of a name apply to these addresses, for so long at least. They do when this returns.
     * Called by who holds the lock of the store, with the lease as it is written there.
     *
     * @param addresses of both families
     */
    void apply(Lease lease, String name, List<InetAddress> addresses, Duration time) throws IOException;

    @Override
    void close() throws IOException;
}
