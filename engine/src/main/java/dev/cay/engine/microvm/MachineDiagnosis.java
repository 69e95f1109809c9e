package dev.cay.engine.microvm;

import dev.cay.Finding;
import dev.cay.Finding.Verdict;
import dev.cay.engine.kernels.KernelStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What this machine has, or lacks, of what microVMs need. It changes nothing. */
public final class MachineDiagnosis {
    /** The name of the directory in which it is kept how guests can be run. */
    public static final String ACCELERATION = "acceleration";

    private MachineDiagnosis() {}

    /**
     * @param kernels where the kernels are, if there are any
     * @param verdicts where it is kept how guests can be run
     */
    public static List<Finding> of(Path kernels, Path verdicts) throws IOException {
        return of(Path.of(QemuCommand.PROGRAM), kernels, AccelerationProbe.KVM, verdicts);
    }

    static List<Finding> of(Path program, Path kernels, Path device, Path verdicts) throws IOException {
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
                acceleration(device, verdicts));
    }

    private static Finding acceleration(Path device, Path verdicts) throws IOException {
        String emulated = "microVMs are emulated: they start in seconds and compute several times slower";
        if (!AccelerationProbe.isOpen(device)) {
            return finding(Verdict.LIMITED, emulated + "; there is no " + device + " to be opened", "turn on KVM");
        }
        Optional<String> found = AccelerationProbe.found(verdicts);
        if (found.isEmpty()) {
            return finding(
                    Verdict.LIMITED,
                    device + " is there; whether a guest boots with it is tried with the first microVM",
                    "make one");
        }
        return found.get().isEmpty()
                ? finding(Verdict.GOOD, "KVM: a guest has booted with it", "")
                : finding(Verdict.LIMITED, emulated + "; no guest boots with " + device + ": " + found.get(), "");
    }

    private static Finding finding(Verdict verdict, String text, String fix) {
        return new Finding("microvm acceleration", verdict, text, fix);
    }
}
