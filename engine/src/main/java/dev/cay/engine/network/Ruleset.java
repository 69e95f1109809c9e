package dev.cay.engine.network;

import dev.cay.AddressGroup;
import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftDataType;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftRuleBuilder.State;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Our one table of the packet filter, {@code inet cay}: what is the same for all sandboxes. What belongs to one is an element of
 * these sets and maps, and a chain of its own.
 *
 * <pre>
 * raw      (prerouting, before connections are tracked) from a bridge of ours only what its sandbox may call itself
 * forward  from a bridge: out          to a bridge: inside
 * input    from a bridge: out
 * out      answers: allowed            new: the chain of the sandbox's policy, which goes to allowed or to refuse
 * allowed  to a bridge: inside         else accepted
 * inside   answers, published ports, neighbours of a network whose sandboxes see each other; the rest is refused
 * </pre>
 *
 * <p>What passes is marked, for {@link Wall}. A sandbox that has no element yet, or no more, can send nothing, and a packet that no policy decides about is refused.
 */
final class Ruleset {
    static final NftTable TABLE = new NftTable(NftFamily.INET, "cay");

    static final NftSet BRIDGES = NftSet.of(TABLE, "bridges", NftDataType.LINK_NAME);
    static final NftSet MUTUAL = NftSet.of(TABLE, "mutual", NftDataType.LINK_NAME, NftDataType.LINK_NAME);
    static final NftSet SUBNETS4 =
            NftSet.of(TABLE, "subnets4", NftDataType.IPV4_ADDRESS).withIntervals();
    static final NftSet SUBNETS6 =
            NftSet.of(TABLE, "subnets6", NftDataType.IPV6_ADDRESS).withIntervals();

    /** Who may come from a bridge under which station's name. */
    static final NftSet SOURCES4 =
            NftSet.of(TABLE, "sources4", NftDataType.LINK_NAME, NftDataType.ETHERNET_ADDRESS, NftDataType.IPV4_ADDRESS);

    static final NftSet SOURCES6 =
            NftSet.of(TABLE, "sources6", NftDataType.LINK_NAME, NftDataType.ETHERNET_ADDRESS, NftDataType.IPV6_ADDRESS);
    static final NftSet POLICIES4 =
            NftSet.of(TABLE, "policies4", NftDataType.IPV4_ADDRESS).toVerdicts();
    static final NftSet POLICIES6 =
            NftSet.of(TABLE, "policies6", NftDataType.IPV6_ADDRESS).toVerdicts();

    /** Where sandboxes ask for names. */
    static final NftSet RESOLVERS4 =
            NftSet.of(TABLE, "resolvers4", NftDataType.IPV4_ADDRESS, NftDataType.PROTOCOL, NftDataType.PORT);

    static final NftSet RESOLVERS6 =
            NftSet.of(TABLE, "resolvers6", NftDataType.IPV6_ADDRESS, NftDataType.PROTOCOL, NftDataType.PORT);
    /** Where the questions of a sandbox are answered instead: a port of the gateway that belongs to the sandbox's owner. */
    private static final NftSet ANSWERS4 =
            NftSet.of(TABLE, "answers4", NftDataType.IPV4_ADDRESS).toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);

    private static final NftSet ANSWERS6 =
            NftSet.of(TABLE, "answers6", NftDataType.IPV6_ADDRESS).toValues(NftDataType.IPV6_ADDRESS, NftDataType.PORT);

    /** What is so, by sandbox, gateway, protocol and port. */
    private static final NftSet ANSWERED4 = NftSet.of(
            TABLE,
            "answered4",
            NftDataType.IPV4_ADDRESS,
            NftDataType.IPV4_ADDRESS,
            NftDataType.PROTOCOL,
            NftDataType.PORT);

    private static final NftSet ANSWERED6 = NftSet.of(
            TABLE,
            "answered6",
            NftDataType.IPV6_ADDRESS,
            NftDataType.IPV6_ADDRESS,
            NftDataType.PROTOCOL,
            NftDataType.PORT);

    /** Where those pass that may send, or receive, so many bytes a second only. */
    static final NftSet SENDING4 =
            NftSet.of(TABLE, "sending4", NftDataType.IPV4_ADDRESS).toVerdicts();

    static final NftSet SENDING6 =
            NftSet.of(TABLE, "sending6", NftDataType.IPV6_ADDRESS).toVerdicts();
    static final NftSet RECEIVING4 =
            NftSet.of(TABLE, "receiving4", NftDataType.IPV4_ADDRESS).toVerdicts();
    static final NftSet RECEIVING6 =
            NftSet.of(TABLE, "receiving6", NftDataType.IPV6_ADDRESS).toVerdicts();
    static final NftSet PUBLISHED4 = NftSet.of(
                    TABLE, "published4", NftDataType.IPV4_ADDRESS, NftDataType.PROTOCOL, NftDataType.PORT)
            .toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);
    static final NftSet PUBLISHED6 = NftSet.of(
                    TABLE, "published6", NftDataType.IPV6_ADDRESS, NftDataType.PROTOCOL, NftDataType.PORT)
            .toValues(NftDataType.IPV6_ADDRESS, NftDataType.PORT);
    static final NftSet PUBLISHED4_ANY = NftSet.of(TABLE, "published4any", NftDataType.PROTOCOL, NftDataType.PORT)
            .toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);
    static final NftSet PUBLISHED6_ANY = NftSet.of(TABLE, "published6any", NftDataType.PROTOCOL, NftDataType.PORT)
            .toValues(NftDataType.IPV6_ADDRESS, NftDataType.PORT);

    static final NftChain ALLOWED = TABLE.chain("allowed");
    static final NftChain REFUSE = TABLE.chain("refuse");
    private static final NftChain OUT = TABLE.chain("out");
    private static final NftChain INSIDE = TABLE.chain("inside");

    private static final NftChain RAW = base("raw", NftChain.Hook.PREROUTING, -300, NftChain.Kind.FILTER);
    private static final NftChain FORWARD = base("forward", NftChain.Hook.FORWARD, 0, NftChain.Kind.FILTER);
    private static final NftChain INPUT = base("input", NftChain.Hook.INPUT, 0, NftChain.Kind.FILTER);
    private static final NftChain OUTPUT = base("output", NftChain.Hook.OUTPUT, 0, NftChain.Kind.FILTER);
    private static final NftChain PREROUTING = base("prerouting", NftChain.Hook.PREROUTING, -100, NftChain.Kind.NAT);
    private static final NftChain LOCAL = base("local", NftChain.Hook.OUTPUT, -100, NftChain.Kind.NAT);
    private static final NftChain POSTROUTING = base("postrouting", NftChain.Hook.POSTROUTING, 100, NftChain.Kind.NAT);

    private static final IpPrefix LOOPBACK = prefix(Cidr.parse("127.0.0.0/8"));
    private static final int ND_FIRST = 133;
    private static final int ND_LAST = 137;
    private static final int ICMP_REDIRECT = 5;
    private static final int DNS = 53;

    private Ruleset() {}

    private static NftChain base(String name, NftChain.Hook hook, int priority, NftChain.Kind kind) {
        return new NftChain(TABLE, name, Optional.of(new NftChain.Base(hook, priority, kind, true)));
    }

    static IpPrefix prefix(Cidr cidr) {
        return new IpPrefix(cidr.address(), cidr.prefix());
    }

    /** The addresses of a group, one family's; empty if it has none. */
    static Optional<NftSet> group(AddressGroup group, boolean ipv6) {
        boolean any = group != AddressGroup.ANY && group.blocks().stream().anyMatch(block -> block.isIpv6() == ipv6);
        return any ? Optional.of(blocks(group.text(), ipv6)) : Optional.empty();
    }

    static NftSet answers(boolean ipv6) {
        return ipv6 ? ANSWERS6 : ANSWERS4;
    }

    static NftSet answered(boolean ipv6) {
        return ipv6 ? ANSWERED6 : ANSWERED4;
    }

    /** What is not public. */
    static NftSet reserved(boolean ipv6) {
        return blocks("reserved", ipv6);
    }

    /** Resolvers that answer over HTTPS. */
    static NftSet httpsResolvers(boolean ipv6) {
        return blocks("https-resolvers", ipv6);
    }

    private static NftSet blocks(String name, boolean ipv6) {
        return NftSet.of(TABLE, name + (ipv6 ? "6" : "4"), ipv6 ? NftDataType.IPV6_ADDRESS : NftDataType.IPV4_ADDRESS)
                .withIntervals();
    }

    /** Makes the table, which must not be there, for networks; it lets nobody pass yet. */
    static NftBatch install(NftBatch batch, List<NetworkDefinition> networks) {
        batch.createTable(TABLE);
        addSets(batch, Set.of());
        for (NftChain chain :
                List.of(ALLOWED, REFUSE, OUT, INSIDE, RAW, FORWARD, INPUT, OUTPUT, PREROUTING, LOCAL, POSTROUTING)) {
            batch.addChain(chain);
        }
        raw(batch);
        limit(batch);
        filter(batch);
        translate(batch);
        networks.forEach(network -> add(batch, network));
        return batch;
    }

    /**
     * Makes the sets, of which policies speak.
     *
     * @param others what is not public besides
     */
    static void addSets(NftBatch batch, Set<InetAddress> others) {
        List<Cidr> reserved = new ArrayList<>(AddressGroup.reserved());
        for (InetAddress other : others) {
            if (reserved.stream().noneMatch(block -> block.contains(other))) {
                reserved.add(new Cidr(other, other.getAddress().length * Byte.SIZE));
            }
        }
        for (NftSet set : List.of(
                BRIDGES,
                MUTUAL,
                SUBNETS4,
                SUBNETS6,
                SOURCES4,
                SOURCES6,
                POLICIES4,
                POLICIES6,
                RESOLVERS4,
                RESOLVERS6,
                ANSWERS4,
                ANSWERS6,
                ANSWERED4,
                ANSWERED6,
                SENDING4,
                SENDING6,
                RECEIVING4,
                RECEIVING6,
                PUBLISHED4,
                PUBLISHED6,
                PUBLISHED4_ANY,
                PUBLISHED6_ANY)) {
            batch.addSet(set);
        }
        for (boolean ipv6 : new boolean[] {false, true}) {
            addBlocks(batch, reserved(ipv6), reserved, ipv6);
            addBlocks(batch, httpsResolvers(ipv6), EgressPolicy.httpsResolvers(), ipv6);
            for (AddressGroup group : AddressGroup.values()) {
                group(group, ipv6).ifPresent(set -> addBlocks(batch, set, group.blocks(), ipv6));
            }
        }
    }

    private static void addBlocks(NftBatch batch, NftSet set, List<Cidr> blocks, boolean ipv6) {
        batch.addSet(set)
                .addElements(
                        set,
                        blocks.stream()
                                .filter(block -> block.isIpv6() == ipv6)
                                .map(block -> NftElement.of(prefix(block)))
                                .toList());
    }

    private static void raw(NftBatch batch) {
        batch.addRule(NftRule.in(RAW).notIn(BRIDGES, NftField.INPUT).accept())
                // Who is who is written down on both sides: nobody has to be asked.
                .addRule(NftRule.in(RAW)
                        .protocol(Protocol.ICMPV6)
                        .between(NftField.ICMPV6_TYPE, NftValue.u8(ND_FIRST), NftValue.u8(ND_LAST))
                        .drop())
                // That bridges may have packets of 127.0.0.1 is for published ports, see HostSettings.
                .addRule(NftRule.in(RAW)
                        .within(NftField.IPV4_DESTINATION, LOOPBACK)
                        .counted()
                        .drop())
                .addRule(NftRule.in(RAW)
                        .in(SOURCES4, NftField.INPUT, NftField.ETHERNET_SOURCE, NftField.IPV4_SOURCE)
                        .accept())
                .addRule(NftRule.in(RAW)
                        .in(SOURCES6, NftField.INPUT, NftField.ETHERNET_SOURCE, NftField.IPV6_SOURCE)
                        .accept())
                .addRule(NftRule.in(RAW).counted().drop());
    }

    /** What is over a limit goes no further; the rest comes back, and on to the next rule. */
    private static void limit(NftBatch batch) {
        for (NftChain chain : List.of(FORWARD, INPUT)) {
            batch.addRule(NftRule.in(chain).decide(SENDING4, NftField.IPV4_SOURCE))
                    .addRule(NftRule.in(chain).decide(SENDING6, NftField.IPV6_SOURCE));
        }
        for (NftChain chain : List.of(FORWARD, OUTPUT)) {
            batch.addRule(NftRule.in(chain).decide(RECEIVING4, NftField.IPV4_DESTINATION))
                    .addRule(NftRule.in(chain).decide(RECEIVING6, NftField.IPV6_DESTINATION));
        }
    }

    private static void filter(NftBatch batch) {
        for (NftChain chain : List.of(OUT, INSIDE)) {
            batch.addRule(NftRule.in(chain).mark(Wall.PASSED).build());
        }
        batch.addRule(NftRule.in(FORWARD).in(BRIDGES, NftField.INPUT).verdict(new NftVerdict.Goto(OUT.name())))
                .addRule(NftRule.in(FORWARD).in(BRIDGES, NftField.OUTPUT).verdict(new NftVerdict.Goto(INSIDE.name())))
                .addRule(NftRule.in(INPUT).in(BRIDGES, NftField.INPUT).verdict(new NftVerdict.Goto(OUT.name())))
                .addRule(NftRule.in(OUT)
                        .state(State.ESTABLISHED, State.RELATED)
                        .verdict(new NftVerdict.Goto(ALLOWED.name())))
                .addRule(NftRule.in(OUT).decide(POLICIES4, NftField.IPV4_SOURCE))
                .addRule(NftRule.in(OUT).decide(POLICIES6, NftField.IPV6_SOURCE))
                .addRule(NftRule.in(OUT).verdict(new NftVerdict.Goto(REFUSE.name())))
                .addRule(NftRule.in(ALLOWED).in(BRIDGES, NftField.OUTPUT).verdict(new NftVerdict.Goto(INSIDE.name())))
                .addRule(NftRule.in(ALLOWED).accept())
                .addRule(NftRule.in(INSIDE)
                        .state(State.ESTABLISHED, State.RELATED)
                        .accept())
                .addRule(NftRule.in(INSIDE).translated().accept())
                .addRule(NftRule.in(INSIDE)
                        .in(MUTUAL, NftField.INPUT, NftField.OUTPUT)
                        .accept())
                .addRule(NftRule.in(INSIDE).verdict(new NftVerdict.Goto(REFUSE.name())));
        refuse(batch);
        // Neighbours reach each other by way of the gateway and no other.
        batch.addRule(NftRule.in(OUTPUT)
                        .in(BRIDGES, NftField.OUTPUT)
                        .protocol(Protocol.ICMP)
                        .is(NftField.ICMP_TYPE, NftValue.u8(ICMP_REDIRECT))
                        .drop())
                .addRule(NftRule.in(OUTPUT)
                        .in(BRIDGES, NftField.OUTPUT)
                        .protocol(Protocol.ICMPV6)
                        .is(NftField.ICMPV6_TYPE, NftValue.u8(ND_LAST))
                        .drop());
    }

    /** What is refused fails at once. */
    static void refuse(NftBatch batch) {
        batch.addRule(NftRule.in(REFUSE).protocol(Protocol.TCP).counted().reject(NftExpression.Reject.Answer.TCP_RESET))
                .addRule(NftRule.in(REFUSE).counted().reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED));
    }

    private static void translate(NftBatch batch) {
        // Who is near can send packets to 127.0.0.1 here. The kernel drops them where they are to be routed, but not if
        // they were led
        // elsewhere before: this machine's own connections to what is published there come by the other chain.
        batch.addRule(NftRule.in(PREROUTING)
                        .within(NftField.IPV4_DESTINATION, LOOPBACK)
                        .accept())
                .addRule(NftRule.in(PREROUTING)
                        .in(BRIDGES, NftField.INPUT)
                        .in(RESOLVERS4, NftField.IPV4_DESTINATION, NftField.PROTOCOL, NftField.DESTINATION_PORT)
                        .redirectTo(ANSWERS4, NftField.IPV4_SOURCE))
                .addRule(NftRule.in(PREROUTING)
                        .in(BRIDGES, NftField.INPUT)
                        .in(RESOLVERS6, NftField.IPV6_DESTINATION, NftField.PROTOCOL, NftField.DESTINATION_PORT)
                        .redirectTo(ANSWERS6, NftField.IPV6_SOURCE));
        for (NftChain chain : List.of(PREROUTING, LOCAL)) {
            batch.addRule(own(chain)
                            .redirectTo(
                                    PUBLISHED4,
                                    NftField.IPV4_DESTINATION,
                                    NftField.PROTOCOL,
                                    NftField.DESTINATION_PORT))
                    .addRule(own(chain).redirectTo(PUBLISHED4_ANY, NftField.PROTOCOL, NftField.DESTINATION_PORT))
                    .addRule(own(chain)
                            .redirectTo(
                                    PUBLISHED6,
                                    NftField.IPV6_DESTINATION,
                                    NftField.PROTOCOL,
                                    NftField.DESTINATION_PORT))
                    .addRule(own(chain).redirectTo(PUBLISHED6_ANY, NftField.PROTOCOL, NftField.DESTINATION_PORT));
        }
        batch.addRule(NftRule.in(POSTROUTING)
                .within(NftField.IPV4_SOURCE, LOOPBACK)
                .in(BRIDGES, NftField.OUTPUT)
                .masquerade());
        leaving(batch, SUBNETS4, NftField.IPV4_SOURCE);
        leaving(batch, SUBNETS6, NftField.IPV6_SOURCE);
    }

    /** Only what is addressed to this machine itself, never what passes by. */
    private static NftRuleBuilder own(NftChain chain) {
        return NftRule.in(chain).is(NftField.DESTINATION_TYPE, NftField.LOCAL);
    }

    private static void leaving(NftBatch batch, NftSet subnets, NftField source) {
        batch.addRule(NftRule.in(POSTROUTING)
                        .in(subnets, source)
                        .notIn(BRIDGES, NftField.OUTPUT)
                        .masquerade())
                // A sandbox that reaches its own published port would answer itself.
                .addRule(NftRule.in(POSTROUTING)
                        .in(subnets, source)
                        .in(BRIDGES, NftField.OUTPUT)
                        .translated()
                        .masquerade());
    }

    /** Makes a network known to the table. */
    static void add(NftBatch batch, NetworkDefinition network) {
        batch.addElements(BRIDGES, NftElement.of(NftValue.link(network.bridge())))
                .addElements(SUBNETS4, NftElement.of(prefix(network.subnet())))
                .addElements(SUBNETS6, NftElement.of(prefix(network.subnet6())));
        if (network.mutual()) {
            batch.addElements(MUTUAL, NftElement.of(NftValue.link(network.bridge()), NftValue.link(network.bridge())));
        }
        batch.addElements(RESOLVERS4, resolvers(network.gateway()))
                .addElements(RESOLVERS6, resolvers(network.gateway6()));
    }

    private static List<NftElement> resolvers(InetAddress gateway) {
        return List.of(Protocol.UDP, Protocol.TCP).stream()
                .map(protocol -> NftElement.of(NftValue.of(gateway), protocol.value(), NftValue.u16(DNS)))
                .toList();
    }

    /** Nobody answers questions there any more. */
    static void forgetResolvers(NftBatch batch, NetworkDefinition network) {
        batch.deleteElements(RESOLVERS4, resolvers(network.gateway()))
                .deleteElements(RESOLVERS6, resolvers(network.gateway6()));
    }
}
