package dev.cay.linux.netlink;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/** The steps of a rule as the kernel reads them: a name and attributes, all numbers in the order of the network. */
final class ExpressionWriter {
    static final int NFTA_LIST_ELEM = 1;
    static final int NFTA_EXPR_NAME = 1;
    static final int NFTA_EXPR_DATA = 2;
    static final int NFT_REG_VERDICT = 0;
    static final int NFT_REG32_00 = 8;
    static final int NFTA_PAYLOAD_DREG = 1;
    static final int NFTA_PAYLOAD_BASE = 2;
    static final int NFTA_PAYLOAD_OFFSET = 3;
    static final int NFTA_PAYLOAD_LEN = 4;
    static final int NFTA_META_DREG = 1;
    static final int NFTA_META_KEY = 2;
    static final int NFTA_META_SREG = 3;
    static final int NFT_META_MARK = 3;
    static final int NFTA_CT_DREG = 1;
    static final int NFTA_CT_KEY = 2;
    static final int NFT_CT_STATE = 0;
    static final int NFT_CT_DIRECTION = 1;
    static final int NFT_CT_STATUS = 2;
    static final int NFTA_FIB_DREG = 1;
    static final int NFTA_FIB_RESULT = 2;
    static final int NFTA_FIB_FLAGS = 3;
    static final int NFT_FIB_RESULT_ADDRTYPE = 3;
    static final int NFTA_FIB_F_DADDR = 2;
    static final int NFTA_BITWISE_SREG = 1;
    static final int NFTA_BITWISE_DREG = 2;
    static final int NFTA_BITWISE_LEN = 3;
    static final int NFTA_BITWISE_MASK = 4;
    static final int NFTA_BITWISE_XOR = 5;
    static final int NFTA_CMP_SREG = 1;
    static final int NFTA_CMP_OP = 2;
    static final int NFTA_CMP_DATA = 3;
    static final int NFTA_LOOKUP_SET = 1;
    static final int NFTA_LOOKUP_SREG = 2;
    static final int NFTA_LOOKUP_DREG = 3;
    static final int NFTA_LOOKUP_FLAGS = 5;
    static final int NFT_LOOKUP_F_INV = 1;
    static final int NFTA_IMMEDIATE_DREG = 1;
    static final int NFTA_IMMEDIATE_DATA = 2;
    static final int NFTA_COUNTER_BYTES = 1;
    static final int NFTA_COUNTER_PACKETS = 2;
    static final int NFTA_LIMIT_RATE = 1;
    static final int NFTA_LIMIT_UNIT = 2;
    static final int NFTA_LIMIT_BURST = 3;
    static final int NFTA_LIMIT_TYPE = 4;
    static final int NFTA_LIMIT_FLAGS = 5;
    static final int NFT_LIMIT_PKTS = 0;
    static final int NFT_LIMIT_PKT_BYTES = 1;
    static final int NFT_LIMIT_F_INV = 1;
    static final int NFTA_CONNLIMIT_COUNT = 1;
    static final int NFTA_CONNLIMIT_FLAGS = 2;
    static final int NFT_CONNLIMIT_F_INV = 1;
    static final int NFTA_LOG_GROUP = 1;
    static final int NFTA_LOG_PREFIX = 2;
    static final int NFTA_LOG_SNAPLEN = 3;
    static final int NFTA_REJECT_TYPE = 1;
    static final int NFTA_REJECT_ICMP_CODE = 2;
    static final int NFT_REJECT_TCP_RST = 1;
    static final int NFT_REJECT_ICMPX_UNREACH = 2;
    static final int NFT_REJECT_ICMPX_NO_ROUTE = 0;
    static final int NFT_REJECT_ICMPX_PORT_UNREACH = 1;
    static final int NFT_REJECT_ICMPX_HOST_UNREACH = 2;
    static final int NFT_REJECT_ICMPX_ADMIN_PROHIBITED = 3;
    static final int NFTA_NAT_TYPE = 1;
    static final int NFTA_NAT_FAMILY = 2;
    static final int NFTA_NAT_REG_ADDR_MIN = 3;
    static final int NFTA_NAT_REG_PROTO_MIN = 5;
    static final int NFT_NAT_SNAT = 0;
    static final int NFT_NAT_DNAT = 1;
    static final int NFTA_REDIR_REG_PROTO_MIN = 1;
    static final int NFTA_DATA_VALUE = 1;
    static final int NFTA_DATA_VERDICT = 2;
    static final int NFTA_VERDICT_CODE = 1;
    static final int NFTA_VERDICT_CHAIN = 2;
    static final int NF_DROP = 0;
    static final int NF_ACCEPT = 1;
    static final int NFT_CONTINUE = -1;
    static final int NFT_JUMP = -3;
    static final int NFT_GOTO = -4;
    static final int NFT_RETURN = -5;

    private ExpressionWriter() {}

    private static int register(int number) {
        return NFT_REG32_00 + number;
    }

    /** The step as the value of an attribute: {@link #NFTA_LIST_ELEM} in a list. */
    static void write(MessageWriter writer, int type, NftExpression expression) {
        Form<?> form = form(expression);
        writer.part(expression)
                .nest(
                        type,
                        step -> step.text(NFTA_EXPR_NAME, form.name())
                                .nest(NFTA_EXPR_DATA, data -> form.write(data, expression)));
    }

    /** How steps of a kind are written. A switch over their types would cost a cold JVM ten milliseconds. */
    private record Form<T extends NftExpression>(String name, Class<T> kind, BiConsumer<MessageWriter, T> writer) {
        void write(MessageWriter data, NftExpression expression) {
            writer.accept(data, kind.cast(expression));
        }
    }

    private static final Map<Class<? extends NftExpression>, Form<?>> FORMS = new HashMap<>();

    private static <T extends NftExpression> void form(
            Class<T> kind, String name, BiConsumer<MessageWriter, T> writer) {
        FORMS.put(kind, new Form<>(name, kind, writer));
    }

    static {
        form(
                NftExpression.Load.class,
                "payload",
                (data, load) -> data.network32(NFTA_PAYLOAD_DREG, register(load.register()))
                        .network32(NFTA_PAYLOAD_BASE, load.header().number())
                        .network32(NFTA_PAYLOAD_OFFSET, load.offset())
                        .network32(NFTA_PAYLOAD_LEN, load.length()));
        form(
                NftExpression.Meta.class,
                "meta",
                (data, meta) -> data.network32(NFTA_META_DREG, register(meta.register()))
                        .network32(NFTA_META_KEY, meta.key().number()));
        form(
                NftExpression.SetMark.class,
                "meta",
                (data, mark) -> data.network32(NFTA_META_KEY, NFT_META_MARK)
                        .network32(NFTA_META_SREG, register(mark.register())));
        form(
                NftExpression.ConnectionState.class,
                "ct",
                (data, state) -> connection(data, NFT_CT_STATE, state.register()));
        form(
                NftExpression.ConnectionDirection.class,
                "ct",
                (data, direction) -> connection(data, NFT_CT_DIRECTION, direction.register()));
        form(
                NftExpression.ConnectionStatus.class,
                "ct",
                (data, status) -> connection(data, NFT_CT_STATUS, status.register()));
        form(
                NftExpression.DestinationType.class,
                "fib",
                (data, destination) -> data.network32(NFTA_FIB_DREG, register(destination.register()))
                        .network32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
                        .network32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR));
        form(NftExpression.Mask.class, "bitwise", ExpressionWriter::write);
        form(
                NftExpression.Compare.class,
                "cmp",
                (data, compare) -> data.network32(NFTA_CMP_SREG, register(compare.register()))
                        .network32(NFTA_CMP_OP, compare.comparison().number())
                        .nest(NFTA_CMP_DATA, value -> data(value, compare.value())));
        form(NftExpression.Lookup.class, "lookup", ExpressionWriter::write);
        form(
                NftExpression.Immediate.class,
                "immediate",
                (data, immediate) -> data.network32(NFTA_IMMEDIATE_DREG, register(immediate.register()))
                        .nest(NFTA_IMMEDIATE_DATA, value -> data(value, immediate.value())));
        form(
                NftExpression.Decide.class,
                "immediate",
                (data, decide) -> data.network32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)
                        .nest(NFTA_IMMEDIATE_DATA, value -> data(value, decide.verdict())));
        form(
                NftExpression.Counter.class,
                "counter",
                (data, counter) -> data.network64(NFTA_COUNTER_BYTES, counter.bytes())
                        .network64(NFTA_COUNTER_PACKETS, counter.packets()));
        form(NftExpression.Limit.class, "limit", ExpressionWriter::write);
        form(
                NftExpression.ConnectionLimit.class,
                "connlimit",
                (data, limit) -> data.network32(NFTA_CONNLIMIT_COUNT, limit.count())
                        .network32(NFTA_CONNLIMIT_FLAGS, limit.over() ? NFT_CONNLIMIT_F_INV : 0));
        form(NftExpression.Log.class, "log", ExpressionWriter::write);
        form(NftExpression.Reject.class, "reject", ExpressionWriter::write);
        form(NftExpression.Masquerade.class, "masq", (_, _) -> {});
        form(NftExpression.Nat.class, "nat", ExpressionWriter::write);
        form(
                NftExpression.Redirect.class,
                "redir",
                (data, redirect) ->
                        redirect.port().ifPresent(port -> data.network32(NFTA_REDIR_REG_PROTO_MIN, register(port))));
    }

    private static Form<?> form(NftExpression expression) {
        return Optional.ofNullable(FORMS.get(expression.getClass()))
                .orElseThrow(() -> new IllegalArgumentException(
                        "a step of a kind that is not known cannot be made: " + expression));
    }

    /** A value or a verdict: what stands in an attribute that holds data. */
    static void data(MessageWriter writer, NftData data) {
        if (data instanceof NftValue value) {
            writer.attribute(NFTA_DATA_VALUE, value.bytes());
        } else if (data instanceof NftVerdict verdict) {
            writer.nest(NFTA_DATA_VERDICT, inner -> {
                inner.network32(NFTA_VERDICT_CODE, verdict.code());
                verdict.target().ifPresent(chain -> inner.text(NFTA_VERDICT_CHAIN, chain));
            });
        }
    }

    private static void connection(MessageWriter data, int key, int register) {
        data.network32(NFTA_CT_DREG, register(register)).network32(NFTA_CT_KEY, key);
    }

    private static void write(MessageWriter data, NftExpression.Mask mask) {
        data.network32(NFTA_BITWISE_SREG, register(mask.register()))
                .network32(NFTA_BITWISE_DREG, register(mask.register()))
                .network32(NFTA_BITWISE_LEN, mask.mask().length())
                .nest(NFTA_BITWISE_MASK, value -> data(value, mask.mask()))
                .nest(NFTA_BITWISE_XOR, value -> data(value, mask.changed()));
    }

    private static void write(MessageWriter data, NftExpression.Lookup lookup) {
        data.text(NFTA_LOOKUP_SET, lookup.set()).network32(NFTA_LOOKUP_SREG, register(lookup.register()));
        if (lookup.verdict()) {
            data.network32(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
        }
        lookup.result().ifPresent(result -> data.network32(NFTA_LOOKUP_DREG, register(result)));
        if (lookup.inverted()) {
            data.network32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        }
    }

    private static void write(MessageWriter data, NftExpression.Limit limit) {
        data.network64(NFTA_LIMIT_RATE, limit.rate())
                .network64(NFTA_LIMIT_UNIT, limit.seconds())
                .network32(NFTA_LIMIT_BURST, limit.burst())
                .network32(NFTA_LIMIT_TYPE, limit.bytes() ? NFT_LIMIT_PKT_BYTES : NFT_LIMIT_PKTS)
                .network32(NFTA_LIMIT_FLAGS, limit.over() ? NFT_LIMIT_F_INV : 0);
    }

    private static void write(MessageWriter data, NftExpression.Log log) {
        data.network16(NFTA_LOG_GROUP, log.group());
        if (!log.prefix().isEmpty()) {
            data.text(NFTA_LOG_PREFIX, log.prefix());
        }
        if (log.length() > 0) {
            data.network32(NFTA_LOG_SNAPLEN, log.length());
        }
    }

    private static void write(MessageWriter data, NftExpression.Reject reject) {
        switch (reject.answer()) {
            case TCP_RESET -> data.network32(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
            case NO_ROUTE -> unreachable(data, NFT_REJECT_ICMPX_NO_ROUTE);
            case PORT_UNREACHABLE -> unreachable(data, NFT_REJECT_ICMPX_PORT_UNREACH);
            case HOST_UNREACHABLE -> unreachable(data, NFT_REJECT_ICMPX_HOST_UNREACH);
            case ADMIN_PROHIBITED -> unreachable(data, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
        }
    }

    private static void unreachable(MessageWriter data, int code) {
        data.network32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH).attribute8(NFTA_REJECT_ICMP_CODE, code);
    }

    private static void write(MessageWriter data, NftExpression.Nat nat) {
        data.network32(NFTA_NAT_TYPE, nat.destination() ? NFT_NAT_DNAT : NFT_NAT_SNAT)
                .network32(NFTA_NAT_FAMILY, nat.family().number())
                .network32(NFTA_NAT_REG_ADDR_MIN, register(nat.address()));
        nat.port().ifPresent(port -> data.network32(NFTA_NAT_REG_PROTO_MIN, register(port)));
    }
}
