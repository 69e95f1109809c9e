package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Decides what is said to a question, whichever way it came. Thread-safe. */
final class Answerer {
    /** Names of the network change with the sandboxes in it. */
    private static final long LOCAL_SECONDS = 5;

    private static final int BLOCKED = 15; // RFC 8914
    private static final int FILTERED = 17;
    private static final int NO_REACHABLE_AUTHORITY = 22;

    private final Zone zone;
    private final Forwarder forwarder;
    private final ResolverLimits limits;
    private final Counters counters;
    private final ConcurrentHashMap<InetAddress, Client> clients = new ConcurrentHashMap<>();

    Answerer(Zone zone, Forwarder forwarder, ResolverLimits limits, Counters counters) {
        this.zone = zone;
        this.forwarder = forwarder;
        this.limits = limits;
        this.counters = counters;
    }

    /** What becomes of a question. */
    sealed interface Answer {}

    /** It is answered now. */
    record Now(DnsMessage message) implements Answer {}

    /**
     * It takes time.
     *
     * @param work blocks, fails never, and has to be done, or {@code client} is told that it will not be
     */
    record Later(Client client, Callable<DnsMessage> work) implements Answer {
        Later {
            requireNonNull(client, "client is null");
            requireNonNull(work, "work is null");
        }
    }

    /** It is not answered. */
    record Never() implements Answer {}

    void forget(InetAddress address) {
        clients.remove(address);
    }

    Answer answer(byte[] bytes, int length, InetAddress address) {
        counters.questions.increment();
        long now = System.nanoTime();
        Client before = clients.get(address);
        if (before != null && !before.mayAsk(now)) {
            return dropped();
        }
        DnsMessage message;
        try {
            message = DnsMessage.read(bytes, length);
        } catch (MalformedMessageException e) {
            return before == null ? dropped() : malformed(bytes, length);
        }
        if (message.isResponse()) {
            return dropped();
        }
        return answer(message, address, now);
    }

    private Answer dropped() {
        counters.dropped.increment();
        return new Never();
    }

    private Answer malformed(byte[] bytes, int length) {
        counters.failed.increment();
        if (length < DnsMessage.HEADER || (bytes[2] & DnsMessage.RESPONSE >> 8) != 0) {
            return new Never();
        }
        int id = (bytes[0] & 0xff) << 8 | bytes[1] & 0xff;
        return new Now(new DnsMessage(
                id,
                DnsMessage.RESPONSE | DnsMessage.FORMAT_ERROR,
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                Optional.empty()));
    }

    private Answer answer(DnsMessage message, InetAddress address, long now) {
        Reply reply = new Reply(message);
        if (message.opcode() != 0) {
            return known(address, reply.code(DnsMessage.NOT_IMPLEMENTED));
        }
        if (message.questions().size() != 1) {
            return known(address, reply.code(DnsMessage.FORMAT_ERROR));
        }
        if (message.edns().isPresent() && message.edns().get().version() != 0) {
            return known(address, reply.code(DnsMessage.BAD_VERSION));
        }
        Question question = message.questions().getFirst();
        if (question.recordClass() != DnsRecord.CLASS_INTERNET || !DnsType.isData(question.type())) {
            return known(address, reply.code(DnsMessage.NOT_IMPLEMENTED));
        }
        Optional<String> name = question.name().host();
        if (name.isEmpty()) {
            return known(address, reply.code(DnsMessage.REFUSED));
        }
        return switch (zone.decide(address, name.get())) {
            case Zone.Stranger _ -> dropped();
            case Zone.Local local -> local(reply, question, local.addresses());
            case Zone.Denied denied ->
                special(reply, question, name.get(), address)
                        .orElseGet(() -> denied(reply, address, name.get(), denied.rule()));
            case Zone.Forwarded _ ->
                special(reply, question, name.get(), address)
                        .orElseGet(() -> forwarded(reply, question, name.get(), address, now));
        };
    }

    /** Even what is wrong with a question is told to clients only. */
    private Answer known(InetAddress address, DnsMessage message) {
        return zone.decide(address, "localhost") instanceof Zone.Stranger ? dropped() : new Now(message);
    }

    private Answer local(Reply reply, Question question, List<InetAddress> addresses) {
        counters.known.increment();
        List<DnsRecord> records = new ArrayList<>();
        for (InetAddress address : addresses) {
            DnsRecord record = DnsRecord.of(question.name(), address, LOCAL_SECONDS);
            if (record.type() == question.type()) {
                records.add(record);
            }
        }
        return new Now(reply.ofOurs(DnsMessage.NO_ERROR, records));
    }

    private Answer denied(Reply reply, InetAddress address, String name, String rule) {
        counters.denied.increment();
        zone.kept(address, name, rule);
        return new Now(reply.because(DnsMessage.NAME_ERROR, BLOCKED, rule));
    }

    /** Names that never leave this machine, whatever the policy says of them. */
    private Optional<Answer> special(Reply reply, Question question, String name, InetAddress client) {
        if (SpecialNames.isLoopback(name)) {
            return Optional.of(local(reply, question, SpecialNames.LOOPBACK));
        }
        if (question.type() == DnsType.PTR) {
            Optional<InetAddress> address = Reverse.address(name);
            Optional<String> ours = address.flatMap(known -> zone.name(client, known));
            if (ours.isPresent()) {
                counters.known.increment();
                DnsName target = DnsName.of(ours.get());
                return Optional.of(new Now(reply.ofOurs(
                        DnsMessage.NO_ERROR,
                        List.of(DnsRecord.of(question.name(), DnsType.PTR, target, LOCAL_SECONDS)))));
            }
        }
        if (SpecialNames.isNowhere(name)) {
            counters.known.increment();
            return Optional.of(new Now(reply.ofOurs(DnsMessage.NAME_ERROR, List.of())));
        }
        return Optional.empty();
    }

    private Answer forwarded(Reply reply, Question question, String name, InetAddress address, long now) {
        if (question.type() == DnsType.SVCB || question.type() == DnsType.HTTPS) {
            // Records of these types hold addresses too, which nobody would have made reachable.
            counters.known.increment();
            return new Now(reply.code(DnsMessage.NO_ERROR));
        }
        Client client = clients.computeIfAbsent(address, _ -> new Client(limits, now));
        Optional<Client.Known> known = client.known(question, now);
        if (known.isPresent() && known.get().isGood(now)) {
            counters.known.increment();
            return new Now(reply.of(question, known.get(), now));
        }
        if (!client.mayWait()) {
            counters.failed.increment();
            return new Now(reply.code(DnsMessage.REFUSED));
        }
        long deadline = now + limits.patience().toNanos();
        return new Later(client, () -> ask(reply, question, name, address, client, deadline));
    }

    private DnsMessage ask(
            Reply reply, Question question, String name, InetAddress address, Client client, long deadline) {
        try {
            Client.Known answer = joined(question, name, address, client, deadline);
            return reply.of(question, answer, System.nanoTime());
        } catch (IOException | TimeoutException e) {
            counters.failed.increment();
            return reply.because(DnsMessage.SERVER_FAILURE, NO_REACHABLE_AUTHORITY, String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return reply.code(DnsMessage.SERVER_FAILURE);
        } finally {
            client.waited();
        }
    }

    /** Asks, unless the same question is on its way: a guess at an answer has one chance, however often it is provoked. */
    private Client.Known joined(Question question, String name, InetAddress address, Client client, long deadline)
            throws IOException, TimeoutException, InterruptedException {
        CompletableFuture<Client.Known> own = new CompletableFuture<>();
        Optional<CompletableFuture<Client.Known>> other = client.join(question, own);
        if (other.isPresent()) {
            try {
                return other.get().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (ExecutionException e) {
                throw new IOException(e.getCause().getMessage(), e);
            }
        }
        try {
            Client.Known answer = fetched(question, name, address, client, deadline);
            own.complete(answer);
            return answer;
        } catch (IOException | RuntimeException e) {
            own.completeExceptionally(e);
            throw e;
        } finally {
            client.arrived(question);
        }
    }

    private Client.Known fetched(Question question, String name, InetAddress address, Client client, long deadline)
            throws IOException {
        long now = System.nanoTime();
        Optional<Client.Known> before = client.known(question, now);
        Result result;
        long expires;
        if (before.isPresent()) {
            result = before.get().result(); // still good, but its addresses have to be made reachable again
            expires = before.get().expires();
        } else {
            counters.forwarded.increment();
            result = forwarder.ask(question, deadline);
            now = System.nanoTime();
            long longest = (result.records().isEmpty() ? limits.negativeTimeToLive() : limits.timeToLive()).toSeconds();
            expires = now + Math.min(result.timeToLive(), longest) * 1_000_000_000;
        }
        Client.Known answer = admitted(question, name, address, result, now, expires);
        if (expires - now > 0) {
            client.keep(question, answer);
        }
        return answer;
    }

    private Client.Known admitted(
            Question question, String name, InetAddress client, Result result, long now, long expires)
            throws IOException {
        List<InetAddress> addresses = new ArrayList<>();
        for (DnsRecord record : result.records()) {
            // One of IPv4 in the form of IPv6 means nothing good.
            record.address()
                    .filter(address -> address instanceof Inet4Address == (question.type() == DnsType.A))
                    .ifPresent(addresses::add);
        }
        if (addresses.isEmpty()) {
            return new Client.Known(result, List.of(), expires, expires);
        }
        Zone.Admission admission = zone.admit(client, name, addresses, Duration.ofNanos(Math.max(0, expires - now)));
        for (InetAddress address : addresses) {
            if (!admission.addresses().contains(address)) {
                counters.denied.increment();
                zone.kept(client, name, "its address " + address.getHostAddress() + " is out of reach");
            }
        }
        long reachable = System.nanoTime() + admission.reachable().toNanos();
        return new Client.Known(result, admission.addresses(), expires, reachable);
    }

    /** Answers to one question. */
    private record Reply(DnsMessage question) {
        DnsMessage code(int code) {
            return message(code, List.of(), List.of(), false, DnsMessage.Edns.ours());
        }

        /** @param code words of RFC 8914 say why, for who looks; a rule may name what it likes, but not at any length */
        DnsMessage because(int code, int extended, String words) {
            String cut = words.length() <= 200 ? words : words.substring(0, 200);
            return message(code, List.of(), List.of(), false, DnsMessage.Edns.because(extended, cut));
        }

        DnsMessage ofOurs(int code, List<DnsRecord> records) {
            return message(code, records, List.of(), true, DnsMessage.Edns.ours());
        }

        DnsMessage of(Question asked, Client.Known known, long now) {
            long seconds = known.seconds(now);
            boolean isAddress = asked.type() == DnsType.A || asked.type() == DnsType.AAAA;
            List<DnsRecord> records = new ArrayList<>();
            for (DnsRecord alias : known.result().aliases()) {
                records.add(alias.withTimeToLive(seconds));
            }
            boolean kept = false;
            for (DnsRecord record : known.result().records()) {
                if (!isAddress
                        || record.address().filter(known.told()::contains).isPresent()) {
                    records.add(record.withTimeToLive(seconds));
                } else {
                    kept = true;
                }
            }
            List<DnsRecord> authorities = new ArrayList<>();
            known.result().authority().ifPresent(soa -> authorities.add(soa.withTimeToLive(seconds)));
            DnsMessage.Edns edns = kept
                    ? DnsMessage.Edns.because(FILTERED, "the policy denies addresses of this name")
                    : DnsMessage.Edns.ours();
            return message(known.result().code(), records, authorities, false, edns);
        }

        private DnsMessage message(
                int code,
                List<DnsRecord> answers,
                List<DnsRecord> authorities,
                boolean authoritative,
                DnsMessage.Edns edns) {
            int flags = DnsMessage.RESPONSE
                    | question.flags() & (DnsMessage.OPCODE | DnsMessage.RECURSION_DESIRED)
                    | (authoritative ? DnsMessage.AUTHORITATIVE : 0)
                    | DnsMessage.RECURSION_AVAILABLE
                    | code & 0xf;
            return new DnsMessage(
                    question.id(),
                    flags,
                    question.questions().size() == 1 ? question.questions() : List.of(),
                    answers,
                    authorities,
                    List.of(),
                    question.edns().isPresent() ? Optional.of(edns.withExtendedCode(code >> 4)) : Optional.empty());
        }
    }
}
