package dev.cay.engine.network;

import dev.cay.AddressGroup;
import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.EgressRule.Action;
import dev.cay.EgressTarget;
import dev.cay.engine.names.NameService;
import dev.cay.engine.state.Lease;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftDataType;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftRuleBuilder.State;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A sandbox's policy as a chain of the packet filter, {@code p-ID}, which only packets see that begin a connection. It decides as
 * {@link EgressPolicy#explain} does. Denied packets pass {@code d-ID}, which counts them and tells of some. Not thread-safe.
 *
 * <p>Many blocks in a row become one set; so a policy of hundreds of rules costs a connection no more than a short one.
 */
final class PolicyRules {
    /** Of each denied packet this much is told: the headers. */
    private static final int LOG_BYTES = 128;

    /** More than this is not even counted one by one; what is told of is decided by who reads the log. */
    private static final int LOGGED_A_SECOND = 200;

    private static final int LOGGED_AT_ONCE = 400;

    /** So many blocks in a row are worth a set. */
    private static final int MANY = 4;

    private static final int FIRST_PORT = 0;
    private static final int LAST_PORT = 0xffff;
    private static final int[] RESOLVER_PORTS = {53, 853};

    private final String sandbox;
    private final EgressPolicy policy;

    /** Of the kernel's packet log, to which denied packets go. */
    private final int group;

    private final NftChain chain;
    private final NftChain denied;
    private final List<NftSet> sets = new ArrayList<>();
    private final List<NftRule> rules = new ArrayList<>();
    private final List<Filling> fillings = new ArrayList<>();

    private record Filling(NftSet set, List<NftElement> elements) {}

    private PolicyRules(String sandbox, EgressPolicy policy, int group) {
        this.sandbox = sandbox;
        this.policy = policy;
        this.group = group;
        chain = chain(sandbox);
        denied = denied(sandbox);
    }

    static NftChain chain(String sandbox) {
        return Ruleset.TABLE.chain("p-" + sandbox);
    }

    static NftChain denied(String sandbox) {
        return Ruleset.TABLE.chain("d-" + sandbox);
    }

    /** The addresses that a sandbox was told for the names of a rule. */
    static NftSet domain(String sandbox, int rule, boolean ipv6) {
        return NftSet.of(
                        Ruleset.TABLE,
                        "n-" + sandbox + "-" + rule + (ipv6 ? "-6" : "-4"),
                        ipv6 ? NftDataType.IPV6_ADDRESS : NftDataType.IPV4_ADDRESS)
                .withTimeouts();
    }

    /** Those of a lease that has a policy. */
    static PolicyRules of(Lease lease) {
        PolicyRules compiled =
                new PolicyRules(lease.sandbox(), lease.egress().orElseThrow(), NameService.group(lease.owner()));
        compiled.compile();
        return compiled;
    }

    /** The sets that belong to it alone. */
    List<NftSet> sets() {
        return List.copyOf(sets);
    }

    /** The same of a lease that has a policy, without making its rules if that tells nothing. */
    static List<NftSet> sets(Lease lease) {
        EgressPolicy policy = lease.egress().orElseThrow();
        return policy.rules().size() < MANY && !policy.namesDomains()
                ? List.of()
                : of(lease).sets();
    }

    List<NftRule> rules() {
        return List.copyOf(rules);
    }

    /** Makes chains, sets and rules; the chains may be there and are empty then. */
    void addTo(NftBatch batch) {
        batch.addChain(denied).addChain(chain);
        NftRuleBuilder telling = NftRule.in(denied).counted();
        batch.addRule(telling.build());
        if (policy.logDenied()) {
            batch.addRule(NftRule.in(denied)
                    .limited(LOGGED_A_SECOND, 1, LOGGED_AT_ONCE)
                    .logged(group, "cay " + sandbox, LOG_BYTES)
                    .build());
        }
        batch.addRule(NftRule.in(denied).verdict(new NftVerdict.Goto(Ruleset.REFUSE.name())));
        sets.forEach(batch::addSet);
        fillings.forEach(filling -> batch.addElements(filling.set(), filling.elements()));
        rules.forEach(batch::addRule);
    }

    private void compile() {
        // Which names it may know is decided by who answers.
        rules.add(allow(start().in(
                        Ruleset.answered(false),
                        NftField.IPV4_SOURCE,
                        NftField.IPV4_DESTINATION,
                        NftField.PROTOCOL,
                        NftField.DESTINATION_PORT)));
        rules.add(allow(start().in(
                        Ruleset.answered(true),
                        NftField.IPV6_SOURCE,
                        NftField.IPV6_DESTINATION,
                        NftField.PROTOCOL,
                        NftField.DESTINATION_PORT)));
        policy.connections()
                .ifPresent(count ->
                        rules.add(deny(start().state(State.NEW).step(new NftExpression.ConnectionLimit(count, true)))));
        if (policy.namesDomains()) {
            foreignResolvers();
        }
        for (int i = 0; i < policy.rules().size(); ) {
            int end = i;
            while (end < policy.rules().size()
                    && policy.rules().get(end).target() instanceof EgressTarget.Block
                    && policy.rules().get(end).action() == policy.rules().get(i).action()) {
                end++;
            }
            if (end - i >= MANY && many(i, end)) {
                i = end;
            } else {
                rule(i, policy.rules().get(i));
                i++;
            }
        }
        rules.add(end(start(), policy.fallback()));
    }

    private NftRuleBuilder start() {
        return NftRule.in(chain);
    }

    private NftRule end(NftRuleBuilder rule, Action action) {
        return action == Action.ALLOW ? allow(rule) : deny(rule);
    }

    private static NftRule allow(NftRuleBuilder rule) {
        return rule.verdict(new NftVerdict.Goto(Ruleset.ALLOWED.name()));
    }

    private NftRule deny(NftRuleBuilder rule) {
        return rule.verdict(new NftVerdict.Goto(denied.name()));
    }

    private void foreignResolvers() {
        for (Protocol protocol : List.of(Protocol.UDP, Protocol.TCP)) {
            for (int port : RESOLVER_PORTS) {
                rules.add(deny(start().protocol(protocol).is(NftField.DESTINATION_PORT, NftValue.u16(port))));
            }
            for (boolean ipv6 : new boolean[] {false, true}) {
                rules.add(deny(start().in(Ruleset.httpsResolvers(ipv6), destination(ipv6))
                        .protocol(protocol)
                        .is(NftField.DESTINATION_PORT, NftValue.u16(443))));
            }
        }
    }

    private static NftField destination(boolean ipv6) {
        return ipv6 ? NftField.IPV6_DESTINATION : NftField.IPV4_DESTINATION;
    }

    private void rule(int number, EgressRule rule) {
        if (rule.target() instanceof EgressTarget.Block block) { // no switch over types, see CONTRIBUTING.md
            Cidr cidr = block.cidr();
            each(rule, cidr.isIpv6(), start -> start.within(destination(cidr.isIpv6()), Ruleset.prefix(cidr)));
        } else if (rule.target() instanceof EgressTarget.Group group) {
            group(rule, group.group());
        } else if (rule.target() instanceof EgressTarget.Domain) {
            for (boolean ipv6 : new boolean[] {false, true}) {
                NftSet set = domain(sandbox, number, ipv6);
                sets.add(set);
                each(rule, ipv6, start -> start.in(set, destination(ipv6)));
            }
        }
    }

    private void group(EgressRule rule, AddressGroup group) {
        for (boolean ipv6 : new boolean[] {false, true}) {
            switch (group) {
                case ANY -> each(rule, ipv6, start -> start.step(family()).step(is(ipv6)));
                case HOST ->
                    each(
                            rule,
                            ipv6,
                            start -> start.step(family()).step(is(ipv6)).is(NftField.DESTINATION_TYPE, NftField.LOCAL));
                case PUBLIC -> {
                    each(
                            rule,
                            ipv6,
                            start -> start.notIn(Ruleset.reserved(ipv6), destination(ipv6))
                                    .isNot(NftField.DESTINATION_TYPE, NftField.LOCAL));
                    // A port that a sandbox publishes is public, and by the time we see the packet it goes there.
                    each(
                            rule,
                            ipv6,
                            start -> start.step(family()).step(is(ipv6)).translated());
                }
                case NETWORK -> // from a bridge back to it
                    each(
                            rule,
                            ipv6,
                            start -> start.step(family())
                                    .step(is(ipv6))
                                    .in(Ruleset.MUTUAL, NftField.INPUT, NftField.OUTPUT));
                case PRIVATE, LOOPBACK, LINK_LOCAL, METADATA ->
                    Ruleset.group(group, ipv6)
                            .ifPresent(set -> each(rule, ipv6, start -> start.in(set, destination(ipv6))));
            }
        }
    }

    private static NftExpression family() {
        return new NftExpression.Meta(NftExpression.MetaKey.NFPROTO, 0);
    }

    private static NftExpression is(boolean ipv6) {
        int family = ipv6 ? 10 : 2;
        return new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u8(family));
    }

    /** A rule for each range of ports, or one. */
    private void each(EgressRule rule, boolean ipv6, UnaryOperator<NftRuleBuilder> target) {
        Optional<Protocol> protocol = protocol(rule.protocol(), ipv6);
        if (rule.ports().isEmpty()) {
            NftRuleBuilder builder = target.apply(start());
            protocol.ifPresent(builder::protocol);
            rules.add(end(builder, rule.action()));
        }
        for (EgressRule.Ports ports : rule.ports()) {
            rules.add(end(
                    target.apply(start())
                            .protocol(protocol.orElseThrow())
                            .between(
                                    NftField.DESTINATION_PORT, NftValue.u16(ports.first()), NftValue.u16(ports.last())),
                    rule.action()));
        }
    }

    private static Optional<Protocol> protocol(EgressRule.Protocol protocol, boolean ipv6) {
        return switch (protocol) {
            case ANY -> Optional.empty();
            case TCP -> Optional.of(Protocol.TCP);
            case UDP -> Optional.of(Protocol.UDP);
            case ICMP -> Optional.of(ipv6 ? Protocol.ICMPV6 : Protocol.ICMP);
        };
    }

    /** What a rule about a block speaks of: ranges of three numbers. */
    private record Box(Cidr cidr, int firstProtocol, int lastProtocol, int firstPort, int lastPort) {
        boolean overlaps(Box other) {
            return (cidr.contains(other.cidr) || other.cidr.contains(cidr))
                    && firstProtocol <= other.lastProtocol
                    && other.firstProtocol <= lastProtocol
                    && firstPort <= other.lastPort
                    && other.firstPort <= lastPort;
        }

        boolean covers(Box other) {
            return cidr.contains(other.cidr)
                    && firstProtocol <= other.firstProtocol
                    && lastProtocol >= other.lastProtocol
                    && firstPort <= other.firstPort
                    && lastPort >= other.lastPort;
        }

        NftElement element() {
            var prefix = Ruleset.prefix(cidr);
            return NftElement.range(
                    NftValue.concatenated(
                            NftValue.of(prefix.first()), NftValue.u8(firstProtocol), NftValue.u16(firstPort)),
                    NftValue.concatenated(
                            NftValue.of(prefix.last()), NftValue.u8(lastProtocol), NftValue.u16(lastPort)));
        }
    }

    /** Puts blocks of the same action into a set for each family; false if they overlap, as elements may not. */
    private boolean many(int first, int end) {
        List<List<Box>> families = new ArrayList<>();
        for (boolean ipv6 : new boolean[] {false, true}) {
            List<Box> boxes = new ArrayList<>();
            for (EgressRule rule : policy.rules().subList(first, end)) {
                Cidr cidr = ((EgressTarget.Block) rule.target()).cidr();
                if (cidr.isIpv6() == ipv6) {
                    for (Box box : boxes(rule, cidr, ipv6)) {
                        if (boxes.stream().noneMatch(other -> other.covers(box))) {
                            boxes.removeIf(box::covers);
                            boxes.add(box);
                        }
                    }
                }
            }
            for (int i = 0; i < boxes.size(); i++) {
                for (int j = 0; j < i; j++) {
                    if (boxes.get(i).overlaps(boxes.get(j))) {
                        return false;
                    }
                }
            }
            families.add(boxes);
        }
        for (boolean ipv6 : new boolean[] {false, true}) {
            List<Box> boxes = families.get(ipv6 ? 1 : 0);
            if (!boxes.isEmpty()) {
                NftSet set = NftSet.of(
                                Ruleset.TABLE,
                                "b-" + sandbox + "-" + first + (ipv6 ? "-6" : "-4"),
                                ipv6 ? NftDataType.IPV6_ADDRESS : NftDataType.IPV4_ADDRESS,
                                NftDataType.PROTOCOL,
                                NftDataType.PORT)
                        .withIntervals();
                sets.add(set);
                fillings.add(new Filling(set, boxes.stream().map(Box::element).toList()));
                rules.add(end(
                        start().in(set, destination(ipv6), NftField.PROTOCOL, NftField.DESTINATION_PORT),
                        policy.rules().get(first).action()));
            }
        }
        return true;
    }

    private static List<Box> boxes(EgressRule rule, Cidr cidr, boolean ipv6) {
        Optional<Protocol> protocol = protocol(rule.protocol(), ipv6);
        int low = protocol.map(PolicyRules::number).orElse(0);
        int high = protocol.map(PolicyRules::number).orElse(0xff);
        return rule.ports().isEmpty()
                ? List.of(new Box(cidr, low, high, FIRST_PORT, LAST_PORT))
                : rule.ports().stream()
                        .map(ports -> new Box(cidr, low, high, ports.first(), ports.last()))
                        .toList();
    }

    private static int number(Protocol protocol) {
        return protocol.value().bytes()[0] & 0xff;
    }
}
