package dev.cay.it;

import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Does as Firecracker's API server: {@code src/firecracker/swagger/firecracker.yaml} and {@code src/firecracker/src/api_server} of its
 * sources say how.
 */
final class FakeFirecracker extends FakeVmm {
    private final Set<String> drives = new HashSet<>();
    private boolean hasVsock;
    private boolean hasKernel;

    public static void main(String[] arguments) throws IOException {
        List<String> expected = List.of("--api-sock", "*", "--id", "*", "--level", "Error");
        for (int i = 0; i < Math.max(expected.size(), arguments.length); i++) {
            if (i >= arguments.length
                    || i >= expected.size()
                    || !expected.get(i).equals("*") && !expected.get(i).equals(arguments[i])) {
                System.err.println("Arguments parsing error: Found argument " + List.of(arguments));
                System.exit(153);
            }
        }
        new FakeFirecracker().serve(arguments[1]);
    }

    @Override
    String server() {
        return "Firecracker API";
    }

    @Override
    String fault(Refusal refusal) {
        return "{\"fault_message\":\"" + String.join(": ", refusal.messages()).replace("\"", "\\\"") + "\"}";
    }

    /** There is nothing else that it does: the guest's restart is the end. */
    @Override
    void restarted() {
        System.exit(0);
    }

    private static Refusal refusal(String message) {
        return new Refusal(400, message);
    }

    @Override
    Optional<String> answer(String method, String path, Optional<String> body) throws Refusal, IOException {
        if (method.equals("GET") && path.equals("/")) {
            String state = isPaused() ? "Paused" : isRunning() ? "Running" : "Not started";
            return Optional.of(
                    "{\"id\":\"cay\",\"state\":\"" + state + "\",\"vmm_version\":\"0\",\"app_name\":\"Fake\"}");
        }
        if (body.isEmpty()) {
            throw refusal("Empty " + method + " request.");
        }
        Object value = read(body.get());
        if (method.equals("PATCH") && path.equals("/vm")) {
            state(object(value, Set.of("state"), Set.of("state")));
        } else if (!method.equals("PUT")) {
            throw refusal("Invalid request method and/or path: " + method + " " + path + ".");
        } else if (isRunning()) {
            throw refusal("The requested operation is not supported after starting the microVM.");
        } else {
            put(path, value);
        }
        return Optional.empty();
    }

    private static Object read(String body) throws Refusal {
        try {
            return StrictJson.read(body);
        } catch (IllegalArgumentException e) {
            throw refusal("An error occurred when deserializing the json body of a request: " + e.getMessage() + ".");
        }
    }

    private void state(Map<String, Object> vm) throws Refusal {
        if (!isRunning()) {
            throw refusal("The requested operation is not supported before starting the microVM.");
        }
        String state = text(vm, "state");
        if (!Set.of("Paused", "Resumed").contains(state)) {
            throw new IllegalArgumentException("unknown variant `" + state + "`, expected `Paused` or `Resumed`");
        }
        pause(state.equals("Paused"));
    }

    private void put(String path, Object value) throws Refusal, IOException {
        if (path.startsWith("/drives/")) {
            drive(path.substring("/drives/".length()), value);
            return;
        }
        switch (path) {
            case "/machine-config" -> machine(value);
            case "/boot-source" -> bootSource(value);
            case "/vsock" -> vsock(value);
            case "/entropy" -> object(value, Set.of("rate_limiter"), Set.of());
            case "/actions" -> action(value);
            default -> throw refusal("Invalid request method and/or path: PUT " + path + ".");
        }
    }

    private static void machine(Object value) {
        Set<String> fields =
                Set.of("vcpu_count", "mem_size_mib", "smt", "cpu_template", "track_dirty_pages", "huge_pages");
        Map<String, Object> machine = object(value, fields, Set.of("vcpu_count", "mem_size_mib"));
        number(machine, "vcpu_count", 1, 32);
        number(machine, "mem_size_mib", 1, 1 << 20);
    }

    private void bootSource(Object value) throws Refusal {
        Map<String, Object> source =
                object(value, Set.of("kernel_image_path", "initrd_path", "boot_args"), Set.of("kernel_image_path"));
        text(source, "boot_args");
        if (!isOpenable(text(source, "kernel_image_path"), true)) {
            throw refusal("The kernel file cannot be opened: No such file or directory (os error 2)");
        }
        if (!isOpenable(text(source, "initrd_path"), true)) {
            throw refusal("The initrd file cannot be opened due to invalid path or invalid permissions. No such file or"
                    + " directory (os error 2)");
        }
        hasKernel = true;
    }

    private void drive(String id, Object value) throws Refusal {
        Set<String> fields = Set.of(
                "drive_id",
                "partuuid",
                "is_root_device",
                "cache_type",
                "is_read_only",
                "path_on_host",
                "rate_limiter",
                "io_engine",
                "socket");
        Map<String, Object> drive = object(value, fields, Set.of("drive_id", "is_root_device"));
        if (!id.matches("[A-Za-z0-9_]+")) {
            throw refusal("API Resource IDs can only contain alphanumeric characters and underscores.");
        }
        if (!text(drive, "drive_id").equals(id)) {
            throw refusal("The id from the path [" + id + "] does not match the id from the body!");
        }
        if (flag(drive, "is_root_device")) {
            throw refusal("A root block device already exists!");
        }
        if (!Set.of("Unsafe", "Writeback").contains(text(drive, "cache_type"))) {
            throw new IllegalArgumentException("unknown variant of cache_type");
        }
        if (!isOpenable(text(drive, "path_on_host"), flag(drive, "is_read_only"))) {
            throw refusal(
                    "Unable to create the virtio block device: Virtio backend error: Error manipulating the backing"
                            + " file: No such file or directory (os error 2) " + drive.get("path_on_host"));
        }
        drives.add(id);
    }

    private void vsock(Object value) throws IOException {
        Map<String, Object> vsock =
                object(value, Set.of("guest_cid", "uds_path", "vsock_id"), Set.of("guest_cid", "uds_path"));
        number(vsock, "guest_cid", 3, 0xffff_ffffL);
        openVsock(text(vsock, "uds_path"));
        hasVsock = true;
    }

    private void action(Object value) throws Refusal {
        Map<String, Object> action = object(value, Set.of("action_type"), Set.of("action_type"));
        if (!text(action, "action_type").equals("InstanceStart")) {
            throw refusal("The requested operation is not supported before starting the microVM.");
        }
        if (!hasKernel) {
            throw refusal("Cannot start microvm without kernel configuration.");
        }
        if (!hasVsock) {
            throw new IllegalStateException("this guest would be out of reach");
        }
        boot();
    }
}
