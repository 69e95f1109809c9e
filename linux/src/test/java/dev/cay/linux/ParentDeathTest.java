package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A JVM that is killed takes along what was to die with it. */
class ParentDeathTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @Timeout(30)
    void theChildDiesWithUs(boolean inThread) throws IOException, InterruptedException {
        List<String> command = Tools.java(Bereaved.class);
        command.add(Boolean.toString(inThread));
        Process parent = Tools.start(directory, directory.resolve("errors"), command.toArray(String[]::new));
        try (BufferedReader output = parent.inputReader()) {
            String pid = output.readLine();
            assertThat(pid).as(Files.readString(directory.resolve("errors"))).matches("\\d+");
            assertThat(lives(pid)).isTrue();

            parent.destroyForcibly().waitFor();

            while (lives(pid)) {
                Thread.sleep(1);
            }
        } finally {
            parent.destroyForcibly().waitFor();
        }
    }

    /** A zombie does not; nor does a number that has been taken by another program. */
    private static boolean lives(String pid) throws IOException {
        try {
            String stat = Files.readString(Path.of("/proc", pid, "stat"));
            return stat.contains("(sleep)") && !stat.contains(") Z ")
                    || stat.contains("(sh)") && !stat.contains(") Z ");
        } catch (NoSuchFileException e) {
            return false;
        }
    }
}
