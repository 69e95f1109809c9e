package dev.cay.engine.microvm;

import dev.cay.Finding;
import dev.cay.Finding.Verdict;
import dev.cay.engine.kernels.KernelStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What this machine has, or lacks, of what microVMs need. It changes nothing. */
public final class MachineDiagnosis {
    private MachineDiagnosis() {}

    /** @param kernels where the kernels are, if there are any */
    public static List<Finding> of(Path kernels) {
        return of(Path.of(QemuCommand.PROGRAM), kernels);
    }

    static List<Finding> of(Path program, Path kernels) {
        boolean there = Files.isExecutable(program);
        Optional<String> kernel = KernelStore.preferred(kernels);
        return List.of(
                new Finding(
                        "microvm vmm",
                        there ? Verdict.GOOD : Verdict.LIMITED,
                        there ? program.toString() : "there is no " + program + ", so no microVMs",
                        there ? "" : "apt-get install --no-install-recommends qemu-system-x86"),
                new Finding(
                        "microvm kernel",
                        kernel.isPresent() ? Verdict.GOOD : Verdict.LIMITED,
                        kernel.orElse("no kernel that a microVM could boot is known here"),
                        kernel.isPresent() ? "" : "cay kernel add, see 'cay help kernel'"),
                new Finding(
                        "microvm acceleration",
                        Verdict.LIMITED,
                        "microVMs are emulated: they start in seconds and compute several times slower",
                        ""));
    }
}
