package dev.cay.cli;

import dev.cay.IoLimits;
import dev.cay.ResourceLimit;
import dev.cay.Size;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/** Reads the values of options. Whether they are in range is the API's to say. */
final class Values {
    private static final String SIZE_HINT = "a unit is k, m, g or t, each 1024 times the one before";
    private static final int MAXIMUM_DIGITS = 18;

    private Values() {}

    static Size size(Option option, String text) {
        try {
            return Size.parse(text);
        } catch (IllegalArgumentException e) {
            throw refuse(option, String.valueOf(e.getMessage()), SIZE_HINT);
        }
    }

    static Duration duration(Option option, String text) {
        try {
            return Durations.parse(text);
        } catch (IllegalArgumentException e) {
            throw refuse(
                    option,
                    String.valueOf(e.getMessage()),
                    "write 500ms, 10s, 1.5m or 2h; without a unit it is seconds");
        }
    }

    static int wholeNumber(Option option, String text) {
        long number = count(option, text);
        if (number > Integer.MAX_VALUE) {
            throw refuse(option, "'" + text + "' is too large", "at most " + Integer.MAX_VALUE);
        }
        return (int) number;
    }

    private static long count(Option option, String text) {
        if (!isDigits(text) || text.length() > MAXIMUM_DIGITS) {
            throw refuse(option, "'" + text + "' is not a whole number", "write digits only");
        }
        return Long.parseLong(text);
    }

    private static boolean isDigits(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /** Digits with at most one point among them; Double.parseDouble alone would take NaN and 0x1p3 too. */
    static double decimal(Option option, String text) {
        int point = text.indexOf('.');
        String digits = point < 0 ? text : text.substring(0, point) + text.substring(point + 1);
        if (!isDigits(digits)) {
            throw refuse(option, "'" + text + "' is not a number", "write 0.5 or 2");
        }
        return Double.parseDouble(text);
    }

    /**
     * Makes a path absolute. Leading {@code ..} are those of the current directory; later ones stay, and are refused by the
     * API, because what they mean depends on links.
     */
    static Path path(Option option, String text) {
        Path path;
        try {
            path = Path.of(text);
        } catch (InvalidPathException e) {
            throw refuse(
                    option, "'" + text + "' is not a path: " + e.getReason(), "if it is not ASCII, set LC_ALL=C.UTF-8");
        }
        if (text.isEmpty()) {
            throw refuse(option, "the path is empty", "name a directory");
        }
        Path absolute = path.isAbsolute() ? path.getRoot() : Path.of("").toAbsolutePath();
        boolean leading = !path.isAbsolute();
        for (Path name : path) {
            String step = name.toString();
            if (leading && step.equals("..")) {
                absolute = absolute.getNameCount() > 1 ? absolute.getParent() : absolute.getRoot();
            } else if (!step.equals(".")) {
                leading = false;
                absolute = absolute.resolve(name);
            }
        }
        return absolute;
    }

    /** Reads {@code read=10m,writes=100}, more than once too. */
    static IoLimits io(Option option, List<String> texts) {
        OptionalLong read = OptionalLong.empty();
        OptionalLong write = OptionalLong.empty();
        OptionalLong reads = OptionalLong.empty();
        OptionalLong writes = OptionalLong.empty();
        for (String text : texts) {
            int start = 0;
            while (start <= text.length()) {
                int comma = text.indexOf(',', start);
                int end = comma < 0 ? text.length() : comma;
                String limit = text.substring(start, end);
                int equals = limit.indexOf('=');
                String value = limit.substring(equals + 1);
                switch (equals < 0 ? "" : limit.substring(0, equals)) {
                    case "read" -> read = OptionalLong.of(size(option, value).bytes());
                    case "write" -> write = OptionalLong.of(size(option, value).bytes());
                    case "reads" -> reads = OptionalLong.of(count(option, value));
                    case "writes" -> writes = OptionalLong.of(count(option, value));
                    default ->
                        throw refuse(
                                option,
                                "'" + limit + "' is not an io limit",
                                "write read=SIZE, write=SIZE, reads=N or writes=N");
                }
                start = end + 1;
            }
        }
        return new IoLimits(read, write, reads, writes);
    }

    /** The part of {@code NAME=VALUE} before the sign. */
    static ResourceLimit resourceLimit(Option option, String text) {
        int equals = text.indexOf('=');
        if (equals < 0) {
            throw refuse(option, "'" + text + "' has no value", "write NAME=N, such as open-files=1024");
        }
        String name = text.substring(0, equals);
        return switch (name) {
            case "address-space", "as" -> ResourceLimit.ADDRESS_SPACE;
            case "core" -> ResourceLimit.CORE;
            case "cpu-seconds", "cpu" -> ResourceLimit.CPU_SECONDS;
            case "data" -> ResourceLimit.DATA;
            case "file-locks", "locks" -> ResourceLimit.FILE_LOCKS;
            case "file-size", "fsize" -> ResourceLimit.FILE_SIZE;
            case "locked-memory", "memlock" -> ResourceLimit.LOCKED_MEMORY;
            case "message-queues", "msgqueue" -> ResourceLimit.MESSAGE_QUEUES;
            case "nice" -> ResourceLimit.NICE;
            case "open-files", "nofile" -> ResourceLimit.OPEN_FILES;
            case "pending-signals", "sigpending" -> ResourceLimit.PENDING_SIGNALS;
            case "processes", "nproc" -> ResourceLimit.PROCESSES;
            case "real-time", "rttime" -> ResourceLimit.REAL_TIME;
            case "real-time-priority", "rtprio" -> ResourceLimit.REAL_TIME_PRIORITY;
            case "resident-memory", "rss" -> ResourceLimit.RESIDENT_MEMORY;
            case "stack" -> ResourceLimit.STACK;
            default -> throw unknownResourceLimit(option, name);
        };
    }

    private static UsageException unknownResourceLimit(Option option, String name) {
        List<String> known = new ArrayList<>();
        for (ResourceLimit limit : ResourceLimit.values()) {
            known.add(limit.name().toLowerCase(Locale.ROOT).replace('_', '-'));
        }
        String hint = "write " + Spelling.closest(name, known).orElse(String.join(", ", known));
        return refuse(option, "'" + name + "' is not a resource limit", hint);
    }

    /** The part of {@code NAME=VALUE} behind the sign: bytes may have a unit. */
    static long resourceLimitValue(Option option, String text, ResourceLimit limit) {
        String value = text.substring(text.indexOf('=') + 1);
        boolean bytes = switch (limit) {
            case ADDRESS_SPACE, CORE, DATA, FILE_SIZE, LOCKED_MEMORY, MESSAGE_QUEUES, RESIDENT_MEMORY, STACK -> true;
            case CPU_SECONDS, FILE_LOCKS, NICE, OPEN_FILES, PENDING_SIGNALS, PROCESSES, REAL_TIME, REAL_TIME_PRIORITY ->
                false;
        };
        return bytes ? size(option, value).bytes() : count(option, value);
    }

    static UsageException refuse(Option option, String message, String hint) {
        return new UsageException(option.spelling() + ": " + message, hint);
    }
}
