package dev.cay.linux.netlink;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Makes a rule step by step, in the order of the calls: {@code NftRule.in(chain).protocol(TCP).is(DESTINATION_PORT,
 * NftValue.u16(80)).counted().accept()}. A condition that only some packets can be asked about first asks whether the
 * packet is one of them. Not thread-safe.
 */
public final class NftRuleBuilder {
    private static final int IPS_DST_NAT = 1 << 5;

    private final NftChain chain;
    private final List<NftExpression> expressions = new ArrayList<>();
    private Optional<Integer> ethernetType = Optional.empty();
    private boolean transport;
    private String comment = "";

    NftRuleBuilder(NftChain chain) {
        this.chain = chain;
        switch (chain.table().family()) {
            case IPV4 -> ethernetType = Optional.of(NftField.ETH_P_IP);
            case IPV6 -> ethernetType = Optional.of(NftField.ETH_P_IPV6);
            case INET, BRIDGE -> {}
        }
    }

    /** A transport protocol. */
    public enum Protocol {
        ICMP(1),
        TCP(6),
        UDP(17),
        ICMPV6(58);

        private final int number;

        Protocol(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }

        /** As a part of a key. */
        public NftValue value() {
            return NftValue.u8(number);
        }
    }

    /** What is known of a packet's connection. */
    public enum State {
        /** It makes no sense. */
        INVALID(1),
        ESTABLISHED(2),
        /** It is new, and another connection is the cause of it; or an error message about one. */
        RELATED(4),
        NEW(8),
        UNTRACKED(64);

        private final int bit;

        State(int bit) {
            this.bit = bit;
        }

        int bit() {
            return bit;
        }
    }

    /** Any step. */
    public NftRuleBuilder step(NftExpression expression) {
        expressions.add(expression);
        return this;
    }

    /** The packet is of a transport protocol. */
    public NftRuleBuilder protocol(Protocol protocol) {
        return is(NftField.PROTOCOL, protocol.value());
    }

    public NftRuleBuilder is(NftField field, NftValue value) {
        return compared(field, NftExpression.Comparison.EQUAL, value);
    }

    public NftRuleBuilder isNot(NftField field, NftValue value) {
        return compared(field, NftExpression.Comparison.NOT_EQUAL, value);
    }

    private NftRuleBuilder compared(NftField field, NftExpression.Comparison comparison, NftValue value) {
        checkLength(field, value);
        load(field);
        step(new NftExpression.Compare(0, comparison, value));
        transport |= field == NftField.PROTOCOL && comparison == NftExpression.Comparison.EQUAL;
        return this;
    }

    private static void checkLength(NftField field, NftValue value) {
        if (value.length() != field.type().length()) {
            throw new IllegalArgumentException(
                    field + " has " + field.type().length() + " bytes, not those of " + value);
        }
    }

    /** A field is in a range, both ends included, as numbers in the order of the network. */
    public NftRuleBuilder between(NftField field, NftValue first, NftValue last) {
        checkLength(field, first);
        checkLength(field, last);
        load(field);
        return step(new NftExpression.Compare(0, NftExpression.Comparison.GREATER_OR_EQUAL, first))
                .step(new NftExpression.Compare(0, NftExpression.Comparison.LESS_OR_EQUAL, last));
    }

    /** An address is in a block. */
    public NftRuleBuilder within(NftField field, IpPrefix prefix) {
        checkLength(field, NftValue.of(prefix.address()));
        load(field);
        if (prefix.length() < 8 * field.type().length()) {
            byte[] mask = IpPrefix.containing(highest(prefix), prefix.length())
                    .address()
                    .getAddress();
            step(new NftExpression.Mask(0, NftValue.of(mask)));
        }
        return step(new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.of(prefix.address())));
    }

    private static InetAddress highest(IpPrefix prefix) {
        return IpPrefix.containing(prefix.address(), 0).last();
    }

    /** The fields are a key that the set has. */
    public NftRuleBuilder in(NftSet set, NftField... fields) {
        return looked(set, false, fields);
    }

    /** The fields are no key that the set has. */
    public NftRuleBuilder notIn(NftSet set, NftField... fields) {
        return looked(set, true, fields);
    }

    private NftRuleBuilder looked(NftSet set, boolean inverted, NftField... fields) {
        key(set, fields);
        return step(new NftExpression.Lookup(set.name(), 0, OptionalInt.empty(), false, inverted));
    }

    /** What the map leads to is what becomes of the packet; the rule ends if it does not have the key. */
    public NftRule decide(NftSet map, NftField... fields) {
        if (!(map.result() instanceof NftSet.Result.Verdicts)) {
            throw new IllegalArgumentException(map + " leads to no verdicts");
        }
        key(map, fields);
        step(new NftExpression.Lookup(map.name(), 0, OptionalInt.empty(), true, false));
        return build();
    }

    /** The state of the connection is one of these. */
    public NftRuleBuilder state(State... states) {
        int bits = Arrays.stream(states).mapToInt(State::bit).reduce(0, (one, other) -> one | other);
        return step(new NftExpression.ConnectionState(0))
                .step(new NftExpression.Mask(0, NftValue.u32(bits)))
                .step(new NftExpression.Compare(0, NftExpression.Comparison.NOT_EQUAL, NftValue.u32(0)));
    }

    /** The packet goes the way of an answer: against that of its connection's first packet. */
    public NftRuleBuilder answering() {
        return step(new NftExpression.ConnectionDirection(0))
                .step(new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u8(1)));
    }

    /** The connection was meant for another address than it goes to. */
    public NftRuleBuilder translated() {
        return step(new NftExpression.ConnectionStatus(0))
                .step(new NftExpression.Mask(0, NftValue.u32(IPS_DST_NAT)))
                .step(new NftExpression.Compare(0, NftExpression.Comparison.NOT_EQUAL, NftValue.u32(0)));
    }

    /** The packet gets a mark, some bits beside those that it has. */
    public NftRuleBuilder mark(int bits) {
        return step(new NftExpression.Meta(NftExpression.MetaKey.MARK, 0))
                .step(new NftExpression.Mask(0, NftValue.u32(~bits), NftValue.u32(bits)))
                .step(new NftExpression.SetMark(0));
    }

    /** The packet has none of these bits as its mark. */
    public NftRuleBuilder unmarked(int bits) {
        return step(new NftExpression.Meta(NftExpression.MetaKey.MARK, 0))
                .step(new NftExpression.Mask(0, NftValue.u32(bits)))
                .step(new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u32(0)));
    }

    public NftRuleBuilder counted() {
        return step(new NftExpression.Counter(0, 0));
    }

    /** At most so many packets in so many seconds, and some more at once. */
    public NftRuleBuilder limited(long packets, long seconds, int burst) {
        return step(new NftExpression.Limit(packets, seconds, burst, false, false));
    }

    public NftRuleBuilder logged(int group, String prefix, int length) {
        return step(new NftExpression.Log(group, prefix, length));
    }

    public NftRuleBuilder comment(String text) {
        comment = text;
        return this;
    }

    public NftRule accept() {
        return verdict(new NftVerdict.Accept());
    }

    public NftRule drop() {
        return verdict(new NftVerdict.Drop());
    }

    public NftRule jump(NftChain target) {
        return verdict(new NftVerdict.Jump(target.name()));
    }

    public NftRule verdict(NftVerdict verdict) {
        return step(new NftExpression.Decide(verdict)).build();
    }

    public NftRule reject(NftExpression.Reject.Answer answer) {
        return step(new NftExpression.Reject(answer)).build();
    }

    public NftRule masquerade() {
        return step(new NftExpression.Masquerade()).build();
    }

    /** The connection goes to an address and a port of this. */
    public NftRule redirectTo(NftFamily family, NftValue address, int port) {
        return step(new NftExpression.Immediate(0, address))
                .step(new NftExpression.Immediate(registers(address.length()), NftValue.u16(port)))
                .step(new NftExpression.Nat(true, family, 0, OptionalInt.of(registers(address.length()))))
                .build();
    }

    /**
     * The connection goes to the address and the port that the map leads to; the rule ends if it does not have the key.
     */
    public NftRule redirectTo(NftSet map, NftField... fields) {
        boolean ipv4 =
                map.result().equals(new NftSet.Result.Values(List.of(NftDataType.IPV4_ADDRESS, NftDataType.PORT)));
        if (!ipv4
                && !map.result()
                        .equals(new NftSet.Result.Values(List.of(NftDataType.IPV6_ADDRESS, NftDataType.PORT)))) {
            throw new IllegalArgumentException(map + " does not lead to an address and a port");
        }
        NftDataType address = ipv4 ? NftDataType.IPV4_ADDRESS : NftDataType.IPV6_ADDRESS;
        // The kernel translates packets of the other family as well if they come this far.
        require(ipv4 ? NftField.ETH_P_IP : NftField.ETH_P_IPV6);
        key(map, fields);
        return step(new NftExpression.Lookup(map.name(), 0, OptionalInt.of(0), false, false))
                .step(new NftExpression.Nat(
                        true, ipv4 ? NftFamily.IPV4 : NftFamily.IPV6, 0, OptionalInt.of(registers(address.length()))))
                .build();
    }

    /** The rule as it is: if its last step decides nothing, the next rule sees the packet. */
    public NftRule build() {
        return new NftRule(chain, OptionalLong.empty(), expressions, comment);
    }

    private static int registers(int bytes) {
        return MessageWriter.align(bytes) / Integer.BYTES;
    }

    private void load(NftField field) {
        require(EnumSet.of(field));
        step(field.load(0));
    }

    /** Loads a key of several fields into registers, one behind the other. */
    private void key(NftSet set, NftField... fields) {
        if (!set.table().equals(chain.table())) {
            throw new IllegalArgumentException(set + " is of another table than " + chain);
        }
        if (!set.key().equals(Arrays.stream(fields).map(NftField::type).toList())) {
            throw new IllegalArgumentException("the keys of " + set + " are " + set.key());
        }
        require(EnumSet.copyOf(Arrays.asList(fields)));
        int register = 0;
        for (NftField field : fields) {
            step(field.load(register));
            register += registers(field.type().length());
        }
    }

    private void require(Set<NftField> fields) {
        for (NftField field : fields) {
            field.ethernetType().ifPresent(this::require);
            if (field.isOfTransport() && !transport && !fields.contains(NftField.PROTOCOL)) {
                throw new IllegalArgumentException("which " + field + "? The protocol has to be asked for before");
            }
        }
    }

    private void require(int type) {
        if (ethernetType.isPresent()) {
            if (ethernetType.get() != type) {
                throw new IllegalArgumentException("no packet can be of two families");
            }
            return;
        }
        ethernetType = Optional.of(type);
        if (chain.table().family() == NftFamily.INET && type != NftField.ETH_P_ARP) {
            int family = type == NftField.ETH_P_IP ? NftFamily.IPV4.number() : NftFamily.IPV6.number();
            step(new NftExpression.Meta(NftExpression.MetaKey.NFPROTO, 0))
                    .step(new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u8(family)));
        } else {
            step(new NftExpression.Meta(NftExpression.MetaKey.ETHERNET_TYPE, 0))
                    .step(new NftExpression.Compare(0, NftExpression.Comparison.EQUAL, NftValue.u16(type)));
        }
    }
}
