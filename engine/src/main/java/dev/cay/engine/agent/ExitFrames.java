package dev.cay.engine.agent;

import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.ProcessUsage;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/** How an exchange on port 52 ends: one EXIT, and before it why, in the form that the peer understands. */
final class ExitFrames {
    /** The code of what was refused, as a shell has it for what cannot be run. */
    static final int REFUSED = 126;

    static final int FAILED = -1;

    /** Of a command that could not even be tried, because the way to it failed: its directory, most often. */
    private static final int NOT_TRIED = 125;

    private static final String EXECVE = "execve";

    private final FrameOutput output;

    ExitFrames(FrameOutput output) {
        this.output = output;
    }

    /** An answer that is a number alone. */
    void send(int code, int signal) throws IOException {
        byte[] payload = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(code)
                .putInt(signal)
                .array();
        output.send(FrameType.EXIT, payload, 0, payload.length);
    }

    /**
     * Nothing was done.
     *
     * @param greeted whether the peer knows our frames; who does not gets the reason as an error that the command has written
     */
    void refuse(int code, String reason, boolean greeted) throws IOException {
        if (greeted) {
            output.send(
                    FrameType.EXIT_DETAIL,
                    JsonWriter.object(json -> json.field("reason", "refused")
                            .field("code", code)
                            .field("signal", 0)
                            .field("message", reason)));
        } else {
            say(reason);
        }
        send(code, 0);
    }

    /**
     * A command has ended.
     *
     * @param fault what the peer did that ended it
     * @param usage what it used, where that is known
     */
    void send(Exit exit, Optional<String> fault, Optional<ExecutionUsage> usage, boolean greeted) throws IOException {
        boolean spawned = exit.reason() != Exit.Reason.SPAWN_FAILED;
        int code = code(exit);
        if (greeted) {
            output.send(FrameType.EXIT_DETAIL, JsonWriter.object(json -> {
                json.field("reason", exit.reason().text())
                        .field("code", code)
                        .field("signal", exit.signal())
                        .field("message", fault)
                        .object(
                                "usage",
                                usage,
                                (object, used) ->
                                        object.field("cpuNanos", used.cpu().toNanos()))
                        .object("rusage", usage.flatMap(ExecutionUsage::process), ExitFrames::write);
                if (exit.signal() != 0) {
                    json.field("core", exit.core());
                }
                if (!spawned) {
                    json.field("errno", Errno.nameOf(exit.errno())).field("step", exit.step());
                }
            }));
        } else if (fault.isPresent()) {
            say(fault.get());
        } else if (!spawned) {
            say(exit.step());
        }
        send(code, exit.signal());
    }

    private static void write(JsonWriter json, ProcessUsage used) {
        json.field("userNanos", used.user().toNanos())
                .field("systemNanos", used.system().toNanos())
                .field("peakMemoryBytes", used.peakMemory().bytes())
                .field("minorFaults", used.minorFaults())
                .field("majorFaults", used.majorFaults())
                .field("readBytes", used.read().bytes())
                .field("writtenBytes", used.written().bytes())
                .field("voluntarySwitches", used.voluntarySwitches())
                .field("involuntarySwitches", used.involuntarySwitches());
    }

    private void say(String reason) throws IOException {
        output.send(FrameType.STDERR, "cay: " + reason + "\n");
    }

    static int code(Exit exit) {
        return switch (exit.reason()) {
            case EXITED -> exit.code();
            case SPAWN_FAILED -> exit.step().startsWith(EXECVE) ? exit.shellCode() : NOT_TRIED;
            case SIGNALLED, TIMEOUT, OOM, KILLED -> 128 + exit.signal();
        };
    }
}
