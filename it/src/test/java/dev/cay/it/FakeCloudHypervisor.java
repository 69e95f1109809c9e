package dev.cay.it;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Does as Cloud Hypervisor's API server: {@code vmm/src/api/openapi/cloud-hypervisor.yaml} and {@code vmm/src/api/http} of its sources
 * say how, and {@code event_monitor/src/lib.rs}.
 */
@SuppressWarnings("restricted")
final class FakeCloudHypervisor extends FakeVmm {
    private static final String ROOT = "/api/v1/";
    private static final String API = "Error from API";

    private Optional<Map<String, Object>> configuration = Optional.empty();

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 4
                || !arguments[0].equals("--api-socket")
                || !arguments[1].startsWith("path=")
                || !arguments[2].equals("--event-monitor")
                || !arguments[3].equals("fd=3")) {
            System.err.println("error: unexpected argument found: " + List.of(arguments));
            System.exit(2);
        }
        new FakeCloudHypervisor().serve(arguments[1].substring("path=".length()));
    }

    @Override
    String server() {
        return "Cloud Hypervisor API";
    }

    @Override
    String fault(Refusal refusal) {
        return refusal.messages().stream()
                .map(message -> "\"" + message.replace("\"", "\\\"") + "\"")
                .collect(Collectors.joining(",", "[", "]"));
    }

    /** The guest's restart is nothing but that: it boots once more. */
    @Override
    void restarted() {
        event("vm", "rebooting");
    }

    /** {@code ssize_t write(int fd, const void *buf, size_t count)}: the JDK has no other way to a descriptor that it did not open. */
    private static void event(String source, String event) {
        String text = "{\n  \"timestamp\": {\n    \"secs\": 1,\n    \"nanos\": 2\n  },\n  \"source\": \"" + source
                + "\",\n  \"event\": \"" + event + "\",\n  \"properties\": null\n}\n\n";
        FunctionDescriptor form = FunctionDescriptor.of(
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(text);
            Linker linker = Linker.nativeLinker();
            long written = (long) linker.downcallHandle(linker.defaultLookup().findOrThrow("write"), form)
                    .invokeExact(3, bytes, (long) text.length());
            if (written != text.length()) {
                throw new IllegalStateException("the event monitor takes " + written + " bytes");
            }
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    Optional<String> answer(String method, String path, Optional<String> body) throws Refusal, IOException {
        if (method.equals("GET") && path.equals(ROOT + "vmm.ping")) {
            return Optional.of("{\"build_version\":\"fake\",\"version\":\"0\",\"pid\":1,\"features\":[\"kvm\"]}");
        }
        if (!path.startsWith(ROOT + "vm")) {
            throw new Refusal(404, "Not Found");
        }
        if (!method.equals("PUT")) {
            throw new Refusal(400, "Bad Request");
        }
        String action = path.substring(ROOT.length());
        switch (action) {
            case "vm.create" -> create(needed(body));
            case "vm.add-net" -> addNet(needed(body));
            case "vm.boot" -> bootIt(body);
            case "vm.pause" -> state(body, true);
            case "vm.resume" -> state(body, false);
            case "vmm.shutdown" -> {
                refuseBody(body);
                Thread.ofPlatform().start(() -> System.exit(0)); // when it has been said
            }
            default -> throw new Refusal(404, "Not Found");
        }
        return Optional.empty();
    }

    private static Object needed(Optional<String> body) throws Refusal {
        return StrictJson.read(body.orElseThrow(() -> new Refusal(400, "Bad Request")));
    }

    private static void refuseBody(Optional<String> body) throws Refusal {
        if (body.isPresent()) {
            throw new Refusal(400, "Bad Request");
        }
    }

    private void create(Object value) throws Refusal {
        if (configuration.isPresent()) {
            throw new Refusal(500, API, "The VM could not be created", "VM is already created");
        }
        Map<String, Object> vm = object(
                value,
                Set.of("cpus", "memory", "payload", "disks", "net", "rng", "serial", "console", "vsock"),
                Set.of("payload"));
        Map<String, Object> cpus =
                object(vm.get("cpus"), Set.of("boot_vcpus", "max_vcpus"), Set.of("boot_vcpus", "max_vcpus"));
        number(cpus, "max_vcpus", number(cpus, "boot_vcpus", 1, 254), 254);
        Map<String, Object> memory = object(vm.get("memory"), Set.of("size", "shared"), Set.of("size"));
        number(memory, "size", 1 << 20, Long.MAX_VALUE);
        Map<String, Object> payload =
                object(vm.get("payload"), Set.of("kernel", "initramfs", "cmdline", "firmware"), Set.of("kernel"));
        List.of("kernel", "initramfs", "cmdline").forEach(name -> text(payload, name));
        disks(vm.get("disks"));
        text(object(vm.get("rng"), Set.of("src"), Set.of("src")), "src");
        for (String console : List.of("serial", "console")) {
            String mode = text(object(vm.get(console), Set.of("mode", "file", "socket"), Set.of("mode")), "mode");
            if (!Set.of("Off", "Pty", "Tty", "File", "Socket", "Null").contains(mode)) {
                throw new IllegalArgumentException("unknown variant `" + mode + "`");
            }
        }
        Map<String, Object> vsock = object(vm.get("vsock"), Set.of("cid", "socket", "id"), Set.of("cid", "socket"));
        number(vsock, "cid", 3, 0xffff_ffffL);
        text(vsock, "socket");
        configuration = Optional.of(vm);
    }

    private static void disks(Object value) throws Refusal {
        if (!(value instanceof List<?> disks)) {
            throw new IllegalArgumentException("invalid type of disks, expected a sequence");
        }
        Set<String> ids = new HashSet<>();
        for (Object one : disks) {
            Map<String, Object> disk =
                    object(one, Set.of("id", "path", "readonly", "direct", "serial", "image_type"), Set.of("path"));
            if (!ids.add(text(disk, "id"))) {
                throw new Refusal(500, API, "The VM could not be created", "Identifier is not unique");
            }
            flag(disk, "readonly");
            flag(disk, "direct");
            text(disk, "serial");
            if (!Set.of("FixedVhd", "Qcow2", "Raw", "Vhdx").contains(text(disk, "image_type"))) {
                throw new IllegalArgumentException("unknown variant of image_type");
            }
        }
    }

    private void addNet(Object value) throws Refusal {
        requireCreated("The device could not be added");
        Map<String, Object> net = object(value, Set.of("id", "mac", "num_queues", "queue_size", "mtu"), Set.of());
        if (!text(net, "mac").matches("([0-9a-f]{2}:){5}[0-9a-f]{2}")) {
            throw new IllegalArgumentException("invalid MAC address");
        }
    }

    private Map<String, Object> requireCreated(String what) throws Refusal {
        return configuration.orElseThrow(() -> new Refusal(404, API, what, "VM is not created"));
    }

    private void bootIt(Optional<String> body) throws Refusal, IOException {
        refuseBody(body);
        Map<String, Object> vm = requireCreated("The VM could not boot");
        if (isRunning()) {
            throw new Refusal(500, API, "The VM could not boot", "Invalid VM state transition: Running to Running");
        }
        for (Object one : (List<?>) vm.get("disks")) {
            Map<?, ?> disk = (Map<?, ?>) one;
            String path = (String) disk.get("path");
            if (!isOpenable(path, (Boolean) disk.get("readonly"))) {
                throw new Refusal(
                        500, API, "The VM could not boot", "Error from device manager", "Failed to open disk " + path);
            }
        }
        Map<?, ?> payload = (Map<?, ?>) vm.get("payload");
        if (!isOpenable((String) payload.get("kernel"), true) || !isOpenable((String) payload.get("initramfs"), true)) {
            throw new Refusal(500, API, "The VM could not boot", "Cannot open kernel file");
        }
        openVsock((String) ((Map<?, ?>) vm.get("vsock")).get("socket"));
        boot();
    }

    private void state(Optional<String> body, boolean pause) throws Refusal {
        refuseBody(body);
        String what = pause ? "The VM could not be paused" : "The VM could not resume";
        requireCreated(what);
        if (!isRunning() || isPaused() == pause) {
            throw new Refusal(500, API, what, "Invalid VM state transition");
        }
        pause(pause);
    }
}
