package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** However the process of an engine ends, its sandboxes end with it, and in the end nothing of them is left. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ProcessDeathTest {
    @Test
    void n3KilledWithItsProcessAndSweptByTheNextEngine() throws Exception {
        Process child = start();
        child.destroyForcibly().waitFor();
        closeStreams(child);
        gone();
        // What is left are empty groups and files in /run/cay; the next engine removes them.
        try (Sandboxes next = Sandboxes.local()) {
            assertThat(next.run(SandboxSpec.host().build(), dev.cay.ExecSpec.of("true"))
                            .exit()
                            .success())
                    .isTrue();
        }
    }

    @Test
    void aPoliteEndLeavesNothing() throws Exception {
        Process child = start();
        child.destroy(); // SIGTERM: the shutdown hook closes the engine
        assertThat(child.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).isEqualTo(143);
        closeStreams(child);
        gone();
    }

    private static void gone() {
        for (int attempt = 0; attempt < 500 && running() > 0; attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
        }
        assertThat(running()).isZero();
    }

    private static long running() {
        return Lab.onHost("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
                        .split("sleep 7777", -1)
                        .length
                - 1L;
    }

    private static void closeStreams(Process process) throws IOException {
        process.getInputStream().close();
        process.getOutputStream().close();
        process.getErrorStream().close();
    }

    /** This JVM's Java, modules and test classes, in another JVM. */
    private static Process start() throws Exception {
        String modules = EngineModules.places().stream().map(Path::toString).collect(Collectors.joining(":"));
        Path classes =
                Path.of(ChildEngine.class.getResource("ChildEngine.class").toURI());
        for (int level = 0; level < 4; level++) {
            classes = classes.getParent();
        }
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "-p",
                modules,
                "--add-modules",
                "dev.cay.engine",
                "--enable-native-access=dev.cay.linux",
                "-cp",
                classes.toString(),
                ChildEngine.class.getName()));
        Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
        assertThat(Lab.line(child.getInputStream())).isEqualTo("running 3");
        return child;
    }
}
