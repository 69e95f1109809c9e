package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What the resolver asks the network about those that ask it, and tells it about the answers. Called by several threads at once.
 *
 * <p>A client is known by the address that its question came from, so whoever implements this has seen to it that nobody can send
 * with another's. Names are in lower case, without the dot at the end, of letters, digits, {@code -} and {@code _} in one or more
 * labels, at most 253 characters; others never get so far.
 */
public interface Zone {
    /** What may become of a question. */
    sealed interface Decision {}

    /** The servers of this machine are asked; the addresses they answer with are admitted before they are told. */
    record Forwarded() implements Decision {}

    /**
     * The name is one of the network's own. Nobody else is asked.
     *
     * @param addresses of both families; those of the family that is asked for are told
     */
    record Local(List<InetAddress> addresses) implements Decision {
        public Local {
            addresses = List.copyOf(addresses);
        }
    }

    /**
     * The policy denies the name: for this client it does not exist, and no server hears of it.
     *
     * @param rule that decided, in words
     */
    record Denied(String rule) implements Decision {
        public Denied {
            requireNonNull(rule, "rule is null");
        }
    }

    /** Not a client, or not any more: no answer. */
    record Stranger() implements Decision {}

    /**
     * What became of an answer.
     *
     * @param addresses that the client may be told, in the order of the answer; the others are kept from it
     * @param reachable how long from now on they can be reached; the client is not told to keep them for longer
     */
    record Admission(List<InetAddress> addresses, Duration reachable) {
        public Admission {
            addresses = List.copyOf(addresses);
            requireNonNull(reachable, "reachable is null");
            if (reachable.isNegative()) {
                throw new IllegalArgumentException("not a time: " + reachable);
            }
        }
    }

    /**
     * Decides about a name. Called for every question, also for those whose answers are known, by a thread that others wait
     * for: it must not do input or output.
     */
    Decision decide(InetAddress client, String name);

    /**
     * Makes the addresses that a name has reachable for a client, as far as the policy lets it. They are when this returns.
     *
     * @param addresses of one family, not empty, as the servers answered
     * @param lifetime how long they said that the answer is good for
     * @throws IOException if it could not be done; then the client hears of a failure and of no address
     */
    Admission admit(InetAddress client, String name, List<InetAddress> addresses, Duration lifetime) throws IOException;

    /** The name that an address has for a client, if it is one of the network's own. The same haste as with {@link #decide}. */
    Optional<String> name(InetAddress client, InetAddress address);

    /**
     * Hears that a name, or an address of it, was kept from a client. Called for every such question, and not to be kept waiting.
     *
     * @param rule that decided, in words
     */
    default void kept(InetAddress client, String name, String rule) {}
}
