package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import dev.cay.ExecSpec;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.TerminalSize;
import dev.cay.engine.json.JsonReader;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What START asks for. A text that is empty, and a number that is 0, count as absent, as clients send them so.
 *
 * @param isKept whether the command outlives its connection
 * @param stays whether the peer wants to hear the command's descendants too, until the last of them has let go of its output
 */
record StartRequest(ExecSpec command, boolean isKept, boolean stays) {
    /** What is kept of each stream of a command that outlives its connection. */
    static final Size KEPT = Size.mib(8);

    private static final int MAXIMUM_SIZE = 65_535;

    StartRequest {
        requireNonNull(command, "command is null");
    }

    static StartRequest read(byte[] payload) throws RefusalException {
        Fields fields = new Fields();
        JsonRequest.read(payload, "START", fields);
        try {
            return new StartRequest(fields.command(), fields.kept, fields.stays);
        } catch (SandboxException.InvalidSpec e) {
            throw new RefusalException(e.getMessage());
        }
    }

    /** What a field says that tells what becomes of a command whose connection is lost. */
    static boolean isKept(JsonReader value, String field) {
        String policy = value.text(field);
        return switch (policy) {
            case "keep" -> true;
            case "kill" -> false;
            default -> throw value.refused(field + " is neither keep nor kill");
        };
    }

    private static final class Fields implements JsonRequest.Fields {
        private List<String> command = List.of();
        private Map<String, String> environment = Map.of();
        private String workingDirectory = "";
        private String user = "";
        private boolean terminal;
        private int columns;
        private int rows;
        private int timeout;
        private boolean kept;
        private boolean stays;

        @Override
        public boolean read(String field, JsonReader value) {
            switch (field) {
                case "cmd" -> command = value.texts(field);
                case "env" -> environment = environment(value, field);
                case "working_dir" -> workingDirectory = value.text(field);
                case "user" -> user = value.text(field);
                case "tty" -> terminal = value.flag(field);
                case "tty_width" -> columns = value.number(field, MAXIMUM_SIZE);
                case "tty_height" -> rows = value.number(field, MAXIMUM_SIZE);
                case "timeout_seconds" -> timeout = value.number(field, Integer.MAX_VALUE);
                case "on_disconnect" -> kept = isKept(value, field);
                case "stay_attached" -> stays = value.flag(field);
                default -> {
                    return false;
                }
            }
            return true;
        }

        private static Map<String, String> environment(JsonReader value, String field) {
            Map<String, String> variables = new LinkedHashMap<>();
            value.object(field, name -> variables.put(name, value.text("the variable " + JsonReader.shown(name))));
            return variables;
        }

        ExecSpec command() {
            TerminalSize standard = TerminalSize.STANDARD;
            TerminalSize size =
                    new TerminalSize(columns == 0 ? standard.columns() : columns, rows == 0 ? standard.rows() : rows);
            return new ExecSpec(
                    command,
                    environment,
                    Optional.of(workingDirectory).filter(text -> !text.isEmpty()),
                    Optional.of(user).filter(text -> !text.isEmpty()),
                    new byte[0],
                    Optional.of(timeout).filter(seconds -> seconds > 0).map(Duration::ofSeconds),
                    ExecSpec.DEFAULT_GRACE,
                    Optional.of(size).filter(_ -> terminal),
                    kept ? KEPT : ExecSpec.DEFAULT_KEPT,
                    ExecSpec.DEFAULT_OUTPUT_LIMIT,
                    true);
        }
    }
}
