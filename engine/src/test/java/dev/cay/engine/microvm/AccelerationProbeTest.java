package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Finding;
import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class AccelerationProbeTest {
    @TempDir
    private Path directory;

    private Path device;
    private Path verdicts;
    private final FakeHome home = new FakeHome();
    private int booted;

    @BeforeEach
    void makeDevice() throws IOException {
        device = Files.createFile(directory.resolve("kvm"));
        verdicts = directory.resolve("acceleration");
    }

    private boolean works() throws IOException {
        AccelerationProbe probe = new AccelerationProbe(new QemuVmm(home), device, verdicts, Duration.ofMillis(50));
        return probe.works("key", () -> {
            booted++;
            return new MachineSpec(
                    Path.of("/k/vmlinux"),
                    Path.of("/k/initramfs"),
                    Size.mib(128),
                    1,
                    new Acceleration.Kvm(),
                    List.of());
        });
    }

    private Finding finding() throws IOException {
        return MachineDiagnosis.of(Path.of("/bin/sh"), directory, device, verdicts)
                .getLast();
    }

    @Test
    void withoutTheDeviceNothingIsTried() throws IOException {
        Files.delete(device);

        assertThat(works()).isFalse();
        assertThat(booted).isZero();
        assertThat(finding().detail()).contains("there is no " + device);
    }

    /** The device is there and opens, the guest never says a word. */
    @Test
    void aGuestThatIsSilentIsTriedOnce() throws IOException {
        assertThat(finding().detail()).contains("is tried with the first microVM");

        assertThat(works()).isFalse();
        assertThat(works()).isFalse();

        assertThat(booted).isEqualTo(1);
        assertThat(home.needs.kvm()).isTrue();
        assertThat(home.commandLine).containsSequence("-accel", "kvm", "-cpu", "host");
        assertThat(home.closed).isTrue();
        assertThat(finding().verdict()).isEqualTo(Finding.Verdict.LIMITED);
        assertThat(finding().detail()).contains("no guest boots with " + device);
    }

    @Test
    void whatIsKnownToWorkIsNotTriedAgain() throws IOException {
        Files.createDirectory(verdicts);
        Files.createFile(verdicts.resolve("key"));

        assertThat(works()).isTrue();
        assertThat(booted).isZero();
        assertThat(AccelerationProbe.found(verdicts)).isEqualTo(Optional.of(""));
        assertThat(finding().verdict()).isEqualTo(Finding.Verdict.GOOD);
    }
}
