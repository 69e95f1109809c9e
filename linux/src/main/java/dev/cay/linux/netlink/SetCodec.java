package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Sets and their elements as the kernel reads and tells them. */
final class SetCodec {
    /** How nft(8) numbers the types of a key of several fields: six bits for each. */
    private static final int TYPE_BITS = 6;

    private static final int TYPE_MASK = 63;

    private SetCodec() {}

    /** @param id any number that no other new set of the transaction has */
    static void write(MessageWriter body, NftSet set, int id) {
        body.text(NftMessages.NFTA_SET_TABLE, set.table().name())
                .text(NftMessages.NFTA_SET_NAME, set.name())
                .network32(NftMessages.NFTA_SET_FLAGS, flags(set))
                .network32(NftMessages.NFTA_SET_KEY_TYPE, type(set.key()))
                .network32(NftMessages.NFTA_SET_KEY_LEN, NftSet.length(set.key()))
                .network32(NftMessages.NFTA_SET_ID, id);
        if (set.result() instanceof NftSet.Result.Verdicts) {
            body.network32(NftMessages.NFTA_SET_DATA_TYPE, NftMessages.NFT_DATA_VERDICT);
        } else if (set.result() instanceof NftSet.Result.Values values) {
            body.network32(NftMessages.NFTA_SET_DATA_TYPE, type(values.fields()))
                    .network32(NftMessages.NFTA_SET_DATA_LEN, NftSet.length(values.fields()));
        }
        if (set.key().size() > 1) {
            body.nest(
                    NftMessages.NFTA_SET_DESC,
                    description -> description.nest(
                            NftMessages.NFTA_SET_DESC_CONCAT,
                            fields -> set.key()
                                    .forEach(field -> fields.nest(
                                            ExpressionWriter.NFTA_LIST_ELEM,
                                            one -> one.network32(NftMessages.NFTA_SET_FIELD_LEN, field.length())))));
        }
        set.timeout().ifPresent(timeout -> body.network64(NftMessages.NFTA_SET_TIMEOUT, timeout.toMillis()));
        if (set.counted()) {
            ExpressionWriter.write(body, NftMessages.NFTA_SET_EXPR, new NftExpression.Counter(0, 0));
        }
    }

    private static int flags(NftSet set) {
        return (set.constant() ? NftMessages.NFT_SET_CONSTANT : 0)
                | (set.intervals() ? NftMessages.NFT_SET_INTERVAL : 0)
                | (set.result() instanceof NftSet.Result.Nothing ? 0 : NftMessages.NFT_SET_MAP)
                | (set.timeouts() ? NftMessages.NFT_SET_TIMEOUT : 0)
                | (set.key().size() > 1 ? NftMessages.NFT_SET_CONCAT : 0);
    }

    private static int type(List<NftDataType> fields) {
        int type = 0;
        for (NftDataType field : fields) {
            type = type << TYPE_BITS | field.number();
        }
        return type;
    }

    /** Empty if a field is of a type that we have no word for. */
    private static Optional<List<NftDataType>> fields(int type) {
        List<NftDataType> fields = new ArrayList<>();
        for (int rest = type; rest != 0; rest >>>= TYPE_BITS) {
            Optional<NftDataType> field = NftDataType.of(rest & TYPE_MASK);
            if (field.isEmpty()) {
                return Optional.empty();
            }
            fields.add(field.get());
        }
        Collections.reverse(fields);
        return fields.isEmpty() ? Optional.empty() : Optional.of(fields);
    }

    /** Empty if it is not one that {@link #write} could have made. */
    static Optional<NftSet> readSet(NftTable table, Payload body) throws ProtocolException {
        List<Payload.Attribute> attributes = body.attributes(NftMessages.NFGENMSG_SIZE);
        Optional<Payload> flagged = Payload.find(attributes, NftMessages.NFTA_SET_FLAGS);
        int flags = flagged.isPresent() ? flagged.get().network32() : 0;
        Optional<List<NftDataType>> key = fields(Payload.need(attributes, NftMessages.NFTA_SET_KEY_TYPE, "type of keys")
                .network32());
        if (key.isEmpty() || (flags & (NftMessages.NFT_SET_ANONYMOUS | NftMessages.NFT_SET_OBJECT)) != 0) {
            return Optional.empty();
        }
        NftSet.Result result = new NftSet.Result.Nothing();
        if ((flags & NftMessages.NFT_SET_MAP) != 0) {
            int type = Payload.need(attributes, NftMessages.NFTA_SET_DATA_TYPE, "type of values")
                    .network32();
            Optional<List<NftDataType>> values = fields(type);
            if (type == NftMessages.NFT_DATA_VERDICT) {
                result = new NftSet.Result.Verdicts();
            } else if (values.isPresent()) {
                result = new NftSet.Result.Values(values.get());
            } else {
                return Optional.empty();
            }
        }
        Optional<Payload> timeout = Payload.find(attributes, NftMessages.NFTA_SET_TIMEOUT);
        Optional<Payload> expression = Payload.find(attributes, NftMessages.NFTA_SET_EXPR);
        return Optional.of(new NftSet(
                table,
                Payload.need(attributes, NftMessages.NFTA_SET_NAME, "name of a set")
                        .text(),
                key.get(),
                result,
                (flags & NftMessages.NFT_SET_INTERVAL) != 0,
                (flags & NftMessages.NFT_SET_TIMEOUT) != 0,
                timeout.isPresent() ? duration(timeout.get()) : Optional.empty(),
                (flags & NftMessages.NFT_SET_CONSTANT) != 0,
                expression.isPresent() && ExpressionReader.read(expression.get()) instanceof NftExpression.Counter));
    }

    private static Optional<Duration> duration(Payload milliseconds) throws ProtocolException {
        long value = milliseconds.network64();
        return value > 0 ? Optional.of(Duration.ofMillis(value)) : Optional.empty();
    }

    /**
     * Ranges of keys of one field are told to the kernel as two elements: the first key, and the one behind the last.
     */
    private static boolean isPair(NftSet set) {
        return set.intervals() && set.key().size() == 1;
    }

    static void write(MessageWriter list, NftSet set, NftElement element, boolean adding) {
        check(set, element);
        list.part(element.keys());
        NftValue last = element.last().orElse(element.key());
        boolean pair = isPair(set);
        list.nest(ExpressionWriter.NFTA_LIST_ELEM, one -> {
            one.nest(NftMessages.NFTA_SET_ELEM_KEY, key -> ExpressionWriter.data(key, element.key()));
            if (set.intervals() && !pair) {
                one.nest(NftMessages.NFTA_SET_ELEM_KEY_END, key -> ExpressionWriter.data(key, last));
            }
            if (!adding) {
                return;
            }
            element.data()
                    .ifPresent(data ->
                            one.nest(NftMessages.NFTA_SET_ELEM_DATA, value -> ExpressionWriter.data(value, data)));
            element.timeout()
                    .ifPresent(timeout -> one.network64(NftMessages.NFTA_SET_ELEM_TIMEOUT, timeout.toMillis()));
            if (!element.comment().isEmpty()) {
                one.attribute(NftMessages.NFTA_SET_ELEM_USERDATA, NftMessages.note(element.comment()));
            }
        });
        if (pair && !last.equals(last.highest())) {
            list.nest(
                    ExpressionWriter.NFTA_LIST_ELEM,
                    one -> one.nest(NftMessages.NFTA_SET_ELEM_KEY, key -> ExpressionWriter.data(key, last.next()))
                            .network32(NftMessages.NFTA_SET_ELEM_FLAGS, NftMessages.NFT_SET_ELEM_INTERVAL_END));
        }
    }

    private static void check(NftSet set, NftElement element) {
        if (element.key().length() != NftSet.length(set.key())) {
            throw new IllegalArgumentException(
                    set + ": a key has " + NftSet.length(set.key()) + " bytes, not those of " + element.key());
        }
        if (element.last().isPresent() && !set.intervals()) {
            throw new IllegalArgumentException(set + ": has no ranges");
        }
        if (element.timeout().isPresent() && !set.timeouts()) {
            throw new IllegalArgumentException(set + ": has no timeouts");
        }
        if (element.data().isPresent() && !fits(set.result(), element.data().get())) {
            throw new IllegalArgumentException(set + ": a key leads to " + set.result());
        }
    }

    private static boolean fits(NftSet.Result result, NftData data) {
        if (result instanceof NftSet.Result.Values values) {
            return data instanceof NftValue value && value.length() == NftSet.length(values.fields());
        }
        return result instanceof NftSet.Result.Verdicts && data instanceof NftVerdict;
    }

    /** One element of an answer. */
    private record Told(NftElement element, boolean end) {}

    /** The elements in all parts of an answer. */
    static List<NftElement> readElements(NftSet set, List<Frame> frames) throws ProtocolException {
        List<Told> told = new ArrayList<>();
        for (Frame frame : frames) {
            Optional<Payload> list =
                    frame.body().attribute(NftMessages.NFGENMSG_SIZE, NftMessages.NFTA_SET_ELEM_LIST_ELEMENTS);
            if (list.isPresent()) {
                for (Payload.Attribute one : list.get().attributes()) {
                    read(one.value()).ifPresent(told::add);
                }
            }
        }
        if (!isPair(set)) {
            return told.stream().map(Told::element).toList();
        }
        return paired(told);
    }

    private static List<NftElement> paired(List<Told> told) {
        // Where one range ends and the next begins, the end comes first.
        told.sort(Comparator.comparing((Told one) -> one.element().key())
                .thenComparing(Told::end, Comparator.reverseOrder()));
        List<NftElement> elements = new ArrayList<>();
        for (int i = 0; i < told.size(); i++) {
            if (told.get(i).end()) {
                continue;
            }
            NftElement first = told.get(i).element();
            NftValue last = i + 1 < told.size()
                    ? told.get(i + 1).element().key().previous()
                    : first.key().highest();
            elements.add(new NftElement(
                    first.key(),
                    last.equals(first.key()) ? Optional.empty() : Optional.of(last),
                    first.data(),
                    first.timeout(),
                    first.remaining(),
                    first.comment(),
                    first.counter()));
        }
        return elements;
    }

    /** Empty for the element that stands for all keys, which we never make. */
    private static Optional<Told> read(Payload payload) throws ProtocolException {
        List<Payload.Attribute> attributes = payload.attributes();
        Optional<Payload> flagged = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_FLAGS);
        int flags = flagged.isPresent() ? flagged.get().network32() : 0;
        if ((flags & NftMessages.NFT_SET_ELEM_CATCHALL) != 0) {
            return Optional.empty();
        }
        NftValue key = value(Payload.need(attributes, NftMessages.NFTA_SET_ELEM_KEY, "key"));
        Optional<Payload> end = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_KEY_END);
        Optional<NftValue> last = end.isPresent() ? Optional.of(value(end.get())) : Optional.empty();
        Optional<Payload> data = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_DATA);
        Optional<Payload> timeout = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_TIMEOUT);
        Optional<Payload> expiration = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_EXPIRATION);
        Optional<Payload> expression = Payload.find(attributes, NftMessages.NFTA_SET_ELEM_EXPR);
        NftElement element = new NftElement(
                key,
                last.filter(other -> !other.equals(key)),
                data.isPresent() ? Optional.of(ExpressionReader.data(data.get())) : Optional.empty(),
                timeout.isPresent() ? duration(timeout.get()) : Optional.empty(),
                expiration.isPresent() ? duration(expiration.get()) : Optional.empty(),
                Payload.find(attributes, NftMessages.NFTA_SET_ELEM_USERDATA)
                        .map(notes -> NftMessages.comment(notes.bytes()))
                        .orElse(""),
                expression.isPresent()
                                && ExpressionReader.read(expression.get()) instanceof NftExpression.Counter counter
                        ? Optional.of(counter)
                        : Optional.empty());
        return Optional.of(new Told(element, (flags & NftMessages.NFT_SET_ELEM_INTERVAL_END) != 0));
    }

    private static NftValue value(Payload payload) throws ProtocolException {
        if (ExpressionReader.data(payload) instanceof NftValue value) {
            return value;
        }
        throw new ProtocolException("netlink: a verdict as a key");
    }
}
