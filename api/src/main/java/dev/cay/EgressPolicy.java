package dev.cay;

import static java.util.Objects.requireNonNull;

import dev.cay.EgressRule.Action;
import dev.cay.EgressRule.Protocol;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Which connections a sandbox may make. The first rule that speaks of a connection decides; if none does, the default.
 *
 * <p>Answers to what came in, and what is related to a connection that is allowed, always pass. Where a rule names a domain,
 * other name servers than the sandbox's own are out of reach, see {@link #isForeignResolver}.
 *
 * @param fallback what becomes of connections that no rule speaks of
 * @param rules at most 1024
 * @param allowDns whether the sandbox may ask for names that no rule speaks of; those of rules that allow it always may
 * @param logDenied whether denied connections become events
 * @param connections how many it may have at a time; 1 to 1000000
 * @param bandwidth how many bytes a second each way; at least 1 KiB
 */
public record EgressPolicy(
        Action fallback,
        List<EgressRule> rules,
        boolean allowDns,
        boolean logDenied,
        OptionalInt connections,
        Optional<Size> bandwidth) {
    private static final int MAXIMUM_RULES = 1024;
    private static final int MAXIMUM_CONNECTIONS = 1_000_000;
    private static final Size MINIMUM_BANDWIDTH = Size.kib(1);
    private static final String HINT = "a line is 'default allow|deny', 'allow TARGET[:PROTOCOL[:PORTS]]', 'deny ...',"
            + " 'dns on|off', 'log on|off', 'connections N' or 'bandwidth SIZE'";

    /** Well-known resolvers that answer over HTTPS on their addresses, and so to whoever may reach these. */
    private static final List<Cidr> HTTPS_RESOLVERS = List.of(
                    "1.0.0.0/30",
                    "1.1.1.0/30",
                    "8.8.4.4",
                    "8.8.8.8",
                    "9.9.9.9",
                    "9.9.9.10",
                    "9.9.9.11",
                    "45.90.28.0/22",
                    "76.76.2.0/24",
                    "76.76.10.0/24",
                    "94.140.14.0/23",
                    "149.112.112.0/24",
                    "185.228.168.0/23",
                    "208.67.220.220",
                    "208.67.222.222",
                    "2001:4860:4860::/48",
                    "2606:4700:4700::/48",
                    "2620:fe::/48",
                    "2620:119:35::/48",
                    "2620:119:53::/48",
                    "2a10:50c0::/32")
            .stream()
            .map(Cidr::parse)
            .toList();

    public EgressPolicy {
        requireNonNull(fallback, "fallback is null");
        rules = List.copyOf(rules);
        Check.that(
                rules.size() <= MAXIMUM_RULES,
                rules.size() + " rules are too many",
                "at most " + MAXIMUM_RULES + "; join blocks of addresses");
        if (connections.isPresent()) {
            int count = connections.getAsInt();
            Check.that(
                    count >= 1 && count <= MAXIMUM_CONNECTIONS,
                    count + " connections are out of range",
                    "1 to " + MAXIMUM_CONNECTIONS);
        }
        bandwidth.ifPresent(size -> Check.that(
                size.compareTo(MINIMUM_BANDWIDTH) >= 0 && size.compareTo(Size.gib(1024)) <= 0,
                "a bandwidth of " + size + " a second is out of range",
                "at least " + MINIMUM_BANDWIDTH));
    }

    private static EgressPolicy of(Action fallback, List<EgressRule> rules, boolean allowDns) {
        return new EgressPolicy(fallback, rules, allowDns, true, OptionalInt.empty(), Optional.empty());
    }

    /**
     * For code nobody trusts: the internet and the neighbours on a network that was made for them, and nothing else of what is
     * around or on this machine.
     */
    public static EgressPolicy publicOnly() {
        return of(Action.DENY, List.of(allow(AddressGroup.PUBLIC), allow(AddressGroup.NETWORK)), true);
    }

    private static EgressRule allow(AddressGroup group) {
        return new EgressRule(Action.ALLOW, new EgressTarget.Group(group), Protocol.ANY, List.of());
    }

    /** Nothing but what rules allow, names included. */
    public static EgressPolicy denyAll() {
        return of(Action.DENY, List.of(), false);
    }

    /** Everything: this machine and the networks around it as well. */
    public static EgressPolicy allowAll() {
        return of(Action.ALLOW, List.of(), true);
    }

    /** The same with rules before those that it has. */
    public EgressPolicy withFirst(List<EgressRule> first) {
        List<EgressRule> all = new ArrayList<>(first);
        all.addAll(rules);
        return new EgressPolicy(fallback, all, allowDns, logDenied, connections, bandwidth);
    }

    public EgressPolicy withConnections(int count) {
        return new EgressPolicy(fallback, rules, allowDns, logDenied, OptionalInt.of(count), bandwidth);
    }

    public EgressPolicy withBandwidth(Size perSecond) {
        return new EgressPolicy(fallback, rules, allowDns, logDenied, connections, Optional.of(perSecond));
    }

    /**
     * What a connection goes to.
     *
     * @param protocol not {@link Protocol#ANY}
     * @param port absent for protocols without
     * @param owner what the address is to the sandbox
     * @param domains the names for which the sandbox was told this address
     */
    public record Destination(
            InetAddress address, Protocol protocol, OptionalInt port, AddressGroup.Owner owner, Set<String> domains) {
        public Destination {
            requireNonNull(address, "address is null");
            requireNonNull(port, "port is null");
            requireNonNull(owner, "owner is null");
            Check.that(protocol != Protocol.ANY, "a connection has one protocol", "write tcp, udp or icmp");
            domains = Set.copyOf(domains);
        }
    }

    /**
     * What becomes of a connection.
     *
     * @param rule the number of the rule that says so, from 0 on; absent if none does
     * @param reason why, in words
     */
    public record Decision(Action action, OptionalInt rule, String reason) {
        public Decision {
            requireNonNull(action, "action is null");
            requireNonNull(rule, "rule is null");
            requireNonNull(reason, "reason is null");
        }
    }

    /** What becomes of a connection that the sandbox tries to make. A pure function. */
    public Decision explain(Destination destination) {
        if (namesDomains() && isForeignResolver(destination)) {
            return new Decision(
                    Action.DENY,
                    OptionalInt.empty(),
                    "rules name domains, so other name servers than the sandbox's own are out of reach");
        }
        for (int i = 0; i < rules.size(); i++) {
            EgressRule rule = rules.get(i);
            if (rule.protocol().includes(destination.protocol())
                    && rule.matchesPort(destination.port())
                    && matches(rule.target(), destination)) {
                return new Decision(rule.action(), OptionalInt.of(i), "rule " + (i + 1) + " says '" + rule + "'");
            }
        }
        return new Decision(
                fallback, OptionalInt.empty(), "no rule speaks of it, and the default is to " + fallback.text());
    }

    private static boolean matches(EgressTarget target, Destination destination) {
        if (target instanceof EgressTarget.Block block) {
            return block.cidr().contains(destination.address());
        }
        if (target instanceof EgressTarget.Group group) {
            return group.group().contains(destination.address(), destination.owner());
        }
        EgressTarget.Domain domain = (EgressTarget.Domain) target;
        return destination.domains().stream().anyMatch(domain::matches);
    }

    /** Whether a rule names a domain. */
    public boolean namesDomains() {
        return rules.stream().anyMatch(rule -> rule.target() instanceof EgressTarget.Domain);
    }

    /** Whether this is a way to names past the sandbox's own resolver: ports 53 and 853, and known resolvers' port 443. */
    public static boolean isForeignResolver(Destination destination) {
        int port = destination.port().orElse(0);
        return port == 53
                || port == 853
                || port == 443 && HTTPS_RESOLVERS.stream().anyMatch(block -> block.contains(destination.address()));
    }

    /** The known resolvers that answer over HTTPS; blocks that do not overlap. */
    public static List<Cidr> httpsResolvers() {
        return HTTPS_RESOLVERS;
    }

    /**
     * What becomes of a question for a name.
     *
     * @param name a domain name, in any case
     */
    public Decision explainName(String name) {
        for (int i = 0; i < rules.size(); i++) {
            EgressRule rule = rules.get(i);
            if (rule.target() instanceof EgressTarget.Domain domain && domain.matches(name)) {
                // One that denies some ports only still lets the name be known.
                if (rule.action() == Action.ALLOW || rule.protocol() == Protocol.ANY) {
                    return new Decision(rule.action(), OptionalInt.of(i), "rule " + (i + 1) + " says '" + rule + "'");
                }
            }
        }
        return allowDns
                ? new Decision(Action.ALLOW, OptionalInt.empty(), "names may be asked for")
                : new Decision(Action.DENY, OptionalInt.empty(), "names that no rule allows may not be asked for");
    }

    /**
     * Reads a policy: one of {@code public}, {@code deny} and {@code all}, or the lines that {@link #toString} writes. Empty
     * lines and those that begin with {@code #} are skipped; what is not said is as in {@link #denyAll}.
     *
     * @throws SandboxException.InvalidSpec with the number of the line
     */
    public static EgressPolicy parse(String text) {
        Optional<EgressPolicy> preset = preset(text.strip());
        if (preset.isPresent()) {
            return preset.get();
        }
        EgressText reader = new EgressText();
        String[] lines = text.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            String line = lines[i].strip();
            if (!line.isEmpty() && !line.startsWith("#")) {
                try {
                    Check.that(reader.read(line), "'" + line + "' says nothing", HINT);
                } catch (SandboxException.InvalidSpec e) {
                    throw new SandboxException.InvalidSpec(
                            "line " + (i + 1) + " of the policy: " + e.getMessage(), e.hint());
                }
            }
        }
        return reader.policy();
    }

    /** The policy that has a name of its own. */
    public static Optional<EgressPolicy> preset(String name) {
        switch (name) {
            case "public":
                return Optional.of(publicOnly());
            case "deny":
                return Optional.of(denyAll());
            case "all":
                return Optional.of(allowAll());
            default:
                return Optional.empty();
        }
    }

    /** As {@link #parse} reads it, a line for each thing that it says. */
    @Override
    public String toString() {
        return EgressText.of(this);
    }
}
