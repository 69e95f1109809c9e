package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Fd;
import java.util.Optional;

/** What kind of link is to be made. */
public sealed interface LinkKind {
    /**
     * A switch.
     *
     * @param spanningTree whether it speaks the protocol that finds loops
     * @param multicastSnooping whether it sends multicast only where somebody listens
     */
    record Bridge(boolean spanningTree, boolean multicastSnooping) implements LinkKind {
        /** For ports that are the ends of a star: no loops to find. */
        public static final Bridge PLAIN = new Bridge(false, false);
    }

    /**
     * A cable with two ends.
     *
     * @param peer what the other end shall be; it is switched on later
     * @param peerNamespace the network namespace that the other end is born in; moving it there later costs 30 ms
     */
    record Veth(LinkSettings peer, Optional<Fd> peerNamespace) implements LinkKind {
        public Veth {
            requireNonNull(peer, "peer is null");
            requireNonNull(peerNamespace, "peerNamespace is null");
            if (peer.up().orElse(false) || peer.linkLocal().isPresent()) {
                throw new IllegalArgumentException("peer: cannot be switched on before the cable is whole");
            }
        }
    }
}
