package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * An element of a set or map.
 *
 * @param key of one field, or of several one behind the other
 * @param last the last key of a range that begins with the key; of a key of several fields, the last of each
 * @param data what the key leads to, in a map
 * @param timeout after how long it leaves, in milliseconds precisely
 * @param remaining how long it still stays; said by the kernel only
 * @param comment for people; at most 127 bytes
 * @param counter what it was found for; said by the kernel only
 */
public record NftElement(
        NftValue key,
        Optional<NftValue> last,
        Optional<NftData> data,
        Optional<Duration> timeout,
        Optional<Duration> remaining,
        String comment,
        Optional<NftExpression.Counter> counter) {
    static final int MAXIMUM_COMMENT = 127;

    public NftElement {
        requireNonNull(key, "key is null");
        requireNonNull(data, "data is null");
        requireNonNull(remaining, "remaining is null");
        requireNonNull(counter, "counter is null");
        if (last.isPresent() && last.get().length() != key.length()) {
            throw new IllegalArgumentException("last: " + last.get() + " for " + key);
        }
        if (timeout.isPresent() && timeout.get().toMillis() <= 0) {
            throw new IllegalArgumentException("timeout: " + timeout.get());
        }
        checkComment(comment);
    }

    static void checkComment(String comment) {
        if (comment.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_COMMENT || comment.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("comment: longer than " + MAXIMUM_COMMENT + " bytes");
        }
    }

    public static NftElement of(NftValue... fields) {
        return of(fields.length == 1 ? fields[0] : NftValue.concatenated(fields), Optional.empty());
    }

    /** A range of keys of one field, both ends included; or of several, made by {@link NftValue#concatenated}. */
    public static NftElement range(NftValue first, NftValue last) {
        if (first.compareTo(last) > 0) {
            throw new IllegalArgumentException("not a range: " + first + " to " + last);
        }
        return of(first, Optional.of(last));
    }

    /** A block of addresses. */
    public static NftElement of(IpPrefix prefix) {
        return range(NftValue.of(prefix.first()), NftValue.of(prefix.last()));
    }

    private static NftElement of(NftValue key, Optional<NftValue> last) {
        return new NftElement(key, last, Optional.empty(), Optional.empty(), Optional.empty(), "", Optional.empty());
    }

    /** The same, and it leads to this. */
    public NftElement to(NftData newData) {
        return new NftElement(key, last, Optional.of(newData), timeout, remaining, comment, counter);
    }

    /** The same, and it leads to a value of several fields. */
    public NftElement to(NftValue... fields) {
        return to((NftData) (fields.length == 1 ? fields[0] : NftValue.concatenated(fields)));
    }

    public NftElement withTimeout(Duration newTimeout) {
        return new NftElement(key, last, data, Optional.of(newTimeout), remaining, comment, counter);
    }

    public NftElement withComment(String newComment) {
        return new NftElement(key, last, data, timeout, remaining, newComment, counter);
    }

    /** Its key, or keys, in hexadecimal. */
    String keys() {
        return key + last.map(end -> "-" + end).orElse("");
    }
}
