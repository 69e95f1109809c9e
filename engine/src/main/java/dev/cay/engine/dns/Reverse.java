package dev.cay.engine.dns;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/** Names of addresses, RFC 1035 section 3.5 and RFC 3596 section 2.5. */
final class Reverse {
    private static final String IPV4 = ".in-addr.arpa";
    private static final String IPV6 = ".ip6.arpa";
    private static final int NIBBLES = 32;

    private Reverse() {}

    /** The address that a name stands for; empty if it does not stand for a whole one. */
    static Optional<InetAddress> address(String name) {
        try {
            if (name.endsWith(IPV4)) {
                return ofOctets(name.substring(0, name.length() - IPV4.length()).split("\\.", -1));
            }
            return name.endsWith(IPV6) ? ofNibbles(name.substring(0, name.length() - IPV6.length())) : Optional.empty();
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Optional<InetAddress> ofOctets(String[] labels) throws UnknownHostException {
        byte[] octets = new byte[4];
        if (labels.length != octets.length) {
            return Optional.empty();
        }
        for (int i = 0; i < octets.length; i++) {
            if (!labels[i].matches("0|[1-9][0-9]{0,2}") || Integer.parseInt(labels[i]) > 255) {
                return Optional.empty();
            }
            octets[octets.length - 1 - i] = (byte) Integer.parseInt(labels[i]);
        }
        return Optional.of(InetAddress.getByAddress(octets));
    }

    private static Optional<InetAddress> ofNibbles(String labels) throws UnknownHostException {
        if (labels.length() != 2 * NIBBLES - 1) {
            return Optional.empty();
        }
        byte[] octets = new byte[NIBBLES / 2];
        for (int i = 0; i < labels.length(); i++) {
            char character = labels.charAt(i);
            if (i % 2 == 1) {
                if (character != '.') {
                    return Optional.empty();
                }
            } else {
                int digit = Character.digit(character, 16);
                if (digit < 0 || character >= 128) {
                    return Optional.empty();
                }
                int nibble = NIBBLES - 1 - i / 2;
                octets[nibble / 2] |= (byte) (nibble % 2 == 0 ? digit << 4 : digit);
            }
        }
        return Optional.of(InetAddress.getByAddress(octets));
    }

    /**
     * Whether the names of an address are known outside of the network that it belongs to, RFC 6303: those of others are nobody's
     * business, and nobody can answer for them.
     */
    static boolean isPublic(InetAddress address) {
        byte[] octets = address.getAddress();
        if (address.isAnyLocalAddress()
                || address.isLoopbackAddress()
                || address.isLinkLocalAddress()
                || address.isSiteLocalAddress()
                || address.isMulticastAddress()) {
            return false;
        }
        if (address instanceof Inet4Address) {
            return isPublic(octets[0] & 0xff, octets[1] & 0xff, octets[2] & 0xff);
        }
        boolean documentation =
                octets[0] == 0x20 && octets[1] == 0x01 && octets[2] == 0x0d && (octets[3] & 0xff) == 0xb8;
        return (octets[0] & 0xe0) == 0x20 && !documentation; // 2000::/3 is all there is
    }

    private static boolean isPublic(int first, int second, int third) {
        return first != 0
                && first < 240
                && !(first == 100 && second >= 64 && second < 128)
                && !(first == 192 && second == 0 && (third == 0 || third == 2))
                && !(first == 198 && (second == 18 || second == 19 || second == 51 && third == 100))
                && !(first == 203 && second == 0 && third == 113);
    }
}
