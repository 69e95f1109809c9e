package dev.cay.engine.network;

import dev.cay.engine.state.Lease;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftRuleBuilder.State;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import java.net.InetAddress;
import java.util.Optional;
import java.util.Set;

/**
 * The packet filter of an ordinary user's sandbox, in its own network namespace: what goes out of it is judged by the policy's chain, which
 * is the same as that of a sandbox of root, see {@link PolicyRules}. Nobody in the sandbox has the capability to change it.
 */
final class InnerRules {
    private static final NftChain OUTPUT = base("output", NftChain.Hook.OUTPUT);
    private static final NftChain INPUT = base("input", NftChain.Hook.INPUT);
    private static final NftValue LOOPBACK = NftValue.link("lo");
    private static final int ND_FIRST = 133;
    private static final int ND_LAST = 136;

    /** MLDv2, RFC 3810. */
    private static final int LISTENER_REPORT = 143;

    private InnerRules() {}

    private static NftChain base(String name, NftChain.Hook hook) {
        return new NftChain(Ruleset.TABLE, name, Optional.of(new NftChain.Base(hook, 0, NftChain.Kind.FILTER, true)));
    }

    /** Makes the table in place of the one that is there. What the sandbox was told for names it has to ask for again. */
    static NftBatch exchange(Lease lease, Set<InetAddress> hosts) {
        return add(new NftBatch().deleteTable(Ruleset.TABLE), lease, hosts);
    }

    /**
     * Makes the table.
     *
     * @param lease with a policy
     * @param hosts the addresses of this machine, none of which is public to it
     */
    static NftBatch of(Lease lease, Set<InetAddress> hosts) {
        return add(new NftBatch(), lease, hosts);
    }

    private static NftBatch add(NftBatch batch, Lease lease, Set<InetAddress> hosts) {
        batch.createTable(Ruleset.TABLE);
        Ruleset.addSets(batch, hosts);
        for (NftChain chain : new NftChain[] {Ruleset.ALLOWED, Ruleset.REFUSE, OUTPUT, INPUT}) {
            batch.addChain(chain);
        }
        Ruleset.refuse(batch);
        PolicyRules.of(lease).addTo(batch);
        batch.addRule(NftRule.in(Ruleset.ALLOWED).accept())
                // On its loopback the sandbox is alone, but for who hands its questions for names on.
                .addRule(NftRule.in(OUTPUT).is(NftField.OUTPUT, LOOPBACK).accept())
                .addRule(NftRule.in(INPUT).is(NftField.INPUT, LOOPBACK).accept());
        Rates.addTo(batch, lease, OUTPUT, INPUT);
        return batch.addRule(NftRule.in(OUTPUT)
                        .state(State.ESTABLISHED, State.RELATED)
                        .accept())
                // Who has which address is asked of pasta alone, which is at the other end of the wire.
                .addRule(NftRule.in(OUTPUT)
                        .protocol(Protocol.ICMPV6)
                        .between(NftField.ICMPV6_TYPE, NftValue.u8(ND_FIRST), NftValue.u8(ND_LAST))
                        .accept())
                // What the kernel says by itself when it has an address, which is nobody's attempt at anything.
                .addRule(NftRule.in(OUTPUT)
                        .protocol(Protocol.ICMPV6)
                        .is(NftField.ICMPV6_TYPE, NftValue.u8(LISTENER_REPORT))
                        .drop())
                .addRule(NftRule.in(OUTPUT)
                        .verdict(new NftVerdict.Goto(
                                PolicyRules.chain(lease.sandbox()).name())));
    }
}
