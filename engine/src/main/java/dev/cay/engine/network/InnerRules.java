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
    private static final NftChain OUTPUT = new NftChain(
            Ruleset.TABLE,
            "output",
            Optional.of(new NftChain.Base(NftChain.Hook.OUTPUT, 0, NftChain.Kind.FILTER, true)));
    private static final int ND_FIRST = 133;
    private static final int ND_LAST = 136;
    private static final int DNS = 53;

    private InnerRules() {}

    /**
     * Makes the table.
     *
     * @param lease with a policy
     * @param hosts the addresses of this machine, none of which is public to it
     * @param resolver who answers its questions for names
     */
    static NftBatch of(Lease lease, Set<InetAddress> hosts, InetAddress resolver) {
        NftBatch batch = new NftBatch().createTable(Ruleset.TABLE);
        Ruleset.addSets(batch, hosts);
        for (NftChain chain : new NftChain[] {Ruleset.ALLOWED, Ruleset.REFUSE, OUTPUT}) {
            batch.addChain(chain);
        }
        Ruleset.refuse(batch);
        PolicyRules.of(lease).addTo(batch);
        batch.addRule(NftRule.in(Ruleset.ALLOWED).accept())
                .addRule(NftRule.in(OUTPUT)
                        .is(NftField.OUTPUT, NftValue.link("lo"))
                        .accept())
                .addRule(NftRule.in(OUTPUT)
                        .state(State.ESTABLISHED, State.RELATED)
                        .accept())
                // Who has which address is asked of pasta alone, which is at the other end of the wire.
                .addRule(NftRule.in(OUTPUT)
                        .protocol(Protocol.ICMPV6)
                        .between(NftField.ICMPV6_TYPE, NftValue.u8(ND_FIRST), NftValue.u8(ND_LAST))
                        .accept());
        if (lease.egress().orElseThrow().allowDns()) {
            for (Protocol protocol : new Protocol[] {Protocol.UDP, Protocol.TCP}) {
                batch.addRule(NftRule.in(OUTPUT)
                        .is(NftField.IPV4_DESTINATION, NftValue.of(resolver))
                        .protocol(protocol)
                        .is(NftField.DESTINATION_PORT, NftValue.u16(DNS))
                        .accept());
            }
        }
        return batch.addRule(NftRule.in(OUTPUT)
                .verdict(new NftVerdict.Goto(PolicyRules.chain(lease.sandbox()).name())));
    }
}
