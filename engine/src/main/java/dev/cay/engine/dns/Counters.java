package dev.cay.engine.dns;

import java.util.concurrent.atomic.LongAdder;

/** What is counted. */
final class Counters {
    final LongAdder questions = new LongAdder();
    final LongAdder known = new LongAdder();
    final LongAdder forwarded = new LongAdder();
    final LongAdder denied = new LongAdder();
    final LongAdder dropped = new LongAdder();
    final LongAdder failed = new LongAdder();

    ResolverStatistics statistics() {
        return new ResolverStatistics(
                questions.sum(), known.sum(), forwarded.sum(), denied.sum(), dropped.sum(), failed.sum());
    }
}
