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
        Optional<String> kernel = KernelStore.preferred(kernels);
        return List.of(
                qemu(program),
                other(FirecrackerVmm.NAME, "by KVM only; no network, no files of this machine, no templates"),
                other(CloudHypervisorVmm.NAME, "by KVM only; no files of this machine, no templates"),
                new Finding(
                        "microvm kernel",
                        kernel.isPresent() ? Verdict.GOOD : Verdict.LIMITED,
                        kernel.orElse("no kernel that a microVM could boot is known here"),
                        kernel.isPresent() ? "" : "cay kernel add, see 'cay help kernel'"),
                FileServer.finding(),
                acceleration(device, verdicts));
    }

    private static Finding qemu(Path program) {
        if (!Files.isExecutable(program)) {
            return new Finding(
                    "microvm vmm",
                    Verdict.LIMITED,
                    "there is no " + program + ", so no microVMs but with --vmm",
                    "apt-get install --no-install-recommends qemu-system-x86");
        }
        return hasMicrovm(program)
                ? new Finding("microvm vmm", Verdict.GOOD, program.toString(), "")
                : new Finding(
                        "microvm vmm",
                        Verdict.LIMITED,
                        program + " has no machine " + QemuType.MICROVM.text(),
                        "use --vmm qemu-q35, which has no templates and boots more slowly");
    }

    /** Of all that distributions leave out this is told by the program only. */
    private static boolean hasMicrovm(Path program) {
        try {
            Process asked = new ProcessBuilder(program.toString(), "-machine", "help")
                    .redirectErrorStream(true)
                    .start();
            asked.getOutputStream().close();
            try (var lines = asked.inputReader().lines()) {
                return lines.anyMatch(line -> line.startsWith(QemuType.MICROVM.text() + " "));
            } finally {
                asked.destroyForcibly();
            }
        } catch (IOException e) {
            return false;
        }
    }

    /** Nobody has to have it. */
    private static Finding other(String name, String lacks) {
        Optional<Path> program = Program.find(name);
        return new Finding(
                "microvm " + name,
                Verdict.GOOD,
                program.isPresent()
                        ? program.get() + ", for --vmm " + name + ": " + lacks
                        : "not here; only --vmm " + name + " needs it",
                "");
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
