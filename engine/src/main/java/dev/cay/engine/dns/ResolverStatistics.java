package dev.cay.engine.dns;

/**
 * What a resolver has done since it was started.
 *
 * @param questions that came, of whatever kind
 * @param known answered from what was kept
 * @param forwarded asked of a server
 * @param denied kept from a client by its policy
 * @param dropped not answered: too many, or from nobody we know
 * @param failed answered with a failure, of a server or of ours
 */
public record ResolverStatistics(long questions, long known, long forwarded, long denied, long dropped, long failed) {}
