package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A rule of a chain: steps that are done for a packet until one ends the rule.
 *
 * @param handle its number in the table, given by the kernel
 * @param comment for people; at most 127 bytes
 */
public record NftRule(NftChain chain, OptionalLong handle, List<NftExpression> expressions, String comment) {
    public NftRule {
        requireNonNull(chain, "chain is null");
        requireNonNull(handle, "handle is null");
        expressions = List.copyOf(expressions);
        NftElement.checkComment(comment);
    }

    /** A rule to be made, step by step. */
    public static NftRuleBuilder in(NftChain chain) {
        return new NftRuleBuilder(chain);
    }

    /** What it has counted, if it counts. */
    public Optional<NftExpression.Counter> counter() {
        return NftExpression.counter(expressions);
    }
}
