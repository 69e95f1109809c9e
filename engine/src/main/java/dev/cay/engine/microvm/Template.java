package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.Size;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A machine that was halted when its first process was up.
 *
 * @param name what it is called
 * @param key what a machine must have in common with it to go on where it was
 * @param kernel the release of its kernel
 * @param guest its size
 * @param kilohertz of the time stamp counter that the guest's kernel was told
 * @param places the names by which the guest's kernel knows the devices in the places of its disks
 * @param kept the names of the disks in the first of them, which it has not let go of
 * @param card the same of the place of its network card; empty if the kernel has no driver for it
 * @param created when it was made
 */
record Template(
        String name,
        String key,
        String kernel,
        GuestSize guest,
        long kilohertz,
        List<String> places,
        List<String> kept,
        Optional<String> card,
        Instant created) {
    private static final int VERSION = 1;
    private static final Pattern DEVICE = Pattern.compile("virtio[0-9]{1,2}");
    private static final Pattern DISK = Pattern.compile("vd[a-z]");

    Template {
        requireNonNull(name, "name is null");
        requireNonNull(key, "key is null");
        requireNonNull(kernel, "kernel is null");
        requireNonNull(guest, "guest is null");
        requireNonNull(created, "created is null");
        places = List.copyOf(places);
        kept = List.copyOf(kept);
        places.forEach(place -> require(DEVICE, place));
        kept.forEach(disk -> require(DISK, disk));
        card.ifPresent(device -> require(DEVICE, device));
        if (places.isEmpty() || places.size() > MachineSpec.MAXIMUM_DISKS || kept.size() > places.size()) {
            throw new IllegalArgumentException(places.size() + " places for disks, " + kept.size() + " taken");
        }
    }

    private static void require(Pattern pattern, String name) {
        if (!pattern.matcher(name).matches()) {
            throw new IllegalArgumentException("'" + name + "' is no device of a guest");
        }
    }

    String json() {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("key", key)
                .field("kernel", kernel)
                .field("memory", guest.memory().bytes())
                .field("processors", guest.processors())
                .field("kilohertz", kilohertz)
                .texts("places", places)
                .texts("kept", kept)
                .field("card", card)
                .field("created", created.toString()));
    }

    static Template parse(String name, String json) {
        return JsonObject.read(json, "the template " + name, "remove it: cay template rm " + name, in -> {
            in.number("version", VERSION, VERSION);
            return new Template(
                    name,
                    in.text("key"),
                    in.text("kernel"),
                    new GuestSize(
                            Size.bytes(in.number("memory", MachineSpec.MINIMUM_MEMORY.bytes(), Long.MAX_VALUE)),
                            (int) in.optionalNumber("processors", 1, MachineSpec.MAXIMUM_PROCESSORS)
                                    .orElse(1)), // templates of older versions have one
                    in.number("kilohertz", 1, Long.MAX_VALUE),
                    in.texts("places"),
                    in.optionalTexts("kept"), // templates of older versions are not used, but are listed
                    in.optionalText("card"),
                    Instant.parse(in.text("created")));
        });
    }
}
