package dev.cay.engine.state;

import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.ProcessUsage;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The JSON of what several files have in common. Times are whole nanoseconds: to format and parse dates loads many classes. */
final class StateJson {
    private static final String HINT = "it is damaged; remove the sandbox";
    private static final long NANOS = TimeUnit.SECONDS.toNanos(1);

    private StateJson() {}

    /**
     * Reads a file of ours.
     *
     * @throws SandboxException.HostFailed if it is damaged; so it is if the types refuse what is in it
     */
    static <T> T read(String json, String name, Function<JsonObject, T> form) {
        return read(json, name, HINT, form);
    }

    /** @param hint what to do with a damaged one */
    static <T> T read(String json, String name, String hint, Function<JsonObject, T> form) {
        try {
            return JsonObject.read(json, name, hint, form);
        } catch (SandboxException.InvalidSpec | IllegalArgumentException | ArithmeticException | DateTimeException e) {
            throw new SandboxException.HostFailed(name + " cannot be read: " + e.getMessage(), hint, e);
        }
    }

    static void checkVersion(JsonObject in, int ours) {
        long version = in.number("version", 1, Long.MAX_VALUE);
        if (version != ours) {
            throw new SandboxException.Unsupported(
                    "it was written by another version of Cay, in form " + version + "; this one reads " + ours,
                    "use the version of Cay that made it");
        }
    }

    static <E> E constant(JsonObject in, String field, E[] values, Function<E, String> text) {
        String name = in.text(field);
        for (E value : values) {
            if (text.apply(value).equals(name)) {
                return value;
            }
        }
        throw in.refused("there is no " + field + " '" + name + "'");
    }

    static void write(JsonWriter out, Exit exit) {
        out.field("reason", exit.reason().text())
                .field("code", exit.code())
                .field("signal", exit.signal())
                .field("errno", exit.errno())
                .field("step", exit.step())
                .field("core", exit.core());
    }

    static Exit readExit(JsonObject in) {
        return new Exit(
                constant(in, "reason", Exit.Reason.values(), Exit.Reason::text),
                (int) in.number("code", -1, 255),
                (int) in.number("signal", 0, 64),
                (int) in.number("errno", 0, 4095),
                in.text("step"),
                in.optionalFlag("core"));
    }

    static void write(JsonWriter out, ExecutionUsage usage) {
        out.field("cpu", usage.cpu().toNanos())
                .field("memory", usage.memory().bytes())
                .field("processes", usage.processes())
                .object("process", usage.process(), StateJson::write);
    }

    private static void write(JsonWriter out, ProcessUsage usage) {
        out.field("user", usage.user().toNanos())
                .field("system", usage.system().toNanos())
                .field("peakMemory", usage.peakMemory().bytes())
                .field("minorFaults", usage.minorFaults())
                .field("majorFaults", usage.majorFaults())
                .field("read", usage.read().bytes())
                .field("written", usage.written().bytes())
                .field("voluntarySwitches", usage.voluntarySwitches())
                .field("involuntarySwitches", usage.involuntarySwitches());
    }

    private static ProcessUsage readProcessUsage(JsonObject in) {
        return new ProcessUsage(
                Duration.ofNanos(count(in, "user")),
                Duration.ofNanos(count(in, "system")),
                Size.bytes(count(in, "peakMemory")),
                count(in, "minorFaults"),
                count(in, "majorFaults"),
                Size.bytes(count(in, "read")),
                Size.bytes(count(in, "written")),
                count(in, "voluntarySwitches"),
                count(in, "involuntarySwitches"));
    }

    private static long count(JsonObject in, String field) {
        return in.number(field, 0, Long.MAX_VALUE);
    }

    static ExecutionUsage readUsage(JsonObject in) {
        return new ExecutionUsage(
                Duration.ofNanos(in.number("cpu", 0, Long.MAX_VALUE)),
                Size.bytes(in.number("memory", 0, Long.MAX_VALUE)),
                (int) in.number("processes", 0, Integer.MAX_VALUE),
                in.optionalObject("process", StateJson::readProcessUsage));
    }

    static void write(JsonWriter out, ProcessIdentity process) {
        out.field("pid", process.pid()).field("startTime", process.startTime()).field("bootId", process.bootId());
    }

    static ProcessIdentity readProcess(JsonObject in) {
        return new ProcessIdentity(
                in.number("pid", 1, Integer.MAX_VALUE), in.number("startTime", 0, Long.MAX_VALUE), in.text("bootId"));
    }

    /** Since 1970; good until 2262. */
    static long nanos(Instant time) {
        return Math.addExact(Math.multiplyExact(time.getEpochSecond(), NANOS), time.getNano());
    }

    static Instant instant(long nanos) {
        return Instant.ofEpochSecond(Math.floorDiv(nanos, NANOS), Math.floorMod(nanos, NANOS));
    }
}
