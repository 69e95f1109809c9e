package dev.cay.engine.network;

import dev.cay.Size;
import dev.cay.engine.state.Lease;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;

/**
 * The limit on what a sandbox may send and receive: two chains, {@code u-ID} and {@code w-ID}, that drop what is over it. A packet of
 * a TCP connection may have 64 KiB here, so a multiple of that may come at once: what a second allows, which is how the kernel counts,
 * and a burst.
 */
final class Rates {
    private static final long SHORTEST_BURST = 256 * 1024;
    private static final long LONGEST_BURST = 64 * 1024 * 1024;
    private static final int BURSTS_A_SECOND = 8;

    private Rates() {}

    private static NftChain up(Lease lease) {
        return Ruleset.TABLE.chain("u-" + lease.sandbox());
    }

    private static NftChain down(Lease lease) {
        return Ruleset.TABLE.chain("w-" + lease.sandbox());
    }

    static void add(NftBatch batch, Lease lease) {
        lease.egress().flatMap(policy -> policy.bandwidth()).ifPresent(bandwidth -> {
            rule(batch, up(lease), bandwidth);
            rule(batch, down(lease), bandwidth);
            NftVerdict sending = new NftVerdict.Jump(up(lease).name());
            NftVerdict receiving = new NftVerdict.Jump(down(lease).name());
            NftValue address = NftValue.of(lease.address());
            NftValue address6 = NftValue.of(lease.address6());
            batch.addElements(Ruleset.SENDING4, NftElement.of(address).to(sending))
                    .addElements(Ruleset.SENDING6, NftElement.of(address6).to(sending))
                    .addElements(Ruleset.RECEIVING4, NftElement.of(address).to(receiving))
                    .addElements(Ruleset.RECEIVING6, NftElement.of(address6).to(receiving));
        });
    }

    /** The same where all that is sent and received is one sandbox's. */
    static void addTo(NftBatch batch, Lease lease, NftChain sending, NftChain receiving) {
        lease.egress().flatMap(policy -> policy.bandwidth()).ifPresent(bandwidth -> {
            rule(batch, up(lease), bandwidth);
            rule(batch, down(lease), bandwidth);
            batch.addRule(NftRule.in(sending)
                            .verdict(new NftVerdict.Jump(up(lease).name())))
                    .addRule(NftRule.in(receiving)
                            .verdict(new NftVerdict.Jump(down(lease).name())));
        });
    }

    private static void rule(NftBatch batch, NftChain chain, Size bandwidth) {
        long burst = Math.clamp(bandwidth.bytes() / BURSTS_A_SECOND, SHORTEST_BURST, LONGEST_BURST);
        batch.addChain(chain)
                .addRule(NftRule.in(chain)
                        .step(new NftExpression.Limit(bandwidth.bytes(), 1, (int) burst, true, true))
                        .counted()
                        .drop());
    }

    static void remove(NftBatch batch, Lease lease) {
        if (lease.egress().flatMap(policy -> policy.bandwidth()).isPresent()) {
            NftElement address = NftElement.of(NftValue.of(lease.address()));
            NftElement address6 = NftElement.of(NftValue.of(lease.address6()));
            batch.deleteElements(Ruleset.SENDING4, address)
                    .deleteElements(Ruleset.SENDING6, address6)
                    .deleteElements(Ruleset.RECEIVING4, address)
                    .deleteElements(Ruleset.RECEIVING6, address6)
                    .deleteChain(up(lease))
                    .deleteChain(down(lease));
        }
    }
}
