package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Architecture;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program that starts the command line, as it is checked in. */
class StarterTest {
    private static final Path SOURCE = Path.of(System.getProperty("cay.root"), "cli/src/main/starter");
    private static final Path JAVA = Path.of(System.getProperty("java.home"));

    @TempDir
    private Path folder;

    private record Outcome(int exit, String output, String errors) {}

    @ParameterizedTest
    @ValueSource(strings = {"starter-x86_64", "starter-aarch64"})
    void theBytesThatAreCheckedInAreThoseOfTheSource(String name) throws IOException, InterruptedException {
        assertThat(run(new ProcessBuilder("env", "JAVA_HOME=" + JAVA, SOURCE + "/build", folder.toString())))
                .isEqualTo(new Outcome(0, "", ""));

        assertThat(SOURCE.resolve(name))
                .as("renew it with cli/src/main/starter/build")
                .hasSameBinaryContentAs(folder.resolve(name));
    }

    @Test
    void argumentsOutputAndExitCodePassThroughWhateverTheLocaleAndTheLinkIs() throws IOException, InterruptedException {
        install(JAVA.resolve("lib/server/libjvm.so").toString());
        Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("cay"));

        Outcome outcome = run(new ProcessBuilder(
                "env",
                "-i",
                "PATH=/usr/bin:/bin",
                link.toString(),
                "run",
                "--",
                "sh",
                "-c",
                "printf '<%s>' \"$@\"; echo to errors >&2; exit 7",
                "sh",
                "",
                "two words",
                "grüße €",
                "𝄞"));

        assertThat(outcome).isEqualTo(new Outcome(7, "<><two words><grüße €><𝄞>", "to errors\n"));
    }

    /** Else the next file that is opened would be the command's input. */
    @Test
    void aStreamThatTheCallerHasClosedIsNoFileOfTheMachine() throws IOException, InterruptedException {
        install(JAVA.resolve("lib/server/libjvm.so").toString());
        String cay = folder.resolve("cay").toString();
        assertThat(run(new ProcessBuilder("sh", "-c", "exec \"$0\" run -- cat <&-", cay)))
                .isEqualTo(new Outcome(0, "", ""));
        Outcome lost = run(new ProcessBuilder("sh", "-c", "exec \"$0\" run -- echo lost >&-", cay));
        assertThat(lost.exit()).isEqualTo(125);
        assertThat(lost.errors()).contains("cannot write to standard output");
    }

    @Test
    void whatIsMissingIsNamed() throws IOException, InterruptedException {
        Files.copy(SOURCE.resolve("starter-" + Architecture.current().text()), folder.resolve("cay"));
        Outcome without = run(new ProcessBuilder(folder.resolve("cay").toString(), "version"));
        assertThat(without.exit()).isEqualTo(125);
        assertThat(without.errors())
                .contains(folder + "/options: No such file")
                .contains("hint: unpack the distribution again");

        Files.delete(folder.resolve("cay"));
        install("server/libjvm.so");
        Outcome machine = run(new ProcessBuilder(folder.resolve("cay").toString(), "version"));
        assertThat(machine.exit()).isEqualTo(125);
        assertThat(machine.errors()).contains(folder + "/server/libjvm.so").contains("cannot be loaded");
    }

    /** Puts the program into the folder, and beside it what it reads. */
    private void install(String machine) throws IOException {
        Files.copy(SOURCE.resolve("starter-" + Architecture.current().text()), folder.resolve("cay"));
        Files.copy(OtherProcess.NATIVE_METHODS, folder.resolve("native-methods.so"));
        String modules = EngineModules.places("dev.cay.cli", "dev.cay.engine").stream()
                .map(Path::toString)
                .collect(Collectors.joining(":"));
        Files.write(
                folder.resolve("options"),
                List.of(
                        machine,
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx96m",
                        "-Xlog:disable",
                        "--enable-native-access=dev.cay.linux",
                        "--module-path=" + modules));
    }

    private static Outcome run(ProcessBuilder builder) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("errors", "");
        try {
            Process process = builder.redirectError(errors.toFile()).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output, Files.readString(errors));
        } finally {
            Files.delete(errors);
        }
    }
}
