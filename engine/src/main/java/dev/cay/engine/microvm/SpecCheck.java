package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.VmmKind;
import dev.cay.Writable;
import dev.cay.linux.Architecture;

/** What of a specification a microVM does not have. */
final class SpecCheck {
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
        refuse(!spec.limits().io().isNone(), "a microVM has no limits of io yet", "leave out --io");
        refuse(
                spec.limits().cpus().isPresent() || spec.limits().cpuWeight().isPresent(),
                "a microVM has one processor, all of it",
                "leave out --cpus and --cpu-weight, or use a container");
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

    static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }
}
