package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.MachineInfo;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.Duration;
import java.util.Optional;

/**
 * What processes have to know of a microVM that they did not make.
 *
 * @param answered how long after its start its first process answered
 * @param acpi whether its kernel knows ACPI
 * @param keeps whether what its guest has written is to be there when it has ended
 * @param surroundings what commands find in it
 * @param group the name of its VMM's control groups, if they are not called as the sandbox
 * @param likeness what a machine must be that is to go on where this one is
 */
record MachineNote(
        MachineKind kind,
        Duration answered,
        boolean acpi,
        boolean keeps,
        GuestSurroundings surroundings,
        Optional<String> group,
        Likeness likeness) {
    private static final int VERSION = 3;

    /**
     * What a machine must be that is to go on where this one is.
     *
     * @param key what it must have in common with this one
     * @param places whether it has all the devices that a clone can have
     */
    record Likeness(String key, boolean places) {
        Likeness {
            requireNonNull(key, "key is null");
        }
    }

    MachineNote {
        requireNonNull(kind, "kind is null");
        requireNonNull(answered, "answered is null");
        requireNonNull(surroundings, "surroundings is null");
        requireNonNull(group, "group is null");
        requireNonNull(likeness, "likeness is null");
    }

    MachineInfo info(MachineInfo.Health health) {
        return kind.info(answered, health);
    }

    String json() {
        return JsonWriter.object(out -> {
            out.field("version", VERSION);
            kind.write(out);
            out.field("answered", answered.toNanos())
                    .field("acpi", acpi)
                    .field("keeps", keeps)
                    .map("variables", surroundings.variables())
                    .field("programs", surroundings.programs())
                    .field("group", group)
                    .field("key", likeness.key())
                    .field("places", likeness.places());
        });
    }

    /** @throws dev.cay.SandboxException.HostFailed if it is damaged, or another version of Cay has written it */
    static MachineNote parse(String json) {
        return JsonObject.read(json, "the note of a microVM", "remove the sandbox", in -> {
            in.number("version", VERSION, VERSION);
            return new MachineNote(
                    MachineKind.read(in),
                    Duration.ofNanos(in.number("answered", 0, Long.MAX_VALUE)),
                    in.flag("acpi"),
                    in.flag("keeps"),
                    new GuestSurroundings(in.map("variables"), in.optionalText("programs")),
                    in.optionalText("group"),
                    new Likeness(in.text("key"), in.flag("places")));
        });
    }
}
