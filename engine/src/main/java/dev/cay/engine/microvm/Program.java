package dev.cay.engine.microvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The programs of VMMs. */
final class Program {
    /** Where a container of the host's programs has them too. */
    private static final List<Path> PLACES = List.of(Path.of("/usr/bin"), Path.of("/usr/local/bin"));

    private Program() {}

    /** A program of this machine, if there is one of this name. */
    static Optional<Path> find(String name) {
        return PLACES.stream()
                .map(place -> place.resolve(name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Tells a program from another version of it. */
    static String identity(Path program) throws IOException {
        Path file = program.toRealPath();
        return file + " " + Files.size(file) + " "
                + Files.getLastModifiedTime(file).to(TimeUnit.NANOSECONDS);
    }
}
