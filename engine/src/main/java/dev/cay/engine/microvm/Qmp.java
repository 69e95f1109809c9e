package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import dev.cay.engine.json.JsonWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * QEMU's machine protocol (docs/interop/qmp-spec.rst), as far as it is text: lines in, messages out. It knows of no socket. Not
 * thread-safe.
 */
final class Qmp {
    /** Of a line: answers to the commands that are used here have a few hundred bytes. */
    private static final int MAXIMUM_LINE = 1 << 20;

    private final Consumer<Message> messages;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    /** What QEMU says. */
    sealed interface Message {
        /** It is there. */
        record Greeting() implements Message {}

        /**
         * A command has been carried out.
         *
         * @param status what it says under that name, with a colon and the cause if it gives one; empty if nothing
         */
        record Done(long id, String status) implements Message {}

        /** A command has failed. */
        record Refused(long id, String why) implements Message {}

        /** The machine ends; the reason is one of QEMU's ShutdownCause. */
        record Shutdown(String reason) implements Message {}

        /** The machine has been halted, or goes on; whoever it was that had asked for it. */
        record Halted(boolean still) implements Message {}

        /** Somebody in the guest has opened the port of a channel that has a name for QEMU, or has closed it. */
        record Opened(boolean open) implements Message {}

        /** Something else. */
        record Other() implements Message {}
    }

    Qmp(Consumer<Message> messages) {
        this.messages = messages;
    }

    /** A command, as a line. */
    static byte[] command(String name, Consumer<JsonWriter> arguments, long id) {
        String text = JsonWriter.object(
                out -> out.field("execute", name).object("arguments", arguments).field("id", id));
        return (text + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Takes what has been received.
     *
     * @throws IOException if it is not what QEMU says
     */
    void accept(byte[] bytes, int length) throws IOException {
        for (int i = 0; i < length; i++) {
            if (bytes[i] != '\n') {
                line.write(bytes[i]);
                if (line.size() > MAXIMUM_LINE) {
                    throw new IOException("QEMU's monitor sends a line without an end");
                }
                continue;
            }
            String text = line.toString(StandardCharsets.UTF_8).strip();
            line.reset();
            if (!text.isEmpty()) {
                messages.accept(parse(text));
            }
        }
    }

    private static Message parse(String text) throws IOException {
        Parts parts = new Parts();
        try {
            JsonReader in = new JsonReader(text, "QEMU's monitor", "");
            in.document(field -> {
                switch (field) {
                    case "QMP" -> {
                        parts.greeting = true;
                        in.skip();
                    }
                    case "return" -> {
                        parts.done = true;
                        in.object("return", name -> {
                            if (name.equals("status") && in.isText()) {
                                parts.status = in.text(name);
                            } else if (name.equals("error-desc") && in.isText()) {
                                parts.cause = ": " + JsonReader.shown(in.text(name));
                            } else {
                                in.skip();
                            }
                        });
                    }
                    case "id" -> parts.id = in.unsigned("id");
                    case "event" -> parts.event = Optional.of(in.text("event"));
                    case "error" ->
                        in.object("error", name -> {
                            if (name.equals("desc")) {
                                parts.error = Optional.of(in.text(name));
                            } else {
                                in.skip();
                            }
                        });
                    case "data" ->
                        in.object("data", name -> {
                            if (name.equals("reason") && in.isText()) {
                                parts.reason = in.text(name);
                            } else if (name.equals("open")) {
                                parts.open = in.flag(name);
                            } else {
                                in.skip();
                            }
                        });
                    default -> in.skip();
                }
            });
        } catch (SandboxException e) {
            throw new IOException(e.getMessage(), e);
        }
        return parts.message();
    }

    private static final class Parts {
        private boolean greeting;
        private boolean done;
        private long id;
        private Optional<String> event = Optional.empty();
        private Optional<String> error = Optional.empty();
        private boolean open;
        private String reason = "";
        private String status = "";
        private String cause = "";

        Message message() {
            if (greeting) {
                return new Message.Greeting();
            }
            if (error.isPresent()) {
                return new Message.Refused(id, JsonReader.shown(error.get()));
            }
            if (done) {
                return new Message.Done(id, status + cause);
            }
            return switch (event.orElse("")) {
                case "SHUTDOWN" -> new Message.Shutdown(reason);
                case "STOP" -> new Message.Halted(true);
                case "RESUME" -> new Message.Halted(false);
                case "VSERPORT_CHANGE" -> new Message.Opened(open);
                default -> new Message.Other();
            };
        }
    }
}
