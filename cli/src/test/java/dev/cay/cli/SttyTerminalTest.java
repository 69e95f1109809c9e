package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** With a stty(1) of ours, which notes what it is asked to do. */
@Timeout(20)
class SttyTerminalTest {
    @TempDir
    private Path folder;

    private Path log;

    @BeforeEach
    void makeStty() throws IOException {
        log = folder.resolve("log");
        stty("""
            #!/bin/sh
            echo "$*" >> "%1$s/log"
            case $1 in
            -g) echo saved:modes ;;
            size) cat "%1$s/size" ;;
            esac
            """.formatted(folder));
        Files.writeString(folder.resolve("size"), "30 100\n");
    }

    private void stty(String script) throws IOException {
        Path stty = Files.writeString(folder.resolve("stty"), script);
        Files.setPosixFilePermissions(stty, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private SttyTerminal start() {
        return SttyTerminal.start("/bin/sh", List.of(folder.toString()));
    }

    @Test
    void savesMakesRawAndRestores() throws IOException {
        SttyTerminal terminal = start();

        assertThat(terminal.size()).isEqualTo(new TerminalSize(100, 30));
        assertThat(log).content().isEqualTo("-g\nraw -echo\nsize\n");
        terminal.close();
        assertThat(log).content().isEqualTo("-g\nraw -echo\nsize\nsaved:modes\n");
        terminal.close();
        assertThat(log).content().endsWith("size\nsaved:modes\n");
    }

    @Test
    void hearsOfNewSizes() throws IOException, InterruptedException {
        BlockingQueue<TerminalSize> sizes = new LinkedBlockingQueue<>();
        try (SttyTerminal terminal = start()) {
            terminal.follow(sizes::add);
            assertThat(sizes.take()).isEqualTo(new TerminalSize(100, 30));

            Files.writeString(folder.resolve("size"), "31 101\n");
            long shell = ProcessHandle.current()
                    .children()
                    .filter(child -> child.info().commandLine().orElse("").contains("stty -g"))
                    .findFirst()
                    .orElseThrow()
                    .pid();
            assertThat(new ProcessBuilder("kill", "-WINCH", Long.toString(shell))
                            .start()
                            .waitFor())
                    .isZero();
            assertThat(sizes.poll(10, TimeUnit.SECONDS)).isEqualTo(new TerminalSize(101, 31));
            assertThat(terminal.size()).isEqualTo(new TerminalSize(101, 31));
        }
        assertThat(log).content().endsWith("saved:modes\n");
    }

    @Test
    void saysThatThereIsNoTerminal() throws IOException {
        stty("#!/bin/sh\nexit 1\n");

        assertThatThrownBy(this::start)
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessage("the terminal cannot be made raw: stty has failed");
    }

    @Test
    void restoresWhatCouldOnlyHalfBeDone() throws IOException {
        stty("""
            #!/bin/sh
            echo "$*" >> "%1$s/log"
            case $1 in
            -g) echo saved:modes ;;
            size) exit 1 ;;
            esac
            """.formatted(folder));

        assertThatThrownBy(this::start).isInstanceOf(SandboxException.HostFailed.class);
        assertThat(log).content().endsWith("size\nsaved:modes\n");
    }

    @ParameterizedTest
    @CsvSource({"30 100,100,30", "0 0,80,24", "'',80,24", "x,80,24", "1 x,80,24", "70000 1,80,24", "1 65535,65535,1"})
    void readsSizes(String line, int columns, int rows) {
        assertThat(SttyTerminal.parse(line)).isEqualTo(new TerminalSize(columns, rows));
    }

    @Test
    void tellsTerminalsFromOtherDevices() {
        assertThat(ProcessTerminal.isTerminalDevice(136 << 8 | 3)).isTrue();
        assertThat(ProcessTerminal.isTerminalDevice(4 << 8 | 64)).isTrue();
        assertThat(ProcessTerminal.isTerminalDevice(5 << 8)).isTrue();
        assertThat(ProcessTerminal.isTerminalDevice(5 << 8 | 2)).isFalse();
        assertThat(ProcessTerminal.isTerminalDevice(1 << 8 | 3)).isFalse();
        assertThat(new ProcessTerminal().isTerminal(99)).isFalse();
    }
}
