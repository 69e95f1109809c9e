package dev.cay.engine.names;

import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.linux.netlink.LoggedPacket;
import dev.cay.linux.netlink.PacketLog;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;

/** Reads what rules have denied, finds out whose it was and why, and passes it on; and looks now and then whether others are in the way. */
final class DenialReader implements AutoCloseable {
    private static final long LOOK_NANOSECONDS = 200_000_000;
    private static final long TEND_NANOSECONDS = 1_000_000_000;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int ICMP = 1;
    private static final int ICMPV6 = 58;

    private final PacketLog log;
    private final LeaseZone zone;
    private final boolean alone;
    private final Denials denials;
    private final Thread thread;
    private volatile boolean closed;

    private DenialReader(PacketLog log, LeaseZone zone, boolean alone, Denials denials) {
        this.log = log;
        this.zone = zone;
        this.alone = alone;
        this.denials = denials;
        thread = Thread.ofPlatform().name("cay-denied").daemon().unstarted(this::run);
    }

    /** @param alone whether all packets are those of the one sandbox that is served, whatever their source */
    static DenialReader start(PacketLog log, LeaseZone zone, boolean alone, Denials denials) {
        DenialReader reader = new DenialReader(log, zone, alone, denials);
        reader.thread.start();
        return reader;
    }

    long lost() {
        return log.lost();
    }

    private void run() {
        long tended = System.nanoTime();
        try (log) {
            while (!closed) {
                if (System.nanoTime() - tended > TEND_NANOSECONDS) {
                    tend();
                    tended = System.nanoTime();
                }
                for (LoggedPacket packet : log.read(LOOK_NANOSECONDS)) {
                    (alone ? zone.any() : zone.client(packet.source())).ifPresent(served -> denied(served, packet));
                }
            }
        } catch (IOException e) {
            System.getLogger(DenialReader.class.getName())
                    .log(System.Logger.Level.WARNING, "what is denied is no longer told of", e);
        }
    }

    private void denied(Served served, LoggedPacket packet) {
        Optional<String> domain = served.domain(packet.destination());
        EgressRule.Protocol protocol = switch (packet.protocol()) {
            case TCP -> EgressRule.Protocol.TCP;
            case UDP -> EgressRule.Protocol.UDP;
            case ICMP, ICMPV6 -> EgressRule.Protocol.ICMP;
            default -> EgressRule.Protocol.ANY;
        };
        denials.write(
                served.lease(),
                protocol == EgressRule.Protocol.ANY ? Integer.toString(packet.protocol()) : protocol.text(),
                packet.destination(),
                packet.destinationPort(),
                domain,
                reason(served, packet, protocol, domain));
    }

    /** The packet filter says that the policy denied it; why it says itself, unless it has been exchanged since. */
    private String reason(Served served, LoggedPacket packet, EgressRule.Protocol protocol, Optional<String> domain) {
        if (protocol != EgressRule.Protocol.ANY) {
            EgressPolicy.Decision decision = served.policy()
                    .explain(new EgressPolicy.Destination(
                            packet.destination(),
                            protocol,
                            packet.destinationPort(),
                            served.network().owner(packet.destination(), zone.isOfHost(packet.destination())),
                            domain.map(Set::of).orElse(Set.of())));
            if (decision.action() == EgressRule.Action.DENY) {
                return decision.reason();
            }
        }
        return "the policy of that moment";
    }

    private synchronized void tend() {
        if (!closed) {
            zone.tend();
        }
    }

    /** Afterwards nothing of the packet filter is looked at any more. */
    @Override
    public synchronized void close() {
        closed = true; // the thread notices within moments, and closes the rest
    }
}
