package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.cay.linux.Errno;
import dev.cay.linux.HostKernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftDataType;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftRuleBuilder.State;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tables, chains, rules and sets, as the kernel takes them and as nft(8) sees them. */
@ExtendWith(RootLane.class)
class NftablesTest {
    private static final NftTable TABLE = new NftTable(NftFamily.INET, "cay");
    private static final NftChain FORWARD = base("forward", NftChain.Hook.FORWARD, 0, NftChain.Kind.FILTER, true);
    private static final NftChain INPUT = base("input", NftChain.Hook.INPUT, -10, NftChain.Kind.FILTER, false);
    private static final NftChain POSTROUTING =
            base("postrouting", NftChain.Hook.POSTROUTING, 100, NftChain.Kind.NAT, true);
    private static final NftChain PREROUTING =
            base("prerouting", NftChain.Hook.PREROUTING, -100, NftChain.Kind.NAT, true);
    private static final NftChain BOX = TABLE.chain("box-1");
    private static final NftSet BOXES = NftSet.of(TABLE, "boxes", NftDataType.IPV4_ADDRESS);

    private static final NftSet VERDICTS =
            NftSet.of(TABLE, "ports", NftDataType.LINK_NAME).toVerdicts();
    private static final NftRule MARKING = NftRule.in(FORWARD)
            .step(new NftExpression.Immediate(0, NftValue.u32(7)))
            .step(new NftExpression.SetMark(0))
            .build();
    private static final List<NftElement> BLOCKED = List.of(
            NftElement.of(ip("10.0.0.1")).withComment("one"),
            NftElement.of(block("10.0.1.0", 24)),
            NftElement.range(ip("10.0.2.0"), ip("10.0.2.7")),
            NftElement.of(block("240.0.0.0", 4)));
    private static final List<NftElement> JUMPS = List.of(
            NftElement.of(block("10.0.0.0", 8)).to(new NftVerdict.Jump(BOX.name())),
            NftElement.of(ip("11.0.0.0")).to(new NftVerdict.Drop()));

    private HostKernel kernel;
    private NetlinkLab host;
    private Nftables nftables;

    private static NftChain base(String name, NftChain.Hook hook, int priority, NftChain.Kind kind, boolean accepts) {
        return new NftChain(TABLE, name, Optional.of(new NftChain.Base(hook, priority, kind, accepts)));
    }

    @BeforeEach
    void open() throws SyscallException {
        kernel = new HostKernel();
        host = NetlinkLab.create(kernel);
        nftables = Nftables.openIn(kernel, host.namespace());
    }

    @AfterEach
    void close() {
        nftables.close();
        host.close();
        kernel.close();
    }

    private static NftValue ip(String literal) {
        return NftValue.of(address(literal));
    }

    private static IpPrefix block(String literal, int length) {
        return new IpPrefix(address(literal), length);
    }

    private String ruleset() throws IOException {
        Lab.need("nft");
        return host.output("nft", "list", "ruleset").replaceAll("\\s+", " ").strip();
    }

    @Test
    void tablesAndChains() throws IOException {
        nftables.commit(new NftBatch()
                .addTable(TABLE)
                .addChain(FORWARD)
                .addChain(INPUT)
                .addChain(POSTROUTING)
                .addChain(BOX));

        assertThat(nftables.tables()).containsExactly(TABLE);
        assertThat(nftables.table(TABLE)).contains(TABLE);
        assertThat(nftables.table(new NftTable(NftFamily.INET, "none"))).isEmpty();
        assertThat(nftables.chains(TABLE)).containsExactlyInAnyOrder(FORWARD, INPUT, POSTROUTING, BOX);
        assertThat(ruleset())
                .isEqualTo("table inet cay {"
                        + " chain forward { type filter hook forward priority filter; policy accept; }"
                        + " chain input { type filter hook input priority filter - 10; policy drop; }"
                        + " chain postrouting { type nat hook postrouting priority srcnat; policy accept; }"
                        + " chain box-1 { } }");

        nftables.commit(new NftBatch().deleteChain(BOX));
        assertThat(nftables.chains(TABLE)).hasSize(3);
        nftables.commit(new NftBatch().deleteTable(TABLE));
        assertThat(nftables.tables()).isEmpty();
    }

    @Test
    void rulesThatFilter() throws IOException {
        List<NftRule> filters = List.of(
                NftRule.in(FORWARD).state(State.ESTABLISHED, State.RELATED).accept(),
                NftRule.in(FORWARD)
                        .is(NftField.INPUT, NftValue.link("lo"))
                        .protocol(Protocol.TCP)
                        .between(NftField.DESTINATION_PORT, NftValue.u16(8000), NftValue.u16(8080))
                        .counted()
                        .comment("a comment")
                        .accept(),
                NftRule.in(FORWARD)
                        .within(NftField.IPV4_DESTINATION, block("10.0.0.0", 9))
                        .drop(),
                NftRule.in(FORWARD).isNot(NftField.IPV6_SOURCE, ip("fd00::1")).jump(BOX),
                NftRule.in(FORWARD).in(BOXES, NftField.IPV4_SOURCE).accept(),
                NftRule.in(FORWARD)
                        .notIn(BOXES, NftField.IPV4_SOURCE)
                        .limited(10, 1, 5)
                        .logged(7, "denied", 64)
                        .reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED),
                NftRule.in(FORWARD)
                        .protocol(Protocol.TCP)
                        .step(new NftExpression.ConnectionLimit(20, true))
                        .reject(NftExpression.Reject.Answer.TCP_RESET),
                NftRule.in(FORWARD)
                        .protocol(Protocol.ICMPV6)
                        .is(NftField.ICMPV6_TYPE, NftValue.u8(128))
                        .verdict(new NftVerdict.Goto(BOX.name())),
                MARKING,
                NftRule.in(FORWARD)
                        .step(new NftExpression.Limit(1000, 1, 2000, true, true))
                        .drop(),
                NftRule.in(FORWARD).decide(VERDICTS, NftField.INPUT));
        NftBatch batch = new NftBatch()
                .addTable(TABLE)
                .addChain(BOX)
                .addChain(FORWARD)
                .addSet(BOXES)
                .addSet(VERDICTS);
        filters.forEach(batch::addRule);
        nftables.commit(batch);

        assertSame(nftables.rules(FORWARD), filters);
        assertThat(ruleset())
                .contains("ct state established,related accept")
                .contains("iifname \"lo\" tcp dport 8000-8080 counter packets 0 bytes 0 accept comment \"a comment\"")
                .contains("ip daddr 10.0.0.0/9 drop")
                .contains("ip6 saddr != fd00::1 jump box-1")
                .contains("ip saddr @boxes accept")
                .contains("ip saddr != @boxes limit rate 10/second log prefix \"denied\" group 7 snaplen 64"
                        + " reject with icmpx admin-prohibited")
                .contains("ct count over 20 reject with tcp reset")
                .contains("icmpv6 type echo-request goto box-1")
                .contains("meta mark set 0x00000007")
                .contains("limit rate over 1000 bytes/second burst 2000 bytes drop")
                .contains("iifname vmap @ports");
    }

    @Test
    void rulesThatTranslate() throws IOException {
        NftSet published = NftSet.of(TABLE, "published", NftDataType.PROTOCOL, NftDataType.PORT)
                .toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);
        List<NftRule> translations = List.of(
                NftRule.in(PREROUTING)
                        .is(NftField.DESTINATION_TYPE, NftField.LOCAL)
                        .redirectTo(published, NftField.PROTOCOL, NftField.DESTINATION_PORT),
                NftRule.in(PREROUTING)
                        .protocol(Protocol.UDP)
                        .is(NftField.DESTINATION_PORT, NftValue.u16(53))
                        .is(NftField.IPV4_DESTINATION, ip("10.88.0.1"))
                        .redirectTo(NftFamily.IPV4, ip("127.0.0.1"), 5353),
                NftRule.in(PREROUTING)
                        .protocol(Protocol.UDP)
                        .step(new NftExpression.Immediate(0, NftValue.u16(99)))
                        .step(new NftExpression.Redirect(OptionalInt.of(0)))
                        .build());
        NftRule masquerade =
                NftRule.in(POSTROUTING).in(BOXES, NftField.IPV4_SOURCE).masquerade();
        NftBatch batch = new NftBatch()
                .addTable(TABLE)
                .addChain(PREROUTING)
                .addChain(POSTROUTING)
                .addSet(BOXES)
                .addSet(published)
                .addRule(masquerade);
        translations.forEach(batch::addRule);
        nftables.commit(batch);

        assertSame(nftables.rules(PREROUTING), translations);
        assertSame(nftables.rules(POSTROUTING), List.of(masquerade));
        assertThat(ruleset())
                .contains("fib daddr type local")
                .contains("dnat ip to meta l4proto . th dport map @published")
                .contains("udp dport 53 ip daddr 10.88.0.1 dnat ip to 127.0.0.1:5353")
                .contains("redirect to :99")
                .contains("ip saddr @boxes masquerade");
    }

    private static void assertSame(List<NftRule> told, List<NftRule> made) {
        assertThat(told)
                .extracting(NftRule::expressions)
                .isEqualTo(made.stream().map(NftRule::expressions).toList());
        assertThat(told)
                .extracting(NftRule::comment)
                .isEqualTo(made.stream().map(NftRule::comment).toList());
        assertThat(told).allMatch(rule -> rule.handle().isPresent());
    }

    @Test
    void rulesAreInsertedReplacedAndDeleted() throws IOException {
        NftRule accept = NftRule.in(BOX).accept();
        NftRule drop = NftRule.in(BOX).drop();
        nftables.commit(
                new NftBatch().addTable(TABLE).addChain(BOX).addRule(accept).insertRule(drop));
        assertSame(nftables.rules(BOX), List.of(drop, accept));

        OptionalLong handle = nftables.rules(BOX).getFirst().handle();
        NftRule counting = NftRule.in(BOX).counted().comment("new").build();
        nftables.commit(new NftBatch().replaceRule(new NftRule(BOX, handle, counting.expressions(), "new")));
        assertSame(nftables.rules(BOX), List.of(counting, accept));

        nftables.commit(new NftBatch()
                .deleteRule(BOX, nftables.rules(BOX).getLast().handle().orElseThrow()));
        assertSame(nftables.rules(BOX), List.of(counting));
        nftables.commit(new NftBatch().flushChain(BOX));
        assertThat(nftables.rules(BOX)).isEmpty();
    }

    @Test
    void bridgesAreFilteredByStationAndAddress() throws IOException {
        NftTable bridge = new NftTable(NftFamily.BRIDGE, "cay");
        NftChain prerouting = new NftChain(
                bridge,
                "prerouting",
                Optional.of(new NftChain.Base(NftChain.Hook.PREROUTING, -300, NftChain.Kind.FILTER, true)));
        NftSet owners = NftSet.of(
                bridge, "owners", NftDataType.LINK_NAME, NftDataType.ETHERNET_ADDRESS, NftDataType.IPV4_ADDRESS);
        NftElement owner = NftElement.of(
                NftValue.link("v-1"), NftValue.of(MacAddress.parse("02:ca:00:00:00:07")), ip("10.88.0.7"));
        nftables.commit(new NftBatch()
                .addTable(bridge)
                .addChain(prerouting)
                .addSet(owners)
                .addElements(owners, owner)
                .addRule(NftRule.in(prerouting)
                        .notIn(owners, NftField.INPUT, NftField.ETHERNET_SOURCE, NftField.IPV4_SOURCE)
                        .drop())
                .addRule(NftRule.in(prerouting)
                        .notIn(owners, NftField.INPUT, NftField.ARP_SENDER_STATION, NftField.ARP_SENDER)
                        .drop()));

        assertThat(nftables.sets(bridge)).containsExactly(owners);
        assertThat(nftables.elements(owners)).containsExactly(owner);
        assertThat(ruleset())
                .contains("type ifname . ether_addr . ipv4_addr")
                .contains("elements = { \"v-1\" . 02:ca:00:00:00:07 . 10.88.0.7 }")
                .contains("iifname . ether saddr . ip saddr != @owners drop")
                .contains("iifname . arp saddr ether . arp saddr ip != @owners drop");
    }

    @Test
    void setsAndMapsAreToldAsTheyWereMade() throws IOException {
        NftSet blocks = NftSet.of(TABLE, "blocks", NftDataType.IPV4_ADDRESS).withIntervals();
        NftSet ranges = NftSet.of(TABLE, "ranges", NftDataType.IPV6_ADDRESS, NftDataType.PORT)
                .withIntervals()
                .withCounters();
        NftSet map = NftSet.of(TABLE, "map", NftDataType.PORT).toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);
        NftSet chains = NftSet.of(TABLE, "chains", NftDataType.IPV4_ADDRESS)
                .withIntervals()
                .toVerdicts();
        NftSet constant = NftSet.of(TABLE, "constant", NftDataType.MARK).withConstant();
        NftElement range = NftElement.range(
                NftValue.concatenated(ip("fd00::"), NftValue.u16(80)),
                NftValue.concatenated(ip("fd00::ffff"), NftValue.u16(90)));
        NftElement exact = NftElement.of(ip("fd00:1::1"), NftValue.u16(53));
        NftElement mapped = NftElement.of(NftValue.u16(8080)).to(ip("10.88.0.7"), NftValue.u16(80));
        nftables.commit(new NftBatch()
                .addTable(TABLE)
                .addChain(BOX)
                .addSet(blocks)
                .addSet(ranges)
                .addSet(map)
                .addSet(chains)
                .addSet(constant)
                .addElements(blocks, BLOCKED)
                .addElements(ranges, range, exact)
                .addElements(map, mapped)
                .addElements(chains, JUMPS));

        assertThat(nftables.sets(TABLE)).containsExactlyInAnyOrder(blocks, ranges, map, chains, constant);
        assertThat(nftables.elements(blocks)).containsExactlyInAnyOrderElementsOf(BLOCKED);
        assertThat(nftables.elements(ranges))
                .extracting(NftElement::key, NftElement::last)
                .containsExactlyInAnyOrder(tuple(range.key(), range.last()), tuple(exact.key(), exact.last()));
        assertThat(nftables.elements(ranges)).allMatch(one -> one.counter().isPresent());
        assertThat(nftables.elements(map)).containsExactly(mapped);
        assertThat(nftables.elements(chains)).containsExactlyInAnyOrderElementsOf(JUMPS);
        assertThat(ruleset())
                .contains("10.0.0.1 comment \"one\", 10.0.1.0/24, 10.0.2.0/29, 240.0.0.0/4")
                .contains("fd00::/112 . 80-90 counter packets 0 bytes 0")
                .contains("8080 : 10.88.0.7 . 80")
                .contains("10.0.0.0/8 : jump box-1, 11.0.0.0 : drop");

        nftables.commit(new NftBatch()
                .deleteElements(blocks, BLOCKED.subList(0, 3))
                .deleteElements(ranges, exact)
                .deleteElements(chains, JUMPS.getFirst())
                .flushSet(map)
                .deleteSet(constant));
        assertThat(nftables.elements(blocks)).containsExactly(BLOCKED.getLast());
        assertThat(nftables.elements(ranges)).hasSize(1);
        assertThat(nftables.elements(chains)).containsExactly(JUMPS.getLast());
        assertThat(nftables.elements(map)).isEmpty();
        assertThat(nftables.sets(TABLE)).hasSize(4);
    }

    @Test
    void elementsLeaveWhenTheirTimeIsOver() throws IOException {
        NftSet answers = NftSet.of(TABLE, "answers", NftDataType.IPV4_ADDRESS).withTimeout(Duration.ofHours(1));
        NftElement brief = NftElement.of(ip("10.0.0.1")).withTimeout(Duration.ofMillis(50));
        NftElement lasting = NftElement.of(ip("10.0.0.2")).withTimeout(Duration.ofMinutes(5));
        nftables.commit(new NftBatch()
                .addTable(TABLE)
                .addSet(answers)
                .addElements(answers, brief, lasting, NftElement.of(ip("10.0.0.3"))));

        long deadline = System.nanoTime() + 5_000_000_000L;
        while (nftables.elements(answers).size() > 2 && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        List<NftElement> left = nftables.elements(answers);
        assertThat(left).extracting(NftElement::key).containsExactlyInAnyOrder(ip("10.0.0.2"), ip("10.0.0.3"));
        NftElement told = left.stream()
                .filter(one -> one.key().equals(lasting.key()))
                .findFirst()
                .orElseThrow();
        assertThat(nftables.sets(TABLE)).containsExactly(answers);
        assertThat(ruleset()).contains("timeout 1h");
        assertThat(told.timeout()).contains(Duration.ofMinutes(5));
        assertThat(told.remaining().orElseThrow()).isBetween(Duration.ofMinutes(4), Duration.ofMinutes(5));
    }

    @Test
    void elementsAreRenewedWhetherTheyAreThereOrNot() throws IOException {
        NftSet answers = NftSet.of(TABLE, "answers", NftDataType.IPV4_ADDRESS).withTimeouts();
        NftElement brief = NftElement.of(ip("10.0.0.1")).withTimeout(Duration.ofMinutes(1));
        NftElement absent = NftElement.of(ip("10.0.0.2")).withTimeout(Duration.ofMinutes(1));
        nftables.commit(new NftBatch().addTable(TABLE).addSet(answers).addElements(answers, brief));

        nftables.commit(new NftBatch().renewElements(answers, brief.withTimeout(Duration.ofHours(1)), absent));
        assertThat(nftables.elements(answers))
                .extracting(NftElement::key, one -> one.timeout().orElseThrow())
                .containsExactlyInAnyOrder(
                        tuple(brief.key(), Duration.ofHours(1)), tuple(absent.key(), Duration.ofMinutes(1)));
    }

    @Test
    void aTransactionWithOneBadPartChangesNothing() throws IOException {
        nftables.commit(new NftBatch().addTable(TABLE).addSet(BOXES).addElements(BOXES, NftElement.of(ip("10.0.0.1"))));
        int generation = nftables.generation();

        NetlinkException refused = catchThrowableOfType(
                NetlinkException.class,
                () -> nftables.commit(new NftBatch()
                        .addChain(FORWARD)
                        .addElements(BOXES, NftElement.of(ip("10.0.0.2")))
                        .createElements(BOXES, NftElement.of(ip("10.0.0.3")), NftElement.of(ip("10.0.0.1")))
                        .addRule(NftRule.in(FORWARD).accept())));

        assertThat(refused.is(Errno.EEXIST)).isTrue();
        assertThat(refused.request()).isEqualTo("NFT_MSG_NEWSETELEM");
        assertThat(refused.object()).isEqualTo("inet cay @boxes: 0a000001");
        assertThat(nftables.chains(TABLE)).isEmpty();
        assertThat(nftables.elements(BOXES)).extracting(NftElement::key).containsExactly(ip("10.0.0.1"));
        assertThat(nftables.generation()).isEqualTo(generation);
    }

    @Test
    void failuresNameTheStepThatIsToBlame() throws IOException {
        nftables.commit(new NftBatch().addTable(TABLE).addChain(FORWARD));

        assertThatThrownBy(() -> nftables.commit(new NftBatch()
                        .addRule(NftRule.in(FORWARD)
                                .counted()
                                .in(BOXES, NftField.IPV4_SOURCE)
                                .accept())))
                .isInstanceOf(NetlinkException.class)
                .hasMessageStartingWith("NFT_MSG_NEWRULE(inet cay forward: Lookup[set=boxes")
                .hasMessageEndingWith("ENOENT");
        assertThatThrownBy(() -> nftables.commit(
                        new NftBatch().addRule(NftRule.in(TABLE.chain("none")).accept())))
                .hasMessageStartingWith("NFT_MSG_NEWRULE(inet cay none")
                .hasMessageEndingWith("ENOENT");
        assertThatThrownBy(() -> nftables.commit(new NftBatch().createTable(TABLE)))
                .hasMessage("NFT_MSG_NEWTABLE(inet cay): EEXIST");
        assertThatThrownBy(() -> nftables.elements(BOXES)).hasMessage("NFT_MSG_GETSETELEM(inet cay @boxes): ENOENT");
        assertThat(nftables.rules(TABLE.chain("none"))).isEmpty();
    }

    @Test
    void aTransactionCanAskThatNobodyHasChangedAnything() throws IOException {
        int generation = nftables.generation();
        nftables.commit(new NftBatch().onlyIf(generation).addTable(TABLE));

        assertThat(nftables.generation()).isEqualTo(generation + 1);
        NetlinkException refused = catchThrowableOfType(
                NetlinkException.class,
                () -> nftables.commit(new NftBatch().onlyIf(generation).deleteTable(TABLE)));
        assertThat(refused.is(Errno.ERESTART)).isTrue();
        assertThat(nftables.tables()).containsExactly(TABLE);
    }

    @Test
    void anOwnedTableGoesWithItsSocket() throws IOException {
        try (Nftables owner = Nftables.openIn(kernel, host.namespace())) {
            owner.commit(new NftBatch().createOwnedTable(TABLE).addChain(BOX));
            assertThatThrownBy(() -> nftables.commit(new NftBatch().deleteTable(TABLE)))
                    .hasMessageContaining("EPERM");
            assertThat(nftables.tables()).containsExactly(TABLE);
        }
        assertThat(nftables.tables()).isEmpty();
    }

    @Test
    void manyElements() throws IOException {
        List<NftElement> elements = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            elements.add(NftElement.of(ip("10.1." + i / 250 + "." + i % 250)));
        }
        nftables.commit(new NftBatch().addTable(TABLE).addSet(BOXES).addElements(BOXES, elements));

        // The kernel's table grows in the background, and a dump meanwhile may tell of elements twice or not at all.
        Set<NftElement> dumped = Set.of();
        for (int attempt = 0; attempt < 100 && dumped.size() < elements.size(); attempt++) {
            dumped = new HashSet<>(nftables.elements(BOXES));
        }
        assertThat(dumped.equals(new HashSet<>(elements))).isTrue();
        nftables.commit(new NftBatch().deleteElements(BOXES, elements.subList(1, elements.size())));
        assertThat(nftables.elements(BOXES)).containsExactly(elements.getFirst());
    }
}
