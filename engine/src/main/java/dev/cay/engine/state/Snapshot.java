package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A microVM as it was at one moment.
 *
 * @param spec of its sandbox; its root is an image, which is named by its digest
 * @param machine what it takes to go on
 * @param commands those that were started in it
 * @param halted for how long it stood still
 * @param created when it was made
 */
public record Snapshot(SandboxSpec spec, Machine machine, Commands commands, Duration halted, Instant created) {
    private static final int VERSION = 2;
    private static final int MAXIMUM_PORTS = 64;

    /**
     * What a machine must be, and what is known of its guest.
     *
     * @param key what it must have in common with another one to go on there
     * @param memory of its guest
     * @param places whether it has a place for each disk that there could be, and one for a network card
     * @param ports how many channels its guest has; more than one if it outlives its maker
     * @param variables that its commands have without having asked for them
     * @param programs a directory that comes first in their PATH
     */
    public record Machine(
            String key,
            Size memory,
            boolean places,
            int ports,
            Map<String, String> variables,
            Optional<String> programs) {
        public Machine {
            requireNonNull(key, "key is null");
            requireNonNull(memory, "memory is null");
            requireNonNull(programs, "programs is null");
            variables = Map.copyOf(variables);
            if (ports < 1) {
                throw new IllegalArgumentException(ports + " ports");
            }
        }
    }

    /**
     * What is to be known of the commands of a sandbox.
     *
     * @param last the highest number that one of them has been given
     * @param begun whether its own has been started, and can be taken up
     */
    public record Commands(int last, boolean begun) {
        public Commands {
            if (last < 0) {
                throw new IllegalArgumentException(last + " commands");
            }
        }
    }

    public Snapshot {
        requireNonNull(machine, "machine is null");
        requireNonNull(commands, "commands is null");
        requireNonNull(halted, "halted is null");
        requireNonNull(created, "created is null");
        if (!(spec.root() instanceof Root.Image)) {
            throw new IllegalArgumentException("a snapshot of no image");
        }
    }

    /** What finds its image. */
    public String image() {
        return ((Root.Image) spec.root()).exact();
    }

    String toJson() {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("halted", halted.toNanos())
                .field("created", StateJson.nanos(created))
                .object(
                        "machine",
                        fields -> fields.field("key", machine.key())
                                .field("memory", machine.memory().bytes())
                                .field("places", machine.places())
                                .field("ports", machine.ports())
                                .map("variables", machine.variables())
                                .field("programs", machine.programs()))
                .object(
                        "commands",
                        fields -> fields.field("last", commands.last()).field("begun", commands.begun()))
                .object("spec", fields -> SpecJson.write(fields, spec)));
    }

    /**
     * Reads what {@link #toJson} has written.
     *
     * @throws SandboxException.Unsupported if another version of Cay has written it
     * @throws SandboxException.HostFailed if it is damaged
     */
    static Snapshot fromJson(String name, String json) {
        String what = "the snapshot " + name;
        String hint = "remove it: cay snapshot rm " + name;
        return StateJson.read(json, what, hint, in -> {
            StateJson.checkVersion(in, VERSION);
            return new Snapshot(
                    in.object("spec", SpecJson::readSandbox),
                    in.object("machine", Snapshot::readMachine),
                    in.object("commands", Snapshot::readCommands),
                    Duration.ofNanos(in.number("halted", 0, Long.MAX_VALUE)),
                    StateJson.instant(in.number("created", Long.MIN_VALUE, Long.MAX_VALUE)));
        });
    }

    private static Commands readCommands(JsonObject in) {
        return new Commands((int) in.number("last", 0, Integer.MAX_VALUE), in.flag("begun"));
    }

    private static Machine readMachine(JsonObject in) {
        return new Machine(
                in.text("key"),
                Size.bytes(in.number("memory", 1, Long.MAX_VALUE)),
                in.flag("places"),
                (int) in.number("ports", 1, MAXIMUM_PORTS),
                in.map("variables"),
                in.optionalText("programs"));
    }
}
