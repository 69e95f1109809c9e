package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.MachineInfo;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.Duration;
import java.util.Optional;

/**
 * What a machine is, and will be to its end.
 *
 * @param emulated whether its instructions are translated
 * @param began how it began
 * @param template with which, if it did not boot
 * @param files who gives it files of this machine
 */
record MachineKind(
        boolean emulated, MachineInfo.Beginning began, Optional<String> template, Optional<MachineInfo.Files> files) {
    MachineKind {
        requireNonNull(began, "began is null");
        requireNonNull(template, "template is null");
        requireNonNull(files, "files is null");
        if (template.isPresent() == (began == MachineInfo.Beginning.BOOT)) {
            throw new IllegalArgumentException("a machine that boots, and no other, has nothing to begin with");
        }
    }

    /**
     * What is known of it.
     *
     * @param answered how long after its start its first process answered
     */
    MachineInfo info(Duration answered, MachineInfo.Health health) {
        return new MachineInfo(emulated, began, template, answered, files, health);
    }

    void write(JsonWriter out) {
        out.field("emulated", emulated).field("began", began.text()).field("template", template);
        out.field("files", files.map(MachineInfo.Files::text));
    }

    static MachineKind read(JsonObject in) {
        return new MachineKind(in.flag("emulated"), began(in), in.optionalText("template"), files(in));
    }

    private static MachineInfo.Beginning began(JsonObject in) {
        String text = in.text("began");
        for (MachineInfo.Beginning one : MachineInfo.Beginning.values()) {
            if (one.text().equals(text)) {
                return one;
            }
        }
        throw in.refused("no machine begins by " + text);
    }

    private static Optional<MachineInfo.Files> files(JsonObject in) {
        Optional<String> text = in.optionalText("files");
        for (MachineInfo.Files one : MachineInfo.Files.values()) {
            if (text.isPresent() && one.text().equals(text.get())) {
                return Optional.of(one);
            }
        }
        if (text.isPresent()) {
            throw in.refused("no machine has files from " + text.get());
        }
        return Optional.empty();
    }
}
