package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Finding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineDiagnosisTest {
    @TempDir
    private Path directory;

    private List<Finding> findings(Path program) throws IOException {
        return MachineDiagnosis.of(
                program, directory.resolve("kernels"), directory.resolve("kvm"), directory.resolve("verdicts"));
    }

    /** A program that has these machines. */
    private Path qemu(String machines) throws IOException {
        Path program = directory.resolve("qemu");
        String script = "#!/bin/sh\n[ \"$*\" = '-machine help' ] && printf '" + machines + "'\n";
        Files.writeString(program, script);
        return Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void aQemuIsAskedForItsMachines() throws IOException {
        String first = "Supported machines are:\\nmicrovm              microvm (i386)\\n";
        assertThat(findings(qemu(first + "q35   Standard PC\\n")).getFirst().verdict())
                .isEqualTo(Finding.Verdict.GOOD);
        Finding without =
                findings(qemu("Supported machines are:\\nq35   Standard PC\\n")).getFirst();
        assertThat(without.verdict()).isEqualTo(Finding.Verdict.LIMITED);
        assertThat(without.detail()).endsWith("has no machine microvm");
        assertThat(without.fix()).contains("--vmm qemu-q35");
        assertThat(findings(directory.resolve("none")).getFirst().fix()).contains("apt-get install");
    }

    @Test
    void theOtherVmmsAreNamedWhetherTheyAreHereOrNot() throws IOException {
        assertThat(findings(directory.resolve("none")))
                .extracting(Finding::subject)
                .containsExactly(
                        "microvm vmm",
                        "microvm firecracker",
                        "microvm cloud-hypervisor",
                        "microvm kernel",
                        "microvm files",
                        "microvm acceleration");
        assertThat(findings(directory.resolve("none")).get(1).detail()).contains("--vmm firecracker");
    }
}
