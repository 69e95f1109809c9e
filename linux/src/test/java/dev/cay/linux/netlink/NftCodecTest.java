package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Rules, sets and elements are read as they are written; what makes no sense is refused before the kernel sees it. */
class NftCodecTest {
    private static final NftTable TABLE = new NftTable(NftFamily.INET, "cay");
    private static final NftChain CHAIN = TABLE.chain("chain");
    private static final NftSet ADDRESSES = NftSet.of(TABLE, "addresses", NftDataType.IPV4_ADDRESS);

    static NftValue ip(String literal) {
        return NftValue.of(InetAddress.ofLiteral(literal));
    }

    /** One step of each kind. */
    static List<NftExpression> steps() {
        return List.of(
                new NftExpression.Load(NftExpression.Header.NETWORK, 12, 4, 0),
                new NftExpression.Meta(NftExpression.MetaKey.MARK, 15),
                new NftExpression.SetMark(3),
                new NftExpression.ConnectionState(1),
                new NftExpression.ConnectionDirection(0),
                new NftExpression.ConnectionStatus(14),
                new NftExpression.DestinationType(2),
                new NftExpression.Mask(4, NftValue.u32(6)),
                new NftExpression.Mask(4, NftValue.u32(~6), NftValue.u32(6)),
                new NftExpression.Compare(5, NftExpression.Comparison.LESS, NftValue.u16(9)),
                new NftExpression.Lookup("set", 6, OptionalInt.of(8), false, false),
                new NftExpression.Lookup("set", 7, OptionalInt.empty(), true, false),
                new NftExpression.Lookup("set", 8, OptionalInt.empty(), false, true),
                new NftExpression.Immediate(9, ip("fd00::1")),
                new NftExpression.Decide(new NftVerdict.Accept()),
                new NftExpression.Decide(new NftVerdict.Drop()),
                new NftExpression.Decide(new NftVerdict.Continue()),
                new NftExpression.Decide(new NftVerdict.Return()),
                new NftExpression.Decide(new NftVerdict.Jump("a")),
                new NftExpression.Decide(new NftVerdict.Goto("b")),
                new NftExpression.Counter(5, 1L << 40),
                new NftExpression.Limit(10, 60, 5, false, false),
                new NftExpression.Limit(10, 1, 0, true, true),
                new NftExpression.ConnectionLimit(7, true),
                new NftExpression.Log(9, "prefix", 64),
                new NftExpression.Log(0, "", 0),
                new NftExpression.Reject(NftExpression.Reject.Answer.TCP_RESET),
                new NftExpression.Reject(NftExpression.Reject.Answer.NO_ROUTE),
                new NftExpression.Reject(NftExpression.Reject.Answer.PORT_UNREACHABLE),
                new NftExpression.Reject(NftExpression.Reject.Answer.HOST_UNREACHABLE),
                new NftExpression.Reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED),
                new NftExpression.Masquerade(),
                new NftExpression.Nat(true, NftFamily.IPV4, 0, OptionalInt.of(1)),
                new NftExpression.Nat(false, NftFamily.IPV6, 10, OptionalInt.empty()),
                new NftExpression.Redirect(OptionalInt.of(11)),
                new NftExpression.Redirect(OptionalInt.empty()));
    }

    static Payload only(NftBatch batch) {
        assertThat(batch.messages()).hasSize(3);
        return batch.messages().get(1).body();
    }

    @Test
    void eachKindIsAmongTheSteps() {
        Set<Class<?>> kinds = new HashSet<>(Set.of(NftExpression.class.getPermittedSubclasses()));
        kinds.remove(NftExpression.Other.class); // what is read and not known
        assertThat(steps().stream().<Class<?>>map(Object::getClass).toList()).containsAll(kinds);
    }

    @Test
    void rulesAreReadAsTheyAreWritten() throws ProtocolException {
        NftRule rule = new NftRule(CHAIN, OptionalLong.of(77), steps(), "a comment");

        assertThat(ExpressionReader.readRule(CHAIN, only(new NftBatch().replaceRule(rule))))
                .isEqualTo(rule);
        assertThat(steps().stream().map(Object::getClass).distinct().count())
                .as("one of each kind, apart from those we cannot make")
                .isEqualTo(NftExpression.class.getPermittedSubclasses().length - 1L);
    }

    @Test
    void whatOthersMadeIsLeftAlone() throws ProtocolException {
        MessageWriter body = NftMessages.head(1)
                .network64(NftMessages.NFTA_RULE_HANDLE, 5)
                .nest(
                        NftMessages.NFTA_RULE_EXPRESSIONS,
                        list -> list.nest(
                                        ExpressionWriter.NFTA_LIST_ELEM,
                                        one -> one.text(ExpressionWriter.NFTA_EXPR_NAME, "notrack"))
                                .nest(
                                        ExpressionWriter.NFTA_LIST_ELEM,
                                        one -> one.text(ExpressionWriter.NFTA_EXPR_NAME, "ct")
                                                .nest(
                                                        ExpressionWriter.NFTA_EXPR_DATA,
                                                        data -> data.network32(ExpressionWriter.NFTA_CT_DREG, 8)
                                                                .network32(ExpressionWriter.NFTA_CT_KEY, 3))))
                .attribute(NftMessages.NFTA_RULE_USERDATA, new byte[] {9, 1, 0, 0, 40, 'x'});

        NftRule rule = ExpressionReader.readRule(CHAIN, new Payload(body.bytes()));
        assertThat(rule.expressions())
                .containsExactly(new NftExpression.Other("notrack"), new NftExpression.Other("ct"));
        assertThat(rule.comment()).isEmpty();
        assertThatThrownBy(() -> new NftBatch().addRule(rule)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void setsAreReadAsTheyAreWritten() throws ProtocolException {
        List<NftSet> sets = List.of(
                ADDRESSES,
                ADDRESSES.withConstant(),
                ADDRESSES.withCounters(),
                ADDRESSES.withTimeouts(),
                ADDRESSES.withTimeout(Duration.ofMillis(1)),
                ADDRESSES.toVerdicts(),
                NftSet.of(TABLE, "s", NftDataType.LINK_NAME, NftDataType.PROTOCOL, NftDataType.PORT)
                        .toValues(NftDataType.IPV6_ADDRESS, NftDataType.PORT)
                        .withIntervals());
        for (NftSet set : sets) {
            assertThat(SetCodec.readSet(TABLE, only(new NftBatch().addSet(set))))
                    .contains(set);
        }
    }

    private static List<NftElement> read(NftSet set, NftBatch batch) throws ProtocolException {
        List<Frame> frames = new ArrayList<>();
        for (NetlinkMessage message :
                batch.messages().subList(1, batch.messages().size() - 1)) {
            frames.add(new Frame(message.type(), 0, 1, message.body()));
        }
        return SetCodec.readElements(set, frames);
    }

    @Test
    void elementsAreReadAsTheyAreWritten() throws ProtocolException {
        NftSet timed = NftSet.of(TABLE, "timed", NftDataType.PORT, NftDataType.PROTOCOL)
                .toVerdicts()
                .withTimeouts();
        NftElement element = NftElement.of(NftValue.u16(80), NftValue.u8(6))
                .to(new NftVerdict.Jump("x"))
                .withTimeout(Duration.ofSeconds(3))
                .withComment("the comment");
        assertThat(read(timed, new NftBatch().addElements(timed, element))).containsExactly(element);

        NftSet ranges = NftSet.of(TABLE, "ranges", NftDataType.PORT, NftDataType.PROTOCOL)
                .withIntervals();
        NftElement range = NftElement.range(
                NftValue.concatenated(NftValue.u16(80), NftValue.u8(6)),
                NftValue.concatenated(NftValue.u16(90), NftValue.u8(17)));
        assertThat(read(ranges, new NftBatch().addElements(ranges, range))).containsExactly(range);
    }

    /** Ranges that do not touch come back, whatever they are and in whatever order they are told. */
    @Test
    void anyRanges() throws ProtocolException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        NftSet set = NftSet.of(TABLE, "ports", NftDataType.PORT).withIntervals();
        for (int round = 0; round < 300; round++) {
            List<NftElement> elements = new ArrayList<>();
            int next = random.nextInt(3);
            while (next <= 0xffff) {
                int last = random.nextInt(20) == 0 ? 0xffff : Math.min(0xffff, next + random.nextInt(3000));
                elements.add(
                        last == next
                                ? NftElement.of(NftValue.u16(next))
                                : NftElement.range(NftValue.u16(next), NftValue.u16(last)));
                next = last + 1 + random.nextInt(2) * random.nextInt(3000);
            }
            List<NftElement> shuffled = new ArrayList<>(elements);
            java.util.Collections.shuffle(shuffled, random);
            assertThat(read(set, new NftBatch().addElements(set, shuffled)))
                    .as("seed %d", seed)
                    .containsExactlyElementsOf(elements);
        }
    }

    @Test
    void manyElementsGoInSeveralMessages() throws ProtocolException {
        List<NftElement> elements = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            elements.add(NftElement.of(NftValue.of((byte) 10, (byte) 0, (byte) (i >> 8), (byte) i)));
        }
        NftBatch batch = new NftBatch().addElements(ADDRESSES, elements);

        assertThat(batch.messages()).hasSizeGreaterThan(4);
        assertThat(read(ADDRESSES, batch)).isEqualTo(elements);
        assertThat(new NftBatch().addElements(ADDRESSES).isEmpty()).isTrue();
    }

    @Test
    void onlyTheLastChangeIsAcknowledged() {
        List<NetlinkMessage> messages =
                new NftBatch().onlyIf(7).addTable(TABLE).addChain(CHAIN).messages();

        assertThat(messages)
                .extracting(NetlinkMessage::toString)
                .containsExactly(
                        "NFNL_MSG_BATCH_BEGIN",
                        "NFT_MSG_NEWTABLE(inet cay)",
                        "NFT_MSG_NEWCHAIN(inet cay chain)",
                        "NFNL_MSG_BATCH_END");
        assertThat(messages.stream().map(message -> (message.flags() & NetlinkMessage.NLM_F_ACK) != 0))
                .containsExactly(false, false, true, false);
    }

    @Test
    void elementsThatDoNotFitTheirSet() {
        NftBatch batch = new NftBatch();
        NftSet map = ADDRESSES.toValues(NftDataType.PORT);
        NftElement one = NftElement.of(ip("10.0.0.1"));

        assertThatThrownBy(() -> batch.addElements(ADDRESSES, NftElement.of(ip("fd00::1"))))
                .hasMessageContaining("a key has 4 bytes");
        assertThatThrownBy(() -> batch.addElements(ADDRESSES, one.to(NftValue.u16(1))))
                .hasMessageContaining("leads");
        assertThatThrownBy(() -> batch.addElements(map, one.to(NftValue.u8(1)))).hasMessageContaining("leads");
        assertThatThrownBy(() -> batch.addElements(map, one.to(new NftVerdict.Drop())))
                .hasMessageContaining("leads");
        assertThatThrownBy(() -> batch.addElements(ADDRESSES.toVerdicts(), one.to(NftValue.u16(1))))
                .hasMessageContaining("leads");
        assertThatThrownBy(() -> batch.addElements(ADDRESSES, one.withTimeout(Duration.ofSeconds(1))))
                .hasMessageContaining("no timeouts");
        assertThatThrownBy(() ->
                        batch.addElements(ADDRESSES, NftElement.of(new IpPrefix(InetAddress.ofLiteral("10.0.0.0"), 8))))
                .hasMessageContaining("no ranges");
        assertThatThrownBy(() -> NftElement.range(ip("10.0.0.2"), ip("10.0.0.1")))
                .hasMessageContaining("range");
        assertThatThrownBy(() -> one.withComment("x".repeat(128))).hasMessageContaining("comment");
        assertThatThrownBy(() -> ADDRESSES.withTimeout(Duration.ZERO)).hasMessageContaining("timeout");
    }

    @Test
    void namesAndNumbersThatMakeNoSense() {
        assertThatThrownBy(() -> new NftTable(NftFamily.INET, "")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> TABLE.chain("x".repeat(256))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NftValue.u16(65536)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NftValue.of(new byte[65])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new NftExpression.Meta(NftExpression.MetaKey.MARK, 16))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> NftSet.of(TABLE, "s")).hasMessageContaining("key");
        assertThatThrownBy(() -> new NftBatch().replaceRule(NftRule.in(CHAIN).accept()))
                .hasMessageContaining("handle");
    }

    @Test
    void conditionsAskFirstWhetherTheyCanBeAsked() {
        assertThat(NftRule.in(CHAIN)
                        .is(NftField.IPV4_SOURCE, ip("10.0.0.1"))
                        .is(NftField.IPV4_DESTINATION, ip("10.0.0.2"))
                        .accept()
                        .expressions())
                .startsWith(
                        new NftExpression.Meta(NftExpression.MetaKey.NFPROTO, 0),
                        new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u8(2)))
                .hasSize(7);
        assertThat(NftRule.in(new NftTable(NftFamily.IPV4, "t").chain("c"))
                        .is(NftField.IPV4_SOURCE, ip("10.0.0.1"))
                        .accept()
                        .expressions())
                .hasSize(3);
        assertThatThrownBy(() -> NftRule.in(CHAIN)
                        .is(NftField.IPV4_SOURCE, ip("10.0.0.1"))
                        .is(NftField.IPV6_SOURCE, ip("fd00::1")))
                .hasMessageContaining("two families");
        assertThatThrownBy(() -> NftRule.in(CHAIN).is(NftField.DESTINATION_PORT, NftValue.u16(80)))
                .hasMessageContaining("protocol");
        assertThatThrownBy(() -> NftRule.in(CHAIN).is(NftField.INPUT, NftValue.u16(80)))
                .hasMessageContaining("bytes");
        assertThatThrownBy(() -> NftRule.in(CHAIN).in(ADDRESSES, NftField.IPV6_SOURCE))
                .hasMessageContaining("keys");
        assertThatThrownBy(() -> NftRule.in(new NftTable(NftFamily.INET, "other").chain("c"))
                        .in(ADDRESSES, NftField.IPV4_SOURCE))
                .hasMessageContaining("another table");
        assertThatThrownBy(() -> NftRule.in(CHAIN).decide(ADDRESSES, NftField.IPV4_SOURCE))
                .hasMessageContaining("no verdicts");
        assertThatThrownBy(() -> NftRule.in(CHAIN).redirectTo(ADDRESSES, NftField.IPV4_SOURCE))
                .hasMessageContaining("address and a port");
    }

    @Test
    void chainsAreReadAsTheyAreWritten() throws ProtocolException {
        NftChain base = new NftChain(
                TABLE, "in", Optional.of(new NftChain.Base(NftChain.Hook.INPUT, -300, NftChain.Kind.FILTER, false)));

        assertThat(ChainReader.read(TABLE, only(new NftBatch().addChain(base)))).contains(base);
        assertThat(ChainReader.read(TABLE, only(new NftBatch().addChain(CHAIN))))
                .contains(CHAIN);
        assertThat(ChainReader.read(new NftTable(NftFamily.IPV4, "cay"), only(new NftBatch().addChain(CHAIN))))
                .isEmpty();
    }
}
