package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.VmmKind;
import dev.cay.Writable;
import dev.cay.linux.Architecture;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What of a specification a microVM does not have. */
final class SpecCheck {
    /** An emulated boot takes seconds of a processor's time, and is waited for as many times longer. */
    private static final double MINIMUM_PROCESSOR = 0.1;

    /** See proc_cpuinfo(5): those that are online. What the JVM says depends on its own limits, which are not the VMM's. */
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private SpecCheck() {}

    /** @throws SandboxException.Unsupported says what, and what to do instead */
    static void check(SandboxSpec spec) {
        refuse(Architecture.current() != Architecture.X86_64, "microVMs run on x86-64 only", "use a container");
        refuse(
                !(spec.root() instanceof Root.Image),
                "a microVM is made of an image: its guest sees no directory of this machine",
                "name an image, or use a container");
        refuse(
                spec.network() instanceof Network.Host,
                "a microVM has a network stack of its own: it cannot be on the host's",
                "use --network bridge, or a container");
        refuse(
                spec.writable() instanceof Writable.Directory,
                "a microVM keeps no changes in a directory of this machine",
                "leave out --writable, or use a container");
        refuse(
                spec.lifetime().detached() && spec.vmm() != VmmKind.QEMU && spec.vmm() != VmmKind.QEMU_Q35,
                "a microVM of " + spec.vmm().text() + " ends with the process that made it",
                "leave out --detach, or use QEMU");
        processors(spec);
        refuse(!spec.userNamespace(), "a microVM has users of its own anyway", "leave out --no-userns");
        refuse(
                MicroVms.memory(spec).compareTo(MachineSpec.MINIMUM_MEMORY) < 0,
                "a microVM of " + MicroVms.memory(spec) + " does not come up",
                "give it " + MachineSpec.MINIMUM_MEMORY + " or more");
        Vmms.check(spec);
        if (FileRelay.isWanted() && spec.mounts().stream().anyMatch(Mount.Bind.class::isInstance)) {
            FileRelay.check(spec);
        }
    }

    private static void processors(SandboxSpec spec) {
        double wanted = spec.limits().cpus().orElse(1);
        refuse(
                wanted < MINIMUM_PROCESSOR,
                "a microVM of " + wanted + " processors does not come up in time",
                "give it " + MINIMUM_PROCESSOR + " or more, or use a container");
        processors(GuestSize.processors(spec));
    }

    /** Refuses more processors than a machine can have here: more than this one has would only wait for each other. */
    static void processors(int wanted) {
        if (wanted > 1) {
            int here = Math.min(MachineSpec.MAXIMUM_PROCESSORS, processorsHere());
            refuse(
                    wanted > here,
                    "a microVM of " + wanted + " processors: there " + (here == 1 ? "is one" : "are " + here)
                            + " for it on this machine",
                    "give it " + here + " or fewer");
        }
    }

    private static int processorsHere() {
        int count = 0;
        try {
            for (String line : Files.readAllLines(PROCESSORS)) {
                if (line.startsWith("processor")) {
                    count++;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return count;
    }

    static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }
}
