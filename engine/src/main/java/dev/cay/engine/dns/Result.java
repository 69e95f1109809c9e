package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the servers know about a question, as far as it concerns the question: the aliases that lead from the name asked for to
 * another one, and the records that this one has. Whatever else they send nobody has asked for, and it goes no further.
 *
 * @param code NO_ERROR or NAME_ERROR
 * @param aliases in their order
 * @param records of the type that was asked for
 * @param authority the SOA record that says how long there will be nothing
 */
record Result(int code, List<DnsRecord> aliases, List<DnsRecord> records, Optional<DnsRecord> authority) {
    private static final int MAXIMUM_ALIASES = 16;

    Result {
        aliases = List.copyOf(aliases);
        records = List.copyOf(records);
        requireNonNull(authority, "authority is null");
    }

    /** @throws MalformedMessageException if the answer makes no sense */
    static Result of(Question question, DnsMessage answer) throws MalformedMessageException {
        List<DnsRecord> aliases = new ArrayList<>();
        DnsName name = question.name();
        List<DnsRecord> records = find(answer, name, question.type());
        while (records.isEmpty() && question.type() != DnsType.CNAME) {
            List<DnsRecord> alias = find(answer, name, DnsType.CNAME);
            if (alias.isEmpty()) {
                break;
            }
            if (aliases.size() == MAXIMUM_ALIASES) {
                throw new MalformedMessageException("more aliases than " + MAXIMUM_ALIASES);
            }
            aliases.add(alias.getFirst());
            name = alias.getFirst().target();
            records = find(answer, name, question.type());
        }
        Optional<DnsRecord> authority = records.isEmpty() ? authority(answer) : Optional.empty();
        return new Result(records.isEmpty() ? answer.code() : DnsMessage.NO_ERROR, aliases, records, authority);
    }

    private static List<DnsRecord> find(DnsMessage answer, DnsName name, int type) {
        List<DnsRecord> found = new ArrayList<>();
        for (DnsRecord record : answer.answers()) {
            if (record.type() == type
                    && record.recordClass() == DnsRecord.CLASS_INTERNET
                    && record.name().equals(name)) {
                found.add(record);
            }
        }
        return found;
    }

    private static Optional<DnsRecord> authority(DnsMessage answer) {
        for (DnsRecord record : answer.authorities()) {
            if (record.type() == DnsType.SOA && record.recordClass() == DnsRecord.CLASS_INTERNET) {
                return Optional.of(record);
            }
        }
        return Optional.empty();
    }

    /** How long it is good for, in seconds. Without an SOA record nobody knows how long there will be nothing: not at all. */
    long timeToLive() throws MalformedMessageException {
        long least = Long.MAX_VALUE;
        for (DnsRecord alias : aliases) {
            least = Math.min(least, alias.timeToLive());
        }
        for (DnsRecord record : records) {
            least = Math.min(least, record.timeToLive());
        }
        if (records.isEmpty()) {
            least = authority.isPresent()
                    ? Math.min(
                            least,
                            Math.min(
                                    authority.get().timeToLive(),
                                    authority.get().minimum()))
                    : 0;
        }
        return least;
    }

    int size() {
        int size = 100;
        for (DnsRecord alias : aliases) {
            size += alias.size();
        }
        for (DnsRecord record : records) {
            size += record.size();
        }
        return size;
    }
}
