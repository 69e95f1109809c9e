package dev.cay.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The command line in a process of its own, as its starter runs it. */
final class CommandLine {
    private CommandLine() {}

    /** What starts it; it hears of all signals, whatever this process ignores. */
    static List<String> of(OwnStore store, String... arguments) {
        List<String> command = new ArrayList<>(store.wrapper());
        command.addAll(List.of(
                "env",
                "--default-signal",
                Path.of(System.getProperty("java.home"), "bin/java").toString()));
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xmx96m", "-p"));
        command.add(EngineModules.places("dev.cay.cli", "dev.cay.engine").stream()
                .map(Path::toString)
                .collect(Collectors.joining(":")));
        command.addAll(List.of("--add-modules", "dev.cay.engine", "--enable-native-access=dev.cay.linux"));
        command.add("-Ddev.cay.linux.library=" + OtherProcess.NATIVE_METHODS);
        command.addAll(List.of("-m", "dev.cay.cli/dev.cay.cli.Main"));
        command.addAll(List.of(arguments));
        return command;
    }
}
