package dev.cay.engine.network;

import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * Passage for our bridges through the chains of others that let nothing pass, as Docker's and firewalld's do. A packet has to be
 * accepted by every chain on its way, so ours alone cannot do it: each of those gets rules at its head that accept what comes
 * from or goes to a bridge of ours. That opens nothing, since our own chain sees these packets all the same. The rules are known by their comment
 * and removed by their number.
 */
final class Passage {
    private static final String COMMENT = "cay: decided in table inet cay";

    private final Nftables nftables;

    Passage(Nftables nftables) {
        this.nftables = nftables;
    }

    /** Makes sure that there is passage for bridges. */
    void open(List<String> bridges) throws IOException {
        NftBatch batch = new NftBatch();
        for (NftChain chain : closed()) {
            List<NftRule> ours = ours(chain);
            for (String bridge : bridges) {
                boolean forward = chain.base().orElseThrow().hook() == NftChain.Hook.FORWARD;
                insert(batch, chain, NftField.INPUT, bridge, ours);
                if (forward) {
                    insert(batch, chain, NftField.OUTPUT, bridge, ours);
                }
            }
        }
        nftables.commit(batch);
    }

    private static void insert(NftBatch batch, NftChain chain, NftField field, String bridge, List<NftRule> ours) {
        NftRule rule = NftRule.in(chain)
                .comment(COMMENT)
                .is(field, NftValue.link(bridge))
                .accept();
        if (ours.stream().noneMatch(one -> one.expressions().equals(rule.expressions()))) {
            batch.insertRule(rule);
        }
    }

    /** Removes all of ours, or those of one bridge. */
    void close(List<String> bridges) throws IOException {
        NftBatch batch = new NftBatch();
        for (NftChain chain : guards()) {
            for (NftRule rule : ours(chain)) {
                OptionalLong handle = rule.handle();
                boolean meant = bridges.stream().anyMatch(bridge -> names(rule, NftValue.link(bridge)));
                if (meant && handle.isPresent()) {
                    batch.deleteRule(chain, handle.getAsLong());
                }
            }
        }
        nftables.commit(batch);
    }

    private static boolean names(NftRule rule, NftValue bridge) {
        return rule.expressions().stream()
                .anyMatch(step -> step instanceof NftExpression.Compare compare
                        && compare.value().equals(bridge));
    }

    private List<NftRule> ours(NftChain chain) throws IOException {
        return nftables.rules(chain).stream()
                .filter(rule -> rule.comment().equals(COMMENT))
                .toList();
    }

    /** Those that end with a refusal, by their policy or by their last rule. */
    private List<NftChain> closed() throws IOException {
        List<NftChain> closed = new ArrayList<>();
        for (NftChain chain : guards()) {
            if (!chain.base().orElseThrow().accepts() || endsWithRefusal(chain)) {
                closed.add(chain);
            }
        }
        return closed;
    }

    private boolean endsWithRefusal(NftChain chain) throws IOException {
        List<NftRule> rules = nftables.rules(chain);
        if (rules.isEmpty() || rules.getLast().expressions().isEmpty()) {
            return false;
        }
        NftExpression last = rules.getLast().expressions().getLast();
        return last instanceof NftExpression.Reject
                || last instanceof NftExpression.Decide(NftVerdict verdict) && verdict instanceof NftVerdict.Drop;
    }

    /** The chains of others that what passes or comes in has to pass. */
    private List<NftChain> guards() throws IOException {
        List<NftChain> guards = new ArrayList<>();
        for (NftTable table : nftables.tables()) {
            boolean routed = switch (table.family()) {
                case INET, IPV4, IPV6 -> true;
                case BRIDGE -> false;
            };
            if (routed && !table.equals(Ruleset.TABLE) && !table.name().startsWith(Wall.PREFIX)) {
                for (NftChain chain : nftables.chains(table)) {
                    if (chain.base().filter(Passage::guards).isPresent()) {
                        guards.add(chain);
                    }
                }
            }
        }
        return guards;
    }

    private static boolean guards(NftChain.Base base) {
        return base.kind() == NftChain.Kind.FILTER
                && (base.hook() == NftChain.Hook.FORWARD || base.hook() == NftChain.Hook.INPUT);
    }
}
