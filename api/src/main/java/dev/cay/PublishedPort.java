package dev.cay;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.util.Optional;

/**
 * A port of this machine that leads into a sandbox.
 *
 * @param bind the address of this machine that has the port; 0.0.0.0 for all of IPv4, :: for all of IPv6
 * @param hostPort 1 to 65535
 * @param guestPort the port in the sandbox, 1 to 65535
 */
public record PublishedPort(InetAddress bind, int hostPort, int guestPort, Transport transport) {
    private static final String HINT =
            "write [ADDRESS:]HOST-PORT:SANDBOX-PORT[/tcp|udp], as in 8080:80 or 0.0.0.0:53:53/udp";

    /** What has ports. */
    public enum Transport {
        TCP("tcp"),
        UDP("udp");

        private final String text;

        Transport(String text) {
            this.text = text;
        }

        /** Its stable name. */
        public String text() {
            return text;
        }
    }

    public PublishedPort {
        requireNonNull(bind, "bind is null");
        requireNonNull(transport, "transport is null");
        check("host", hostPort);
        check("sandbox", guestPort);
        Check.that(
                !(bind.isLoopbackAddress() && bind.getAddress().length > 4),
                "the kernel leads no connections from ::1 into a sandbox",
                "publish it on 127.0.0.1, or on another address of this machine");
        Check.that(
                !bind.isMulticastAddress() && !bind.isLinkLocalAddress(),
                Addresses.text(bind) + " cannot have published ports",
                "publish it on another address of this machine");
    }

    private static void check(String what, int port) {
        Check.that(port >= 1 && port <= 65_535, "the " + what + "'s port " + port + " is out of range", "1 to 65535");
    }

    /**
     * Reads {@code [BIND:]HOST-PORT:SANDBOX-PORT[/tcp|udp]}; without an address it is 127.0.0.1.
     *
     * @throws SandboxException.InvalidSpec if it is anything else
     */
    public static PublishedPort parse(String text) {
        String rest = text;
        Transport transport = Transport.TCP;
        int slash = text.indexOf('/');
        if (slash >= 0) {
            String name = text.substring(slash + 1);
            Check.that(name.equals("tcp") || name.equals("udp"), "'" + name + "' has no ports", HINT);
            transport = name.equals("tcp") ? Transport.TCP : Transport.UDP;
            rest = text.substring(0, slash);
        }
        int last = rest.lastIndexOf(':');
        Check.that(last > 0, "'" + text + "' is no published port", HINT);
        int before = rest.lastIndexOf(':', last - 1);
        String address = before < 0 ? "127.0.0.1" : rest.substring(0, before);
        if (address.startsWith("[") && address.endsWith("]")) {
            address = address.substring(1, address.length() - 1);
        } else {
            Check.that(address.indexOf(':') < 0, "'" + text + "' is no published port", HINT);
        }
        Optional<InetAddress> bind = Addresses.parse(address);
        Check.that(bind.isPresent(), "'" + address + "' is no address", HINT);
        return new PublishedPort(
                bind.get(),
                port(text, rest.substring(before + 1, last)),
                port(text, rest.substring(last + 1)),
                transport);
    }

    private static int port(String text, String number) {
        Check.that(number.matches("[1-9][0-9]{0,4}"), "'" + number + "' in '" + text + "' is no port", HINT);
        return Integer.parseInt(number);
    }

    /** Whether one of them would take connections of the other. */
    public boolean conflictsWith(PublishedPort other) {
        return transport == other.transport
                && hostPort == other.hostPort
                && bind.getAddress().length == other.bind.getAddress().length
                && (bind.equals(other.bind) || bind.isAnyLocalAddress() || other.bind.isAnyLocalAddress());
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return Addresses.bracketed(bind) + ":" + hostPort + ":" + guestPort + "/" + transport.text();
    }
}
