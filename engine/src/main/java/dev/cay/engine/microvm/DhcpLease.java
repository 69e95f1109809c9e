package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.microvm.GuestAddressing.Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a DHCP server gave.
 *
 * @param server who gave it
 * @param renewal after how long its server is asked for more
 * @param rebinding after how long everybody is
 * @param end after how long it is nobody's any more
 */
public record DhcpLease(Address address, InetAddress server, Duration renewal, Duration rebinding, Duration end) {
    private static final int MAXIMUM_NAME_SERVERS = 3; // more, resolv.conf(5) does not take
    private static final long UNLIMITED = 0xffff_ffffL;

    /** One that is shorter would be nothing but asking. */
    private static final long LEAST_SECONDS = 2;

    /** As long as the life of anything here, and no overflow when it is added to a time. */
    private static final Duration LONGEST = Duration.ofDays(3650);

    public DhcpLease {
        requireNonNull(address, "address is null");
        requireNonNull(server, "server is null");
        if (renewal.compareTo(rebinding) > 0 || rebinding.compareTo(end) > 0) {
            throw new IllegalArgumentException("a lease of " + renewal + ", " + rebinding + ", " + end);
        }
    }

    /** Empty if this is none that anybody could live with: without a server, a mask or a time, or with an address that is none. */
    static Optional<DhcpLease> of(DhcpMessage message) {
        List<InetAddress> server = message.addresses(DhcpMessage.SERVER);
        Optional<Integer> prefix =
                GuestAddressing.prefix(message.options().getOrDefault(DhcpMessage.MASK, new byte[0]));
        OptionalLong seconds = message.time(DhcpMessage.LEASE_TIME);
        boolean isWhole = server.size() == 1 && prefix.isPresent() && seconds.isPresent();
        if (!isWhole || seconds.getAsLong() < LEAST_SECONDS) {
            return Optional.empty();
        }
        Duration end = duration(seconds.getAsLong());
        Duration rebinding = message.time(DhcpMessage.REBINDING_TIME).stream()
                .mapToObj(DhcpLease::duration)
                .filter(time -> time.compareTo(end) <= 0 && !time.isZero())
                .findFirst()
                .orElse(end.multipliedBy(7).dividedBy(8));
        Duration renewal = message.time(DhcpMessage.RENEWAL_TIME).stream()
                .mapToObj(DhcpLease::duration)
                .filter(time -> time.compareTo(rebinding) <= 0 && !time.isZero())
                .findFirst()
                .orElse(end.dividedBy(2).compareTo(rebinding) <= 0 ? end.dividedBy(2) : rebinding);
        try {
            Address address = new Address(
                    message.yours(),
                    prefix.get(),
                    message.addresses(DhcpMessage.ROUTER).stream().findFirst(),
                    message.addresses(DhcpMessage.NAME_SERVER).stream()
                            .limit(MAXIMUM_NAME_SERVERS)
                            .toList());
            return Optional.of(new DhcpLease(address, server.getFirst(), renewal, rebinding, end));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Duration duration(long seconds) {
        Duration said = Duration.ofSeconds(seconds);
        return seconds == UNLIMITED || said.compareTo(LONGEST) > 0 ? LONGEST : said;
    }
}
