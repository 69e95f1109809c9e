package dev.cay.engine.dns;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** Asks one server after the other until one knows. Blocks; thread-safe. */
final class Forwarder {
    private static final int ROUNDS = 2;

    private final Upstreams upstreams;
    private final Predicate<InetSocketAddress> ourselves;
    private final ResolverLimits limits;
    private final Exchange exchange = new Exchange(new Randomness());

    /** The last one that answered: one that is dead is not waited for again and again. */
    private volatile Optional<InetSocketAddress> preferred = Optional.empty();

    /** @param ourselves servers that are not to be asked, because they would ask us */
    Forwarder(Upstreams upstreams, Predicate<InetSocketAddress> ourselves, ResolverLimits limits) {
        this.upstreams = upstreams;
        this.ourselves = ourselves;
        this.limits = limits;
    }

    /**
     * @param deadline of {@link System#nanoTime}
     * @throws IOException if no server has an answer, be it that there is nothing
     */
    Result ask(Question question, long deadline) throws IOException {
        List<InetSocketAddress> servers = servers();
        if (servers.isEmpty()) {
            throw new IOException("this machine names no server to ask");
        }
        IOException failure = new IOException("no server answers");
        for (int round = 0; round < ROUNDS; round++) {
            for (InetSocketAddress server : servers) {
                long now = System.nanoTime();
                if (now - deadline >= 0) {
                    throw failure;
                }
                long attempt = now + Math.min(limits.attempt().toNanos(), deadline - now);
                try {
                    DnsMessage answer = exchange.ask(server, question, attempt);
                    if (answer.code() == DnsMessage.NO_ERROR || answer.code() == DnsMessage.NAME_ERROR) {
                        Result result = Result.of(question, answer);
                        preferred = Optional.of(server);
                        return result;
                    }
                    failure = new IOException(server + " answers with the error " + answer.code());
                } catch (IOException e) {
                    failure = e;
                }
            }
        }
        throw failure;
    }

    private List<InetSocketAddress> servers() {
        List<InetSocketAddress> servers = new ArrayList<>(upstreams.servers());
        servers.removeIf(ourselves);
        preferred.ifPresent(first -> {
            if (servers.remove(first)) {
                servers.addFirst(first);
            }
        });
        return servers;
    }
}
