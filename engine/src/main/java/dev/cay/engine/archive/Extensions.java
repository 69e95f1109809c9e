package dev.cay.engine.archive;

import dev.cay.engine.archive.TarException.Reason;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the headers before an entry say of it: the records of pax(1), "Extended Header", and GNU's long names. What a global
 * header says holds for all later entries; it may give times and owners only.
 *
 * <p>Readers differ in which of two names counts, and so might a scanner and whoever unpacks: two of different headers are an
 * error. Within one header the last record counts, as the standard has it. Keywords that are not understood are passed over.
 */
final class Extensions {
    static final String PATH = "path";
    static final String LINK_PATH = "linkpath";
    static final String SIZE = "size";
    static final String UID = "uid";
    static final String GID = "gid";
    static final String MTIME = "mtime";
    static final String XATTR = "SCHILY.xattr.";

    private static final String LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";
    private static final String SPARSE = "GNU.sparse.";
    private static final int MAXIMUM_LENGTH_DIGITS = 10;
    private static final int NANOS_DIGITS = 9;

    private final TarLimits limits;
    private final Map<String, ByteString> global = new HashMap<>();
    private final Map<String, ByteString> own = new HashMap<>();
    private final Map<String, ByteString> xattrs = new TreeMap<>();
    private boolean extended;
    private int xattrSize;

    Extensions(TarLimits limits) {
        this.limits = limits;
    }

    /** For the next entry. */
    void clear() {
        extended = false;
        own.clear();
        xattrs.clear();
        xattrSize = 0;
    }

    /** What GNU puts before an entry whose name, or link target, is too long for the header. */
    void longText(String keyword, byte[] data, int length) throws TarException {
        int end = 0;
        while (end < length && data[end] != 0) {
            end++;
        }
        once(own.put(keyword, ByteString.of(data, 0, end)) == null);
    }

    /** The records of an extended header. */
    void records(byte[] data, int length) throws TarException {
        boolean named = own.containsKey(PATH);
        boolean linked = own.containsKey(LINK_PATH);
        once(!extended);
        extended = true;
        parse(data, length, (keyword, value) -> {
            switch (keyword) {
                case PATH -> once(!named);
                case LINK_PATH -> once(!linked);
                case SIZE, UID, GID, MTIME -> {}
                default -> {
                    other(keyword, value);
                    return;
                }
            }
            own.put(keyword, value);
        });
    }

    /** The records of a global extended header; damage is told here, not at some later entry. */
    void globalRecords(byte[] data, int length) throws TarException {
        parse(data, length, (keyword, value) -> {
            switch (keyword) {
                case UID, GID, MTIME -> {
                    global.put(keyword, value);
                    if (!value.isEmpty()) {
                        check(keyword, value);
                    }
                }
                case PATH, LINK_PATH, SIZE ->
                    throw malformed("a global header gives all later entries the same " + keyword);
                default -> {}
            }
        });
    }

    private static void check(String keyword, ByteString value) throws TarException {
        if (keyword.equals(MTIME)) {
            time(value);
        } else {
            decimal(keyword, value);
        }
    }

    private static void once(boolean first) throws TarException {
        if (!first) {
            throw malformed("two headers before it say different things of it");
        }
    }

    private interface Sink {
        void accept(String keyword, ByteString value) throws TarException;
    }

    /** A record is "LENGTH KEYWORD=VALUE\n"; the length is that of all of it, and the value may be any bytes. */
    private static void parse(byte[] data, int length, Sink sink) throws TarException {
        int start = 0;
        while (start < length) {
            int at = start;
            long announced = 0;
            for (; at < length && at - start < MAXIMUM_LENGTH_DIGITS && isDigit(data[at]); at++) {
                announced = announced * 10 + data[at] - '0';
            }
            int keyword = at + 1;
            if (announced > length - start || start + announced <= keyword || data[at] != ' ') {
                throw malformed("a record has no proper length");
            }
            int end = (int) (start + announced) - 1;
            int equals = keyword;
            while (equals < end && data[equals] != '=') {
                equals++;
            }
            if (data[end] != '\n' || equals == keyword || equals == end) {
                throw malformed("a record is no KEYWORD=VALUE");
            }
            // Keywords are compared only, so any charset will do that keeps the bytes.
            String name = new String(data, keyword, equals - keyword, StandardCharsets.ISO_8859_1);
            sink.accept(name, ByteString.of(data, equals + 1, end));
            start = end + 1;
        }
    }

    private void other(String keyword, ByteString value) throws TarException {
        if (keyword.startsWith(XATTR)) {
            // GNU's escapes; the value is never one for "delete this", since an attribute may be empty.
            String name = keyword.substring(XATTR.length()).replace("%3D", "=").replace("%25", "%");
            xattrs.put(xattrName(name.getBytes(StandardCharsets.ISO_8859_1), value), value);
        } else if (keyword.startsWith(LIBARCHIVE_XATTR)) {
            ByteString decoded = base64(value);
            String name = xattrName(unescaped(keyword.substring(LIBARCHIVE_XATTR.length())), decoded);
            // Its writers put the other form beside it, which more readers know.
            xattrs.putIfAbsent(name, decoded);
        } else if (keyword.startsWith(SPARSE)) {
            throw new TarException(Reason.UNSUPPORTED_SPARSE, "it is a sparse file, which is not supported");
        }
    }

    private String xattrName(byte[] name, ByteString value) throws TarException {
        xattrSize += name.length + value.length();
        if (xattrSize > limits.xattrSize()) {
            throw new TarException(
                    Reason.XATTRS_TOO_LARGE, "its extended attributes have more than " + limits.xattrSize() + " bytes");
        }
        return ByteString.of(name)
                .text()
                .filter(text -> !text.isEmpty() && text.indexOf('\0') < 0)
                .orElseThrow(() -> malformed("the name of an extended attribute is none"));
    }

    private static ByteString base64(ByteString value) throws TarException {
        try {
            return ByteString.of(Base64.getDecoder().decode(value.toBytes()));
        } catch (IllegalArgumentException _) {
            throw malformed("an extended attribute is not in base 64");
        }
    }

    private static byte[] unescaped(String name) throws TarException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(name.length());
        for (int i = 0; i < name.length(); i++) {
            if (name.charAt(i) != '%') {
                bytes.write(name.charAt(i));
            } else if (i + 2 < name.length() && hex(name, i + 1) >= 0 && hex(name, i + 2) >= 0) {
                bytes.write(hex(name, i + 1) << 4 | hex(name, i + 2));
                i += 2;
            } else {
                throw malformed("the name of an extended attribute is not URL-encoded");
            }
        }
        return bytes.toByteArray();
    }

    private static int hex(String text, int index) {
        return Character.digit(text.charAt(index), 16);
    }

    /** Whether nothing is said of the entry by headers of its own. */
    boolean isEmpty() {
        return own.isEmpty() && !extended;
    }

    /** The name or link target; {@code fallback} is what the header itself has. */
    ByteString text(String keyword, ByteString fallback) throws TarException {
        ByteString text = own.getOrDefault(keyword, ByteString.EMPTY);
        if (text.contains(0)) {
            throw malformed("its " + keyword + " contains NUL");
        }
        return text.isEmpty() ? fallback : text;
    }

    boolean has(String keyword) {
        return !value(keyword).isEmpty();
    }

    /** A number that {@link #has is said}. */
    long number(String keyword) throws TarException {
        return decimal(keyword, value(keyword));
    }

    /** The time of modification, if {@link #has said}. */
    Instant modified() throws TarException {
        return time(value(MTIME));
    }

    /** To be copied: the next entry's come to the same place. */
    Map<String, ByteString> xattrs() {
        return xattrs;
    }

    /** An empty value of the entry's own takes a global one away. */
    private ByteString value(String keyword) {
        ByteString fallback = global.getOrDefault(keyword, ByteString.EMPTY);
        return own.getOrDefault(keyword, fallback);
    }

    private static long decimal(String keyword, ByteString digits) throws TarException {
        if (digits.isEmpty()) {
            throw impossible(keyword);
        }
        long number = 0;
        for (int i = 0; i < digits.length(); i++) {
            int digit = digits.at(i) - '0';
            if (digit < 0 || digit > 9 || number > (Long.MAX_VALUE - digit) / 10) {
                throw impossible(keyword);
            }
            number = number * 10 + digit;
        }
        return number;
    }

    /** Seconds since 1970, perhaps negative, perhaps with a fraction; what is finer than a nanosecond is cut off. */
    private static Instant time(ByteString value) throws TarException {
        boolean negative = !value.isEmpty() && value.at(0) == '-';
        int point = value.indexOf('.', 0);
        int end = point < 0 ? value.length() : point;
        ByteString whole = value.slice(negative ? 1 : 0, end);
        ByteString fraction = value.slice(Math.min(end + 1, value.length()), value.length());
        long seconds = decimal(MTIME, whole);
        long nanos = 0;
        for (int i = 0; i < Math.max(NANOS_DIGITS, fraction.length()); i++) {
            int digit = i < fraction.length() ? fraction.at(i) - '0' : 0;
            if (digit < 0 || digit > 9) {
                throw impossible(MTIME);
            }
            nanos = i < NANOS_DIGITS ? nanos * 10 + digit : nanos;
        }
        if (seconds > Instant.MAX.getEpochSecond()) {
            throw impossible(MTIME);
        }
        return negative ? Instant.ofEpochSecond(-seconds, -nanos) : Instant.ofEpochSecond(seconds, nanos);
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }

    private static TarException impossible(String keyword) {
        return new TarException(Reason.BAD_NUMBER, "its " + keyword + " is not possible");
    }

    private static TarException malformed(String what) {
        return new TarException(Reason.BAD_PAX, what);
    }
}
