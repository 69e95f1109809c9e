package dev.cay.engine.seccomp;

import dev.cay.linux.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes {@link StandardFilters} anew, after a change of the profile or of the compiler. */
final class StandardPrograms {
    private static final int BYTES_OF_A_LINE = 24;

    private StandardPrograms() {}

    /** The argument is the directory of the sources: {@code engine/src/main/java/dev/cay/engine/seccomp}. */
    public static void main(String[] arguments) throws IOException {
        StringBuilder source = new StringBuilder("""
                package dev.cay.engine.seccomp;

                /**
                 * The standard profile, compiled: a character for each byte. A command line that starts a JVM for one sandbox has no time for
                 * tables, nor 0.8 ms for a resource. Written by StandardPrograms; a test compares it with what the compiler makes.
                 */
                final class StandardFilters {
                    private StandardFilters() {}
                """);
        for (Architecture architecture : Architecture.values()) {
            source.append("\n    static final String ")
                    .append(architecture.name())
                    .append(" = \"\"");
            byte[] program = SeccompCompiler.compile(SeccompProfile.standard(architecture));
            for (int i = 0; i < program.length; i++) {
                source.append(i % BYTES_OF_A_LINE == 0 ? (i == 0 ? "" : "\"") + "\n            + \"" : "")
                        .append("\\%03o".formatted(program[i] & 0xFF));
            }
            source.append("\";\n");
        }
        Files.writeString(Path.of(arguments[0], "StandardFilters.java"), source.append("}\n"));
    }
}
