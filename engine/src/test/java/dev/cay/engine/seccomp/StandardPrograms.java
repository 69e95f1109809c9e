package dev.cay.engine.seccomp;

import dev.cay.linux.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Writes the compiled standard profiles anew, after a change of the profile or of the compiler. */
final class StandardPrograms {
    private StandardPrograms() {}

    /** The argument is the directory of the resources: {@code engine/src/main/resources/dev/cay/engine/seccomp}. */
    public static void main(String[] arguments) throws IOException {
        for (Architecture architecture : Architecture.values()) {
            Path file = Path.of(arguments[0], "standard-" + architecture.name().toLowerCase(Locale.ROOT) + ".bpf");
            Files.write(file, SeccompCompiler.compile(SeccompProfile.standard(architecture)));
        }
    }
}
