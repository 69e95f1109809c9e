package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * What is to become of some connections.
 *
 * @param target where they go to
 * @param protocol of which protocol they are
 * @param ports to which ports they go; all if empty; of TCP and UDP only
 */
public record EgressRule(Action action, EgressTarget target, Protocol protocol, List<Ports> ports) {
    private static final int MAXIMUM_PORTS = 64;
    private static final String HINT = "write TARGET[:any|tcp|udp|icmp[:PORTS]], as in example.com:tcp:80,8000-8100;"
            + " an IPv6 target in brackets";

    /** What becomes of a connection. */
    public enum Action {
        ALLOW("allow"),
        DENY("deny");

        private final String text;

        Action(String text) {
            this.text = text;
        }

        /** Its stable name. */
        public String text() {
            return text;
        }
    }

    /** A protocol above IP. */
    public enum Protocol {
        ANY("any"),
        TCP("tcp"),
        UDP("udp"),
        /** ICMP, and ICMPv6 for IPv6. */
        ICMP("icmp");

        private final String text;

        Protocol(String text) {
            this.text = text;
        }

        /** Its stable name. */
        public String text() {
            return text;
        }

        boolean includes(Protocol other) {
            return this == ANY || this == other;
        }
    }

    /**
     * A range of ports.
     *
     * @param first 1 to 65535
     * @param last as much or more
     */
    public record Ports(int first, int last) {
        public Ports {
            Check.that(
                    first >= 1 && last >= first && last <= 65_535,
                    "the ports " + first + "-" + last + " are out of range",
                    "1 to 65535, the lower one first");
        }

        boolean contains(int port) {
            return port >= first && port <= last;
        }

        @Override
        public String toString() {
            return first == last ? Integer.toString(first) : first + "-" + last;
        }
    }

    public EgressRule {
        requireNonNull(action, "action is null");
        requireNonNull(target, "target is null");
        requireNonNull(protocol, "protocol is null");
        ports = List.copyOf(ports);
        Check.that(
                ports.isEmpty() || protocol == Protocol.TCP || protocol == Protocol.UDP,
                protocol.text() + " has no ports",
                "write tcp or udp, or leave the ports out");
        Check.that(ports.size() <= MAXIMUM_PORTS, "a rule has " + ports.size() + " ranges of ports", "at most 64");
    }

    /**
     * Reads {@code TARGET[:PROTOCOL[:PORTS]]}.
     *
     * @throws SandboxException.InvalidSpec if it is anything else
     */
    public static EgressRule parse(Action action, String text) {
        String target = text;
        String rest = "";
        if (text.startsWith("[")) {
            int end = text.indexOf(']');
            Check.that(end > 0, "'" + text + "' has no closing bracket", HINT);
            target = text.substring(1, end);
            rest = text.substring(end + 1);
            Check.that(rest.isEmpty() || rest.startsWith(":"), "'" + text + "' is no rule", HINT);
        } else if (text.indexOf(':') >= 0 && !text.matches("[0-9A-Fa-f.]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*(/[0-9]*)?")) {
            target = text.substring(0, text.indexOf(':'));
            rest = text.substring(text.indexOf(':'));
        }
        String[] parts = rest.isEmpty() ? new String[0] : rest.substring(1).split(":", -1);
        Check.that(parts.length <= 2, "'" + text + "' is no rule", HINT);
        Protocol protocol = parts.length == 0 ? Protocol.ANY : protocol(text, parts[0]);
        return new EgressRule(
                action, EgressTarget.parse(target), protocol, parts.length < 2 ? List.of() : ports(text, parts[1]));
    }

    private static Protocol protocol(String text, String name) {
        for (Protocol protocol : Protocol.values()) {
            if (protocol.text.equals(name)) {
                return protocol;
            }
        }
        throw new SandboxException.InvalidSpec("'" + name + "' in '" + text + "' is no protocol", HINT);
    }

    private static List<Ports> ports(String text, String list) {
        List<Ports> ports = new ArrayList<>();
        for (String range : list.split(",", -1)) {
            Check.that(
                    range.matches("[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?"),
                    "'" + range + "' in '" + text + "' is no port",
                    HINT);
            int dash = range.indexOf('-');
            int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
            ports.add(new Ports(first, dash < 0 ? first : Integer.parseInt(range.substring(dash + 1))));
        }
        return ports;
    }

    /** Whether the rule is about a port; without one, about none that it restricts. */
    boolean matchesPort(OptionalInt port) {
        return ports.isEmpty() || port.isPresent() && ports.stream().anyMatch(range -> range.contains(port.getAsInt()));
    }

    /** As {@link #parse} reads it, without the action. */
    public String text() {
        String name = target.toString();
        String open = name.indexOf(':') >= 0 ? "[" + name + "]" : name;
        if (!ports.isEmpty()) {
            return open + ":" + protocol.text()
                    + ports.stream().map(Ports::toString).collect(Collectors.joining(",", ":", ""));
        }
        return protocol == Protocol.ANY ? open : open + ":" + protocol.text();
    }

    @Override
    public String toString() {
        return action.text() + " " + text();
    }
}
