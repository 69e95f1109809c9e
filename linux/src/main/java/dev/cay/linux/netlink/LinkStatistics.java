package dev.cay.linux.netlink;

import java.net.ProtocolException;

/** What has passed a link since it was made, as seen by the link: received is what came in by it. */
public record LinkStatistics(
        long receivedPackets,
        long sentPackets,
        long receivedBytes,
        long sentBytes,
        long receiveErrors,
        long sendErrors,
        long receiveDropped,
        long sendDropped) {
    /** The first eight numbers of {@code struct rtnl_link_stats64}. */
    static LinkStatistics of(Payload stats) throws ProtocolException {
        return new LinkStatistics(
                stats.u64(0),
                stats.u64(8),
                stats.u64(16),
                stats.u64(24),
                stats.u64(32),
                stats.u64(40),
                stats.u64(48),
                stats.u64(56));
    }
}
