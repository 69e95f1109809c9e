package dev.cay.engine.dns;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/** Names that no server is asked for, RFC 6761. */
final class SpecialNames {
    static final List<InetAddress> LOOPBACK = List.of(InetAddress.ofLiteral("127.0.0.1"), InetAddress.ofLiteral("::1"));

    private SpecialNames() {}

    static boolean isLoopback(String name) {
        return isIn(name, "localhost");
    }

    /**
     * Whether nobody outside has to hear of a name: one of a single label, which would be one of the host's own network; the
     * address of a private network; what RFC 6761 and RFC 7686 say is nowhere; and the name by which a browser asks whether it
     * may go around this resolver.
     */
    static boolean isNowhere(String name) {
        if (name.indexOf('.') < 0 || isIn(name, "invalid") || isIn(name, "onion")) {
            return true;
        }
        if (name.equals("use-application-dns.net")) {
            return true;
        }
        Optional<InetAddress> address = Reverse.address(name);
        return address.isPresent() && !Reverse.isPublic(address.get());
    }

    private static boolean isIn(String name, String domain) {
        return name.endsWith(domain)
                && (name.length() == domain.length() || name.charAt(name.length() - domain.length() - 1) == '.');
    }
}
