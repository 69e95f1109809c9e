package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * What is kept for one client. Nothing of it is shared with another: nobody can find out what others have asked, or push out what
 * they have been told. Thread-safe.
 */
final class Client {
    /**
     * An answer that has been given.
     *
     * @param told the addresses of it that the client may know
     * @param expires when it is no longer good, of {@link System#nanoTime}
     * @param reachable until when the addresses can be reached, in the same way
     */
    record Known(Result result, List<InetAddress> told, long expires, long reachable) {
        Known {
            requireNonNull(result, "result is null");
            told = List.copyOf(told);
        }

        /** How many whole seconds it may still be kept. */
        long seconds(long now) {
            return Math.max(0, Math.min(expires, reachable) - now) / 1_000_000_000;
        }

        /** Whether it can be told as it is. */
        boolean isGood(long now) {
            return expires - now > 0 && reachable - now > 0;
        }
    }

    private static final long SECOND = 1_000_000_000;

    private final ResolverLimits limits;
    private final Map<Question, Known> known = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<Question, CompletableFuture<Known>> asked = new HashMap<>();
    private long bytes;
    private int outstanding;
    private double tokens;
    private long refilled;

    Client(ResolverLimits limits, long now) {
        this.limits = limits;
        tokens = limits.burst();
        refilled = now;
    }

    /** Whether one more question is not too many. */
    synchronized boolean mayAsk(long now) {
        tokens = Math.min(limits.burst(), tokens + (double) (now - refilled) * limits.rate() / SECOND);
        refilled = now;
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }

    /** Takes a place among the questions that wait; {@link #waited} gives it back. */
    synchronized boolean mayWait() {
        if (outstanding == limits.outstanding()) {
            return false;
        }
        outstanding++;
        return true;
    }

    synchronized void waited() {
        outstanding--;
    }

    /** What is known and not too old, whether its addresses can be reached or not. */
    synchronized Optional<Known> known(Question question, long now) {
        Known found = known.get(question);
        return found == null || found.expires() - now <= 0 ? Optional.empty() : Optional.of(found);
    }

    synchronized void keep(Question question, Known answer) {
        Known before = known.put(question, answer);
        bytes += answer.result().size() - (before == null ? 0 : before.result().size());
        Iterator<Known> oldest = known.values().iterator();
        while ((known.size() > limits.entries() || bytes > limits.bytes()) && oldest.hasNext()) {
            bytes -= oldest.next().result().size();
            oldest.remove();
        }
    }

    /** The same question on its way, if there is one; else it is entered as on its way. */
    synchronized Optional<CompletableFuture<Known>> join(Question question, CompletableFuture<Known> own) {
        return Optional.ofNullable(asked.putIfAbsent(question, own));
    }

    synchronized void arrived(Question question) {
        asked.remove(question);
    }
}
