package dev.cay.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs that tests run. One that is missing is a failure: a test that skips itself tests nothing. */
final class Tools {
    private static final long TIMEOUT_SECONDS = 60;

    private Tools() {}

    /** How a program ended and what it printed. */
    record Outcome(int exit, byte[] output, String errors) {
        String text() {
            return new String(output, java.nio.charset.StandardCharsets.ISO_8859_1);
        }
    }

    /** The sources of the machine code. */
    static Path assembly() {
        return Path.of(System.getProperty("cay.root", ".."), "linux/src/main/asm");
    }

    /** Runs a program that is expected to succeed: what it printed. */
    static String run(Path directory, String... command) {
        Outcome outcome = outcome(directory, command);
        if (outcome.exit() != 0) {
            throw new AssertionError(Arrays.toString(command) + " ended with " + outcome.exit()
                    + ": is anything missing? Run ./dev setup\n" + outcome.errors());
        }
        return outcome.text();
    }

    static Outcome outcome(Path directory, String... command) {
        try {
            Path errors = Files.createTempFile(directory, "errors", "");
            Process process = start(directory, errors, command);
            byte[] output = process.getInputStream().readAllBytes();
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(Arrays.toString(command) + " does not end");
            }
            return new Outcome(process.exitValue(), output, Files.readString(errors));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    static Process start(Path directory, Path errors, String... command) {
        try {
            return new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectError(errors.toFile())
                    .start();
        } catch (IOException e) {
            throw new AssertionError(command[0] + " cannot be run: run ./dev setup", e);
        }
    }

    /** The command line of a JVM with these classes that runs a class's main method. */
    static List<String> java(Class<?> main, String... options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-Xmx64m", "-Xshare:auto", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classes() + ":" + folder(Tools.class), main.getName()));
        return command;
    }

    /** Where the class files of the module are. */
    static Path classes() {
        return folder(HostKernel.class);
    }

    /** Where the class files of a class's module or test folder are. */
    private static Path folder(Class<?> type) {
        String name = type.getName().replace('.', '/') + ".class";
        String file = URI.create(String.valueOf(type.getResource("/" + name))).getPath();
        return Path.of(file.substring(0, file.length() - name.length()));
    }
}
