package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.json.JsonReader;
import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.microvm.ApiClient.Call;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Firecracker, from 1.8 on, as Debian's kernels find their devices by ACPI alone. Its API is described by
 * {@code src/firecracker/swagger/firecracker.yaml} of its sources, its vsock by {@code docs/vsock.md}.
 *
 * <p>It knows no power-off: a guest ends by restarting, and Firecracker with it. Nobody here has seen it run a machine: what is known of this is
 * what its sources say, and that a server that does as they say is satisfied.
 *
 * @param program firecracker
 */
public record FirecrackerVmm(Home home, Path program) implements Vmm {
    static final String NAME = "firecracker";

    /** What it needs besides the guest's memory: it says itself that it is 5 MiB. */
    private static final Size OVERHEAD = Size.mib(64);

    /** There are interrupts for 19 devices; one is the vsock's, one that of randomness. */
    static final int MAXIMUM_DISKS = 16;

    static final int MAXIMUM_PROCESSORS = 32;

    /** What its block devices say as their serial is as long as virtio has it. */
    private static final int SERIAL_SIZE = 20;

    /** It has no PCI, of what a keyboard's controller does but the restart, and no other serial line. */
    private static final String BOOT =
            "console=ttyS0 quiet panic=-1 reboot=k pci=off i8042.noaux i8042.nomux i8042.dumbkbd";

    private static final ApiMachine.Manner MANNER = new ApiMachine.Manner() {
        @Override
        public String name() {
            return "Firecracker";
        }

        @Override
        public Call pause() {
            return new Call("PATCH", "/vm", Optional.of(JsonWriter.object(out -> out.field("state", "Paused"))));
        }

        @Override
        public Call resume() {
            return new Call("PATCH", "/vm", Optional.of(JsonWriter.object(out -> out.field("state", "Resumed"))));
        }

        @Override
        public Optional<Call> quit() {
            return Optional.empty();
        }

        @Override
        public String fault(String body) {
            List<String> messages = new ArrayList<>();
            try {
                JsonReader in = new JsonReader(body, "Firecracker's answer", "");
                in.document(field -> {
                    if (field.equals("fault_message")) {
                        messages.add(in.text(field));
                    } else {
                        in.skip();
                    }
                });
            } catch (SandboxException e) {
                return body;
            }
            return String.join("; ", messages);
        }

        @Override
        public MachineEnd guestsEnd() {
            return new MachineEnd.Reset();
        }
    };

    @Override
    public Machine start(MachineSpec spec, Origin origin) throws IOException {
        check(spec, origin);
        List<String> command =
                List.of(program.toString(), "--api-sock", ApiMachine.API, "--id", "cay", "--level", "Error");
        return ApiMachine.start(MANNER, home, command, Home.Needs.of(spec, true, OVERHEAD), false, machine -> {
            for (Call call : calls(spec, machine)) {
                machine.call(call);
            }
        });
    }

    private void check(MachineSpec spec, Origin origin) throws IOException {
        Vmm.refuse(!(origin instanceof Origin.Boot), "Firecracker has no templates here", "use QEMU");
        Vmm.refuse(
                !(spec.acceleration() instanceof Acceleration.Kvm),
                "Firecracker runs guests by KVM only",
                "use QEMU, which emulates");
        Vmm.refuse(
                spec.card().isPresent(),
                "Firecracker takes a network card by its name in its own network only, not as a descriptor",
                "leave out the network, or use another VMM");
        Vmm.refuse(
                spec.files().isPresent(),
                "Firecracker's guests see no files of this machine",
                "copy them, or use QEMU");
        Vmm.refuse(
                spec.disks().size() > MAXIMUM_DISKS,
                spec.disks().size() + " disks: Firecracker has " + MAXIMUM_DISKS,
                "make the image's layers fewer, or use QEMU");
        Vmm.refuse(
                spec.processors() > MAXIMUM_PROCESSORS,
                spec.processors() + " processors: Firecracker has " + MAXIMUM_PROCESSORS,
                "choose fewer");
        spec.requireFiles();
        serials(spec.disks());
    }

    private static List<Call> calls(MachineSpec spec, ApiMachine machine) {
        List<Call> calls = new ArrayList<>();
        calls.add(put(
                "/machine-config",
                out -> out.field("vcpu_count", spec.processors())
                        .field("mem_size_mib", spec.memory().bytes() >> 20)));
        calls.add(put(
                "/boot-source",
                out -> out.field("kernel_image_path", machine.seen(spec.kernel()))
                        .field("initrd_path", machine.seen(spec.initramfs()))
                        .field("boot_args", BOOT)));
        for (Disk disk : spec.disks()) {
            calls.add(put(
                    "/drives/" + disk.serial(),
                    out -> out.field("drive_id", disk.serial())
                            .field("path_on_host", machine.seen(disk.file()))
                            .field("is_root_device", false)
                            .field("is_read_only", disk.readOnly())
                            .field("cache_type", "Writeback"))); // else what a guest has synchronised may be lost
        }
        calls.add(
                put("/vsock", out -> out.field("guest_cid", ApiMachine.CONTEXT).field("uds_path", ApiMachine.VSOCK)));
        calls.add(put("/entropy", _ -> {}));
        calls.add(put("/actions", out -> out.field("action_type", "InstanceStart")));
        return calls;
    }

    private static Call put(String path, Consumer<JsonWriter> fields) {
        return Call.put(path, JsonWriter.object(fields));
    }

    /**
     * What the guest sees as the serials of its disks, by those that they were given: Firecracker makes them of the file's device, the
     * device that it is, and its inode, as kvmtool does ({@code build_device_id} of its sources).
     */
    @Override
    public Map<String, String> serials(List<Disk> disks) throws IOException {
        Map<String, String> serials = new HashMap<>();
        Map<String, Path> files = new HashMap<>();
        for (Disk disk : disks) {
            Map<String, Object> file = Files.readAttributes(disk.file(), "unix:dev,rdev,ino");
            String whole = Long.toUnsignedString(((Number) file.get("dev")).longValue())
                    + Long.toUnsignedString(((Number) file.get("rdev")).longValue())
                    + Long.toUnsignedString(((Number) file.get("ino")).longValue());
            String serial = whole.substring(0, Math.min(SERIAL_SIZE, whole.length()));
            Path other = files.putIfAbsent(serial, disk.file());
            // The same layer twice is the same disk twice: whichever is found is the right one.
            if (other != null && !Files.isSameFile(other, disk.file())) {
                throw new IOException(
                        "Firecracker would call the disks " + other + " and " + disk.file() + " the same");
            }
            serials.put(disk.serial(), serial);
        }
        return serials;
    }

    @Override
    public Set<Ability> abilities() {
        return Set.of(Ability.VSOCK);
    }

    @Override
    public int maximumDisks(boolean acpi, boolean files) {
        return MAXIMUM_DISKS;
    }

    @Override
    public String identity() throws IOException {
        return Program.identity(program);
    }
}
