package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.OptionalInt;

/**
 * A packet that a rule has logged.
 *
 * @param prefix the word of the rule, see {@link NftExpression.Log}
 * @param protocol the number of its transport protocol, of /etc/protocols
 * @param source where it comes from
 * @param destination where it wants to go
 * @param sourcePort of TCP, UDP and SCTP, if it was not cut off before
 * @param destinationPort the same
 * @param input the number of the link it came in by, or 0
 */
public record LoggedPacket(
        String prefix,
        int protocol,
        InetAddress source,
        InetAddress destination,
        OptionalInt sourcePort,
        OptionalInt destinationPort,
        int input) {
    private static final int IPPROTO_HOPOPTS = 0;
    private static final int IPPROTO_TCP = 6;
    private static final int IPPROTO_UDP = 17;
    private static final int IPPROTO_ROUTING = 43;
    private static final int IPPROTO_FRAGMENT = 44;
    private static final int IPPROTO_AH = 51;
    private static final int IPPROTO_DSTOPTS = 60;
    private static final int IPPROTO_SCTP = 132;
    private static final int MAXIMUM_HEADERS = 8;

    public LoggedPacket {
        requireNonNull(prefix, "prefix is null");
        requireNonNull(source, "source is null");
        requireNonNull(destination, "destination is null");
        requireNonNull(sourcePort, "sourcePort is null");
        requireNonNull(destinationPort, "destinationPort is null");
    }

    /**
     * Reads the beginning of a packet, from its IP header on: RFC 791, RFC 8200.
     *
     * @throws ProtocolException if not even the addresses are there
     */
    static LoggedPacket read(String prefix, int input, Payload packet) throws ProtocolException {
        return switch (packet.u8(0) >> 4) {
            case 4 -> readIpv4(prefix, input, packet);
            case 6 -> readIpv6(prefix, input, packet);
            default -> throw new ProtocolException("netlink: a packet of IP version " + (packet.u8(0) >> 4));
        };
    }

    private static LoggedPacket readIpv4(String prefix, int input, Payload packet) throws ProtocolException {
        int header = (packet.u8(0) & 0xf) * 4;
        boolean first = (packet.networkU16(6) & 0x1fff) == 0; // later fragments have no ports
        return of(
                prefix,
                input,
                packet.u8(9),
                packet.part(12, 4).address(),
                packet.part(16, 4).address(),
                packet,
                first ? header : packet.length());
    }

    private static LoggedPacket readIpv6(String prefix, int input, Payload packet) throws ProtocolException {
        int protocol = packet.u8(6);
        int at = 40;
        for (int i = 0; i < MAXIMUM_HEADERS && at + 8 <= packet.length(); i++) {
            int length;
            switch (protocol) {
                case IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS -> length = (packet.u8(at + 1) + 1) * 8;
                case IPPROTO_AH -> length = (packet.u8(at + 1) + 2) * 4;
                case IPPROTO_FRAGMENT -> length = (packet.networkU16(at + 2) & 0xfff8) == 0 ? 8 : packet.length();
                default -> length = 0;
            }
            if (length == 0) {
                break;
            }
            protocol = packet.u8(at);
            at += length;
        }
        return of(
                prefix,
                input,
                protocol,
                packet.part(8, 16).address(),
                packet.part(24, 16).address(),
                packet,
                at);
    }

    private static LoggedPacket of(
            String prefix,
            int input,
            int protocol,
            InetAddress source,
            InetAddress destination,
            Payload packet,
            int transport)
            throws ProtocolException {
        boolean ports = (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP)
                && transport + 4 <= packet.length();
        return new LoggedPacket(
                prefix,
                protocol,
                source,
                destination,
                ports ? OptionalInt.of(packet.networkU16(transport)) : OptionalInt.empty(),
                ports ? OptionalInt.of(packet.networkU16(transport + 2)) : OptionalInt.empty(),
                input);
    }
}
