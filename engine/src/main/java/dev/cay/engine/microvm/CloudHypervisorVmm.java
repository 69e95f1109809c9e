package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.json.JsonReader;
import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.microvm.ApiClient.Call;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Cloud Hypervisor. Its API is described by {@code vmm/src/api/openapi/cloud-hypervisor.yaml} of its sources; in
 * {@code vmm/src/api/http/http_endpoint.rs} it says how a network card is passed. Its guests have PCI, and ACPI to find it by.
 *
 * <p>Nobody here has seen it run a machine: what is known of this is what its sources say, and that a server that does as they say is
 * satisfied.
 *
 * @param program cloud-hypervisor
 */
public record CloudHypervisorVmm(Home home, Path program) implements Vmm {
    static final String NAME = "cloud-hypervisor";

    /** What it needs besides the guest's memory. */
    private static final Size OVERHEAD = Size.mib(96);

    private static final String BOOT = "console=ttyS0 quiet panic=-1";
    private static final String ROOT = "/api/v1/";

    private static final ApiMachine.Manner MANNER = new ApiMachine.Manner() {
        @Override
        public String name() {
            return "Cloud Hypervisor";
        }

        @Override
        public Call pause() {
            return Call.put(ROOT + "vm.pause");
        }

        @Override
        public Call resume() {
            return Call.put(ROOT + "vm.resume");
        }

        @Override
        public Optional<Call> quit() {
            return Optional.of(Call.put(ROOT + "vmm.shutdown"));
        }

        /** An array of messages, each the cause of the one before it; older versions answer with a text. */
        @Override
        public String fault(String body) {
            try {
                JsonReader in = new JsonReader(body, "Cloud Hypervisor's answer", "");
                return String.join(": ", in.documents(() -> in.text("a message")));
            } catch (SandboxException e) {
                return body;
            }
        }

        @Override
        public MachineEnd guestsEnd() {
            return new MachineEnd.PoweredOff();
        }
    };

    @Override
    public Machine start(MachineSpec spec, Origin origin) throws IOException {
        Vmm.refuse(!(origin instanceof Origin.Boot), "Cloud Hypervisor has no templates here", "use QEMU");
        Vmm.refuse(
                !(spec.acceleration() instanceof Acceleration.Kvm),
                "Cloud Hypervisor runs guests by KVM only",
                "use QEMU, which emulates");
        Vmm.refuse(
                !spec.acpi(),
                "Cloud Hypervisor's guests find their devices by ACPI, which this kernel does not know",
                "prefer another kernel, or use QEMU");
        Vmm.refuse(
                spec.files().isPresent(),
                "Cloud Hypervisor's guests see no files of this machine yet",
                "copy them, or use QEMU");
        spec.requireFiles();
        List<String> command = List.of(
                program.toString(), "--api-socket", "path=" + ApiMachine.API, "--event-monitor", "fd=" + Home.FURTHER);
        Home.Needs needs = Home.Needs.of(spec, true, OVERHEAD);
        try {
            return ApiMachine.start(MANNER, home, command, needs, true, machine -> {
                machine.call(Call.put(ROOT + "vm.create", configuration(spec, machine)));
                if (spec.card().isPresent()) {
                    MachineSpec.NetworkCard card = spec.card().get();
                    machine.call(Call.put(ROOT + "vm.add-net", card(card)), List.of(card.device()));
                }
                machine.call(Call.put(ROOT + "vm.boot"));
            });
        } finally { // it has its own by now, or never will
            spec.card().ifPresent(card -> card.device().close());
        }
    }

    private static String configuration(MachineSpec spec, ApiMachine machine) {
        return JsonWriter.object(out -> out.object(
                        "cpus",
                        cpus -> cpus.field("boot_vcpus", spec.processors()).field("max_vcpus", spec.processors()))
                .object("memory", memory -> memory.field("size", spec.memory().bytes()))
                .object(
                        "payload",
                        payload -> payload.field("kernel", machine.seen(spec.kernel()))
                                .field("initramfs", machine.seen(spec.initramfs()))
                                .field("cmdline", BOOT))
                .objects("disks", spec.disks(), (form, disk) -> disk(spec, disk, form, machine))
                .object("rng", random -> random.field("src", "/dev/urandom"))
                .object("serial", serial -> serial.field("mode", "Tty"))
                .object("console", console -> console.field("mode", "Off"))
                .object("vsock", vsock -> vsock.field("cid", ApiMachine.CONTEXT).field("socket", ApiMachine.VSOCK)));
    }

    /** If it is not said that a file is a disk byte for byte, its content decides, which is the guest's. */
    private static void disk(MachineSpec spec, Disk disk, JsonWriter out, ApiMachine machine) {
        out.field("id", disk.serial())
                .field("path", machine.seen(disk.file()))
                .field("readonly", disk.readOnly())
                .field("serial", disk.serial())
                .field("image_type", "Raw")
                .field("direct", spec.isWrittenDirectly(disk));
    }

    private static String card(MachineSpec.NetworkCard card) {
        return JsonWriter.object(
                out -> out.field("id", "network").field("mac", card.station().toString()));
    }

    @Override
    public Set<Ability> abilities() {
        return Set.of(Ability.VSOCK, Ability.POWER_OFF);
    }

    @Override
    public String identity() throws IOException {
        return Program.identity(program);
    }
}
