package dev.cay.engine.names;

import dev.cay.engine.state.Lease;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

/** What the packet filter does for names. Thread-safe. */
public interface NameFilter {
    /**
     * What a sandbox sends to port 53 of its gateways, by UDP and TCP, goes to this port of theirs from now on, whoever answered
     * before.
     */
    void answer(Lease lease, int port) throws IOException;

    /**
     * Rules of a sandbox's policy that speak of a name apply to these addresses, for so long at least. They do when this returns.
     * Called by who holds the lock of the store, with the lease as it is written there.
     *
     * @param addresses of both families
     */
    void apply(Lease lease, String name, List<InetAddress> addresses, Duration time) throws IOException;
}
