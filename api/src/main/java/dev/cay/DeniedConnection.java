package dev.cay;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A connection that a sandbox tried to make and its policy denied, or a name that it asked for in vain.
 *
 * @param time when
 * @param sandbox its id
 * @param name what it is called, its id if it has no name
 * @param protocol {@code tcp}, {@code udp}, {@code icmp}, the number of another one, or {@code dns} for a question
 * @param address where it wanted to go; its own name server for a question
 * @param port absent for protocols without
 * @param domain the name it asked for, or the last one for which it was told the address
 * @param rule which rule decided, in words
 * @param suppressed how many more of this sandbox were not told of since the one before, because they were too many
 */
public record DeniedConnection(
        Instant time,
        String sandbox,
        String name,
        String protocol,
        InetAddress address,
        OptionalInt port,
        Optional<String> domain,
        String rule,
        long suppressed) {
    public DeniedConnection {
        requireNonNull(time, "time is null");
        requireNonNull(sandbox, "sandbox is null");
        requireNonNull(name, "name is null");
        requireNonNull(protocol, "protocol is null");
        requireNonNull(address, "address is null");
        requireNonNull(port, "port is null");
        requireNonNull(domain, "domain is null");
        requireNonNull(rule, "rule is null");
    }
}
