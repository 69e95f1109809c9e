package dev.cay.engine.network;

import dev.cay.engine.names.NameFilter;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.Stub;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

/** What the packet filter of an ordinary user's sandbox does for names, see {@link InnerRules}. Thread-safe. */
record InnerNames(Nftables inside) implements NameFilter {
    @Override
    public void answer(Lease lease, int port) throws IOException {
        throw new IOException("the sandbox's pasta asks another port, and is not told of " + port);
    }

    /** Nobody but this machine's root can take the rules away: no other process has a right over the namespace. */
    @Override
    public void guard(NetworkDefinition network) {}

    /** Nor has anybody else rules there. */
    @Override
    public void tend() {}

    @Override
    public void entrust(Stub first) throws IOException {
        throw new IOException("an ordinary user's sandbox has nobody to stand for its rules");
    }

    @Override
    public void apply(Lease lease, String name, List<InetAddress> addresses, Duration time) throws IOException {
        NameRules.apply(inside, lease, name, addresses, time);
    }

    /** The socket is whose who gave it. */
    @Override
    public void close() {}
}
