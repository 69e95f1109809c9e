package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Rules and their steps as the kernel tells them. What we could not have made ourselves is an {@link
 * NftExpression.Other}.
 */
final class ExpressionReader {
    private static final int NFT_REG_1 = 1;
    private static final int NFT_REG_4 = 4;

    private ExpressionReader() {}

    static NftRule readRule(NftChain chain, Payload body) throws ProtocolException {
        List<Payload.Attribute> attributes = body.attributes(NftMessages.NFGENMSG_SIZE);
        Optional<Payload> expressions = Payload.find(attributes, NftMessages.NFTA_RULE_EXPRESSIONS);
        return new NftRule(
                chain,
                OptionalLong.of(Payload.need(attributes, NftMessages.NFTA_RULE_HANDLE, "handle")
                        .network64()),
                expressions.isPresent() ? readAll(expressions.get()) : List.of(),
                Payload.find(attributes, NftMessages.NFTA_RULE_USERDATA)
                        .map(notes -> NftMessages.comment(notes.bytes()))
                        .orElse(""));
    }

    private static List<NftExpression> readAll(Payload list) throws ProtocolException {
        List<NftExpression> expressions = new ArrayList<>();
        for (Payload.Attribute element : list.attributes()) {
            if (element.type() == ExpressionWriter.NFTA_LIST_ELEM) {
                expressions.add(read(element.value()));
            }
        }
        return expressions;
    }

    static NftExpression read(Payload element) throws ProtocolException {
        List<Payload.Attribute> attributes = element.attributes();
        String name = Payload.need(attributes, ExpressionWriter.NFTA_EXPR_NAME, "name of a step")
                .text();
        Optional<Payload> body = Payload.find(attributes, ExpressionWriter.NFTA_EXPR_DATA);
        Data data = new Data(body.isPresent() ? body.get().attributes() : List.of());
        Optional<NftExpression> expression = switch (name) {
            case "payload" -> load(data);
            case "meta" -> meta(data);
            case "ct" -> connection(data);
            case "fib" -> destinationType(data);
            case "bitwise" -> mask(data);
            case "cmp" -> compare(data);
            case "lookup" -> lookup(data);
            case "immediate" -> immediate(data);
            case "counter" ->
                Optional.of(new NftExpression.Counter(
                        data.big(ExpressionWriter.NFTA_COUNTER_PACKETS),
                        data.big(ExpressionWriter.NFTA_COUNTER_BYTES)));
            case "limit" -> limit(data);
            case "connlimit" ->
                Optional.of(new NftExpression.ConnectionLimit(
                        data.number(ExpressionWriter.NFTA_CONNLIMIT_COUNT),
                        data.number(ExpressionWriter.NFTA_CONNLIMIT_FLAGS, 0) != 0));
            case "log" -> log(data);
            case "reject" -> reject(data);
            case "masq" -> Optional.of(new NftExpression.Masquerade());
            case "nat" -> nat(data);
            case "redir" ->
                Optional.of(
                        new NftExpression.Redirect(data.optionalRegister(ExpressionWriter.NFTA_REDIR_REG_PROTO_MIN)));
            default -> Optional.empty();
        };
        return expression.orElseGet(() -> new NftExpression.Other(name));
    }

    /** The attributes of one step. */
    private record Data(List<Payload.Attribute> attributes) {
        boolean has(int type) {
            return Payload.find(attributes, type).isPresent();
        }

        Payload need(int type) throws ProtocolException {
            return Payload.need(attributes, type, "attribute " + type + " of a step");
        }

        int number(int type) throws ProtocolException {
            return need(type).network32();
        }

        int number(int type, int otherwise) throws ProtocolException {
            return has(type) ? number(type) : otherwise;
        }

        long big(int type) throws ProtocolException {
            return need(type).network64();
        }

        /** Registers have two names each: by 16 bytes, and by four. The kernel uses the first where it can. */
        int register(int type) throws ProtocolException {
            int number = number(type);
            if (number >= NFT_REG_1 && number <= NFT_REG_4) {
                return (number - NFT_REG_1) * 4;
            }
            if (number >= ExpressionWriter.NFT_REG32_00
                    && number < ExpressionWriter.NFT_REG32_00 + NftExpression.REGISTERS) {
                return number - ExpressionWriter.NFT_REG32_00;
            }
            throw unexpected("register " + number);
        }

        OptionalInt optionalRegister(int type) throws ProtocolException {
            return has(type) ? OptionalInt.of(register(type)) : OptionalInt.empty();
        }

        NftValue value(int type) throws ProtocolException {
            if (ExpressionReader.data(need(type)) instanceof NftValue value) {
                return value;
            }
            throw unexpected("a verdict in place of a value");
        }
    }

    private static ProtocolException unexpected(String what) {
        return new ProtocolException("netlink: " + what);
    }

    /** A value or a verdict. */
    static NftData data(Payload payload) throws ProtocolException {
        List<Payload.Attribute> attributes = payload.attributes();
        Optional<Payload> value = Payload.find(attributes, ExpressionWriter.NFTA_DATA_VALUE);
        if (value.isPresent()) {
            return NftValue.of(value.get().bytes());
        }
        List<Payload.Attribute> verdict = Payload.need(attributes, ExpressionWriter.NFTA_DATA_VERDICT, "data")
                .attributes();
        int code = Payload.need(verdict, ExpressionWriter.NFTA_VERDICT_CODE, "verdict")
                .network32();
        Optional<String> chain =
                Payload.find(verdict, ExpressionWriter.NFTA_VERDICT_CHAIN).map(Payload::text);
        return switch (code) {
            case ExpressionWriter.NF_ACCEPT -> new NftVerdict.Accept();
            case ExpressionWriter.NF_DROP -> new NftVerdict.Drop();
            case ExpressionWriter.NFT_CONTINUE -> new NftVerdict.Continue();
            case ExpressionWriter.NFT_RETURN -> new NftVerdict.Return();
            case ExpressionWriter.NFT_JUMP -> new NftVerdict.Jump(chain.orElse(""));
            case ExpressionWriter.NFT_GOTO -> new NftVerdict.Goto(chain.orElse(""));
            default -> throw unexpected("verdict " + code);
        };
    }

    private static Optional<NftExpression> load(Data data) throws ProtocolException {
        if (!data.has(ExpressionWriter.NFTA_PAYLOAD_DREG)) {
            return Optional.empty();
        }
        int base = data.number(ExpressionWriter.NFTA_PAYLOAD_BASE);
        for (NftExpression.Header header : NftExpression.Header.values()) {
            if (header.number() == base) {
                return Optional.of(new NftExpression.Load(
                        header,
                        data.number(ExpressionWriter.NFTA_PAYLOAD_OFFSET),
                        data.number(ExpressionWriter.NFTA_PAYLOAD_LEN),
                        data.register(ExpressionWriter.NFTA_PAYLOAD_DREG)));
            }
        }
        return Optional.empty();
    }

    private static Optional<NftExpression> meta(Data data) throws ProtocolException {
        int number = data.number(ExpressionWriter.NFTA_META_KEY);
        if (data.has(ExpressionWriter.NFTA_META_SREG)) {
            return number == ExpressionWriter.NFT_META_MARK
                    ? Optional.of(new NftExpression.SetMark(data.register(ExpressionWriter.NFTA_META_SREG)))
                    : Optional.empty();
        }
        for (NftExpression.MetaKey key : NftExpression.MetaKey.values()) {
            if (key.number() == number) {
                return Optional.of(new NftExpression.Meta(key, data.register(ExpressionWriter.NFTA_META_DREG)));
            }
        }
        return Optional.empty();
    }

    private static Optional<NftExpression> connection(Data data) throws ProtocolException {
        if (!data.has(ExpressionWriter.NFTA_CT_DREG)) {
            return Optional.empty();
        }
        int register = data.register(ExpressionWriter.NFTA_CT_DREG);
        return switch (data.number(ExpressionWriter.NFTA_CT_KEY)) {
            case ExpressionWriter.NFT_CT_STATE -> Optional.of(new NftExpression.ConnectionState(register));
            case ExpressionWriter.NFT_CT_DIRECTION -> Optional.of(new NftExpression.ConnectionDirection(register));
            case ExpressionWriter.NFT_CT_STATUS -> Optional.of(new NftExpression.ConnectionStatus(register));
            default -> Optional.empty();
        };
    }

    private static Optional<NftExpression> destinationType(Data data) throws ProtocolException {
        return data.number(ExpressionWriter.NFTA_FIB_RESULT) == ExpressionWriter.NFT_FIB_RESULT_ADDRTYPE
                        && data.number(ExpressionWriter.NFTA_FIB_FLAGS) == ExpressionWriter.NFTA_FIB_F_DADDR
                ? Optional.of(new NftExpression.DestinationType(data.register(ExpressionWriter.NFTA_FIB_DREG)))
                : Optional.empty();
    }

    private static Optional<NftExpression> mask(Data data) throws ProtocolException {
        if (!data.has(ExpressionWriter.NFTA_BITWISE_MASK) || !data.has(ExpressionWriter.NFTA_BITWISE_XOR)) {
            return Optional.empty();
        }
        int register = data.register(ExpressionWriter.NFTA_BITWISE_SREG);
        return register == data.register(ExpressionWriter.NFTA_BITWISE_DREG)
                ? Optional.of(new NftExpression.Mask(
                        register,
                        data.value(ExpressionWriter.NFTA_BITWISE_MASK),
                        data.value(ExpressionWriter.NFTA_BITWISE_XOR)))
                : Optional.empty();
    }

    private static Optional<NftExpression> compare(Data data) throws ProtocolException {
        int number = data.number(ExpressionWriter.NFTA_CMP_OP);
        for (NftExpression.Comparison comparison : NftExpression.Comparison.values()) {
            if (comparison.number() == number) {
                return Optional.of(new NftExpression.Compare(
                        data.register(ExpressionWriter.NFTA_CMP_SREG),
                        comparison,
                        data.value(ExpressionWriter.NFTA_CMP_DATA)));
            }
        }
        return Optional.empty();
    }

    private static Optional<NftExpression> lookup(Data data) throws ProtocolException {
        boolean verdict = data.has(ExpressionWriter.NFTA_LOOKUP_DREG)
                && data.number(ExpressionWriter.NFTA_LOOKUP_DREG) == ExpressionWriter.NFT_REG_VERDICT;
        return Optional.of(new NftExpression.Lookup(
                data.need(ExpressionWriter.NFTA_LOOKUP_SET).text(),
                data.register(ExpressionWriter.NFTA_LOOKUP_SREG),
                verdict ? OptionalInt.empty() : data.optionalRegister(ExpressionWriter.NFTA_LOOKUP_DREG),
                verdict,
                (data.number(ExpressionWriter.NFTA_LOOKUP_FLAGS, 0) & ExpressionWriter.NFT_LOOKUP_F_INV) != 0));
    }

    private static Optional<NftExpression> immediate(Data data) throws ProtocolException {
        return Optional.of(
                switch (data(data.need(ExpressionWriter.NFTA_IMMEDIATE_DATA))) {
                    case NftVerdict verdict -> new NftExpression.Decide(verdict);
                    case NftValue value ->
                        new NftExpression.Immediate(data.register(ExpressionWriter.NFTA_IMMEDIATE_DREG), value);
                });
    }

    private static Optional<NftExpression> limit(Data data) throws ProtocolException {
        return Optional.of(new NftExpression.Limit(
                data.big(ExpressionWriter.NFTA_LIMIT_RATE),
                data.big(ExpressionWriter.NFTA_LIMIT_UNIT),
                data.number(ExpressionWriter.NFTA_LIMIT_BURST, 0),
                data.number(ExpressionWriter.NFTA_LIMIT_TYPE, 0) == ExpressionWriter.NFT_LIMIT_PKT_BYTES,
                (data.number(ExpressionWriter.NFTA_LIMIT_FLAGS, 0) & ExpressionWriter.NFT_LIMIT_F_INV) != 0));
    }

    private static Optional<NftExpression> log(Data data) throws ProtocolException {
        if (!data.has(ExpressionWriter.NFTA_LOG_GROUP)) {
            return Optional.empty();
        }
        return Optional.of(new NftExpression.Log(
                data.need(ExpressionWriter.NFTA_LOG_GROUP).networkU16(0),
                Payload.find(data.attributes(), ExpressionWriter.NFTA_LOG_PREFIX)
                        .map(Payload::text)
                        .orElse(""),
                data.number(ExpressionWriter.NFTA_LOG_SNAPLEN, 0)));
    }

    private static Optional<NftExpression> reject(Data data) throws ProtocolException {
        int type = data.number(ExpressionWriter.NFTA_REJECT_TYPE);
        if (type == ExpressionWriter.NFT_REJECT_TCP_RST) {
            return Optional.of(new NftExpression.Reject(NftExpression.Reject.Answer.TCP_RESET));
        }
        if (type != ExpressionWriter.NFT_REJECT_ICMPX_UNREACH) {
            return Optional.empty();
        }
        return switch (data.need(ExpressionWriter.NFTA_REJECT_ICMP_CODE).u8(0)) {
            case ExpressionWriter.NFT_REJECT_ICMPX_NO_ROUTE ->
                Optional.of(new NftExpression.Reject(NftExpression.Reject.Answer.NO_ROUTE));
            case ExpressionWriter.NFT_REJECT_ICMPX_PORT_UNREACH ->
                Optional.of(new NftExpression.Reject(NftExpression.Reject.Answer.PORT_UNREACHABLE));
            case ExpressionWriter.NFT_REJECT_ICMPX_HOST_UNREACH ->
                Optional.of(new NftExpression.Reject(NftExpression.Reject.Answer.HOST_UNREACHABLE));
            case ExpressionWriter.NFT_REJECT_ICMPX_ADMIN_PROHIBITED ->
                Optional.of(new NftExpression.Reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED));
            default -> Optional.empty();
        };
    }

    private static Optional<NftExpression> nat(Data data) throws ProtocolException {
        int family = data.number(ExpressionWriter.NFTA_NAT_FAMILY);
        if (!data.has(ExpressionWriter.NFTA_NAT_REG_ADDR_MIN)
                || family != NftFamily.IPV4.number() && family != NftFamily.IPV6.number()) {
            return Optional.empty();
        }
        return Optional.of(new NftExpression.Nat(
                data.number(ExpressionWriter.NFTA_NAT_TYPE) == ExpressionWriter.NFT_NAT_DNAT,
                family == NftFamily.IPV4.number() ? NftFamily.IPV4 : NftFamily.IPV6,
                data.register(ExpressionWriter.NFTA_NAT_REG_ADDR_MIN),
                data.optionalRegister(ExpressionWriter.NFTA_NAT_REG_PROTO_MIN)));
    }
}
