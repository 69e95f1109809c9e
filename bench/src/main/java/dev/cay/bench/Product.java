package dev.cay.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Our command line as it is installed: what {@code ./dev dist} packs, in {@code target/bench/cay}. */
final class Product {
    private final Path program;

    private Product(Path program) {
        this.program = program;
    }

    /**
     * What {@code ./dev bench} has put there.
     *
     * @throws IOException if there is nothing
     */
    static Product installed() throws IOException {
        return in(Path.of("target/bench/cay"));
    }

    static Product in(Path folder) throws IOException {
        Path program = folder.resolve("bin/cay").toAbsolutePath();
        if (!Files.isExecutable(program)) {
            throw new IOException("there is no program " + program + ": ./dev bench makes it");
        }
        return new Product(program);
    }

    /** What somebody types: {@code cay ARGUMENTS}. */
    Tools.Command command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        return new Tools.Command(command, Optional.empty(), Optional.empty());
    }

    /** The starter and a JVM with our command line in it that touches no sandbox. */
    Tools.Command jvm() {
        return command("version");
    }
}
