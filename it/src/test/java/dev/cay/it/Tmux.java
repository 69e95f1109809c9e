package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A terminal of tmux(1) with a shell in it, in which {@code cay} is the command line of this build. */
final class Tmux implements AutoCloseable {
    private static final long PATIENCE_NANOSECONDS = 40_000_000_000L;
    private static final String PROMPT = "outer> ";

    private final Path directory;
    private int marks;

    Tmux(Path directory) {
        this.directory = directory;
        Lab.need("tmux");
        try {
            Path cay = directory.resolve("cay");
            Files.writeString(cay, "#!/bin/sh\nexec " + java() + " \"$@\"\n");
            Files.setPosixFilePermissions(cay, PosixFilePermissions.fromString("rwxr-xr-x"));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        tmux(
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                "80",
                "-y",
                "24",
                "env",
                "PATH=" + directory + ":" + System.getenv("PATH"),
                "PS1=" + PROMPT,
                "HISTFILE=",
                "bash",
                "--norc",
                "--noprofile");
        await("the prompt", screen -> screen.startsWith(PROMPT.strip()));
    }

    private static String java() {
        String modules = EngineModules.places("dev.cay.cli", "dev.cay.engine").stream()
                .map(Path::toString)
                .collect(Collectors.joining(":"));
        return String.join(
                " ",
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx96m --enable-native-access=dev.cay.linux",
                "-p",
                modules,
                "--add-modules dev.cay.engine -m dev.cay.cli/dev.cay.cli.Main");
    }

    private String tmux(String... arguments) {
        List<String> command =
                new ArrayList<>(List.of("tmux", "-S", directory.resolve("tmux").toString()));
        command.addAll(List.of(arguments));
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).as("%s: %s", command, said).isZero();
            return said;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Types text as it is. */
    Tmux type(String text) {
        tmux("send-keys", "-l", text);
        return this;
    }

    /** Presses keys that have names, such as {@code Enter} or {@code C-c}. */
    Tmux press(String... keys) {
        List<String> arguments = new ArrayList<>(List.of("send-keys"));
        arguments.addAll(List.of(keys));
        tmux(arguments.toArray(String[]::new));
        return this;
    }

    /** Types a line. */
    Tmux line(String text) {
        return type(text).press("Enter");
    }

    /** What is to be seen now, without blanks at the ends of lines. */
    String screen() {
        return tmux("capture-pane", "-p");
    }

    /** Waits until it can be seen. */
    Tmux await(String what, Predicate<String> condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        String screen = screen();
        while (!condition.test(screen)) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError(what + " is not to be seen:\n" + screen);
            }
            LockSupport.parkNanos(20_000_000);
            screen = screen();
        }
        return this;
    }

    /** Waits for a line that consists of this. */
    Tmux see(String line) {
        return await(
                "'" + line + "'",
                screen -> screen.lines().anyMatch(seen -> seen.strip().equals(line)));
    }

    /** Runs a line in the shell that is there, whichever that is, and waits until its end can be seen. */
    Tmux run(String line) {
        marks++;
        return line(line + "; echo end-$((" + marks + "))-$?")
                .await(
                        "the end of " + line,
                        screen -> screen.lines().anyMatch(seen -> seen.startsWith("end-" + marks + "-")));
    }

    void resize(int columns, int rows) {
        tmux("resize-window", "-x", Integer.toString(columns), "-y", Integer.toString(rows));
    }

    void clear() {
        press("C-l");
    }

    @Override
    public void close() {
        tmux("kill-server");
    }
}
