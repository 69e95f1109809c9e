package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A set of keys, or a map from keys to values or verdicts, in a table.
 *
 * @param key the fields of a key, at least one
 * @param result what a key leads to
 * @param intervals whether an element may be a range
 * @param timeouts whether elements may leave by themselves
 * @param timeout after how long they do if they do not say it themselves
 * @param constant whether it stays as it is once a rule looks into it
 * @param counted whether each element counts the packets it was found for
 */
public record NftSet(
        NftTable table,
        String name,
        List<NftDataType> key,
        Result result,
        boolean intervals,
        boolean timeouts,
        Optional<Duration> timeout,
        boolean constant,
        boolean counted) {
    private static final int NFT_DATA_VALUE_MAXLEN = 64;

    /** What a key leads to. */
    public sealed interface Result {
        /** To nothing: it is in the set, or it is not. */
        record Nothing() implements Result {}

        /** To a value of these fields. */
        record Values(List<NftDataType> fields) implements Result {
            public Values {
                fields = checkFields("result", fields);
            }

            /** Written out: the one that a record has by itself costs a cold JVM milliseconds. */
            @Override
            public boolean equals(Object other) {
                return other instanceof Values values && fields.equals(values.fields);
            }

            @Override
            public int hashCode() {
                return fields.hashCode();
            }
        }

        /** To what becomes of the packet. */
        record Verdicts() implements Result {}
    }

    public NftSet {
        requireNonNull(table, "table is null");
        requireNonNull(result, "result is null");
        NftTable.checkName(name);
        key = checkFields("key", key);
        if (timeout.isPresent() && (!timeouts || timeout.get().toMillis() <= 0)) {
            throw new IllegalArgumentException("timeout: " + timeout.get());
        }
    }

    private static List<NftDataType> checkFields(String what, List<NftDataType> fields) {
        if (fields.isEmpty() || length(fields) > NFT_DATA_VALUE_MAXLEN) {
            throw new IllegalArgumentException(what + ": " + fields + " has " + length(fields) + " bytes");
        }
        return List.copyOf(fields);
    }

    /** How many bytes a key or a value of these fields has. */
    static int length(List<NftDataType> fields) {
        return fields.size() == 1
                ? fields.getFirst().length()
                : fields.stream()
                        .mapToInt(field -> MessageWriter.align(field.length()))
                        .sum();
    }

    public static NftSet of(NftTable table, String name, NftDataType... key) {
        return new NftSet(
                table, name, List.of(key), new Result.Nothing(), false, false, Optional.empty(), false, false);
    }

    /** The same, and keys lead to values. */
    public NftSet toValues(NftDataType... fields) {
        return to(new Result.Values(List.of(fields)));
    }

    /** The same, and keys lead to verdicts. */
    public NftSet toVerdicts() {
        return to(new Result.Verdicts());
    }

    private NftSet to(Result newResult) {
        return new NftSet(table, name, key, newResult, intervals, timeouts, timeout, constant, counted);
    }

    public NftSet withIntervals() {
        return new NftSet(table, name, key, result, true, timeouts, timeout, constant, counted);
    }

    public NftSet withTimeouts() {
        return new NftSet(table, name, key, result, intervals, true, timeout, constant, counted);
    }

    public NftSet withTimeout(Duration newTimeout) {
        return new NftSet(table, name, key, result, intervals, true, Optional.of(newTimeout), constant, counted);
    }

    public NftSet withConstant() {
        return new NftSet(table, name, key, result, intervals, timeouts, timeout, true, counted);
    }

    public NftSet withCounters() {
        return new NftSet(table, name, key, result, intervals, timeouts, timeout, constant, true);
    }

    @Override
    public String toString() {
        return table + " @" + name;
    }
}
