package dev.cay;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** The network a sandbox has. */
public sealed interface Network {
    /** A network namespace of its own with nothing in it but the loopback interface. */
    record None() implements Network {}

    /**
     * The host's own network, unfiltered: the sandbox reaches whatever the host reaches, its loopback services included.
     */
    record Host() implements Network {}

    /**
     * A network of this machine, see {@link Networks}: addresses of its own, a way out that its policy guards.
     *
     * @param name which one; {@link #BRIDGE} is always there, others are made beforehand
     * @param egress which connections it may make
     * @param ports the ports of this machine that lead into it
     * @param address the IPv4 address it is to have; any if empty
     */
    record Named(String name, EgressPolicy egress, List<PublishedPort> ports, Optional<InetAddress> address)
            implements Network {
        private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-]{1,15}");
        private static final int MAXIMUM_PORTS = 256;

        public Named {
            checkName(name);
            requireNonNull(egress, "egress is null");
            ports = List.copyOf(ports);
            Check.that(ports.size() <= MAXIMUM_PORTS, ports.size() + " published ports are too many", "at most 256");
            Set<PublishedPort> seen = new HashSet<>();
            for (PublishedPort port : ports) {
                for (PublishedPort other : seen) {
                    Check.that(
                            !port.conflictsWith(other),
                            "the published ports " + other + " and " + port + " are the same",
                            "leave out one of them");
                }
                seen.add(port);
            }
            address.ifPresent(one -> Check.that(
                    one.getAddress().length == 4,
                    "the address " + Addresses.text(one) + " is not IPv4",
                    "give an IPv4 address"));
        }

        static void checkName(String name) {
            Check.that(
                    FORM.matcher(name).matches() && !name.equals("none") && !name.equals("host"),
                    "'" + name + "' is no name for a network",
                    "1 to 15 letters, digits, _ and -, other than none and host");
        }

        public Named withEgress(EgressPolicy policy) {
            return new Named(name, policy, ports, address);
        }

        public Named withPorts(List<PublishedPort> published) {
            return new Named(name, egress, published, address);
        }

        public Named withAddress(InetAddress wanted) {
            return new Named(name, egress, ports, Optional.of(wanted));
        }
    }

    /** The name of the network that is always there. */
    String BRIDGE = "bridge";

    static Network none() {
        return new None();
    }

    static Network host() {
        return new Host();
    }

    /** The network that is always there, with {@link EgressPolicy#publicOnly}. */
    static Named bridge() {
        return named(BRIDGE);
    }

    /** A network of this machine, with {@link EgressPolicy#publicOnly}. */
    static Named named(String name) {
        return new Named(name, EgressPolicy.publicOnly(), List.of(), Optional.empty());
    }
}
