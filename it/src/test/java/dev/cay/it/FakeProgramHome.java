package dev.cay.it;

import dev.cay.engine.microvm.Home;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another home, in which a class of the tests takes the place of the program, with the same arguments. */
record FakeProgramHome(Home home, Class<? extends FakeVmm> program) implements Home {
    @Override
    public Guarded start(CommandLine command, Needs needs, List<Fd> streams) throws IOException {
        Path classes = classes();
        List<Path> readOnly = new ArrayList<>(needs.readOnly());
        readOnly.add(classes);
        CommandLine line = seen -> {
            List<String> words = new ArrayList<>(List.of(
                    System.getProperty("java.home") + "/bin/java",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-XX:-UsePerfData",
                    "-Xmx32m",
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    seen.apply(classes).toString(),
                    program.getName()));
            words.addAll(command.of(seen).subList(1, command.of(seen).size()));
            return words;
        };
        return home.start(line, new Needs(readOnly, needs.writable(), needs.limits(), needs.kvm()), streams);
    }

    private static Path classes() {
        try {
            Path file = Path.of(FakeVmm.class.getResource("FakeVmm.class").toURI());
            return file.resolve("../../../..").normalize();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
