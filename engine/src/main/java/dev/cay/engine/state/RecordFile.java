package dev.cay.engine.state;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The file {@code state.json} in a sandbox's directory. */
final class RecordFile {
    private static final int MAXIMUM = 32 << 20;
    private static final String NAME = "state.json";

    private RecordFile() {}

    /** What is written, to be parsed by {@link SandboxRecord#fromJson}. */
    static String read(Path directory) throws IOException {
        Path file = directory.resolve(NAME);
        if (Files.size(file) > MAXIMUM) {
            throw damaged("it is too large");
        }
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    static void write(Path directory, SandboxRecord record) throws IOException {
        byte[] json = record.toJson().getBytes(StandardCharsets.UTF_8);
        if (json.length > MAXIMUM) {
            throw new SandboxException.InvalidSpec(
                    "the specification is larger than " + MAXIMUM + " bytes", "pass the command's input by a file");
        }
        Directories.replace(directory.resolve(NAME), json);
    }

    static SandboxException damaged(String why) {
        return new SandboxException.HostFailed(
                "the record of a sandbox cannot be read: " + why, "it is damaged; remove the sandbox", null);
    }
}
