package dev.cay.bench;

import dev.cay.linux.Architecture;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * An OCI bundle: our walls, as far as runtimes have them, in the words of runtime-spec.
 *
 * @param userNamespace with 65536 ids that are nobody's on the host
 * @param pidsLimit whether there is one; it needs the controller
 */
record Bundle(Path root, List<String> command, boolean userNamespace, boolean seccomp, boolean pidsLimit) {
    private static final int PIDS = 1024;
    private static final int FIRST_ID = 0x6fff_0000; // below the ids that Cay itself hands out
    private static final int IDS = 65_536;

    /** Docker's default, and ours. */
    private static final List<String> CAPABILITIES = Stream.of(
                    "CHOWN",
                    "DAC_OVERRIDE",
                    "FOWNER",
                    "FSETID",
                    "KILL",
                    "SETGID",
                    "SETUID",
                    "SETPCAP",
                    "NET_BIND_SERVICE",
                    "NET_RAW",
                    "SYS_CHROOT",
                    "MKNOD",
                    "AUDIT_WRITE",
                    "SETFCAP")
            .map(name -> "CAP_" + name)
            .toList();

    private static final List<String> MASKED = List.of(
            "/proc/acpi",
            "/proc/asound",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/devices/virtual/powercap",
            "/sys/firmware");

    private static final List<String> READ_ONLY =
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

    /** Writes it into a directory, which it makes. */
    Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("ociVersion", "1.0.2");
        config.put("process", process());
        config.put("root", Map.of("path", root.toString(), "readonly", false));
        config.put("hostname", "bench");
        config.put("mounts", mounts());
        config.put("linux", linux());
        Files.writeString(directory.resolve("config.json"), JsonMapper.shared().writeValueAsString(config));
        return directory;
    }

    private Map<String, Object> process() {
        return Map.of(
                "terminal",
                false,
                "user",
                Map.of("uid", 0, "gid", 0),
                "args",
                command,
                "env",
                List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"),
                "cwd",
                "/",
                "capabilities",
                Map.of("bounding", CAPABILITIES, "effective", CAPABILITIES, "permitted", CAPABILITIES),
                "rlimits",
                List.of(Map.of("type", "RLIMIT_CORE", "hard", 0, "soft", 0)),
                "noNewPrivileges",
                true);
    }

    private static List<Object> mounts() {
        return List.of(
                mount("proc", "/proc", "nosuid", "noexec", "nodev"),
                mount("tmpfs", "/dev", "nosuid", "noexec", "mode=755", "size=65536k"),
                mount("devpts", "/dev/pts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
                mount("tmpfs", "/dev/shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
                mount("mqueue", "/dev/mqueue", "nosuid", "noexec", "nodev"),
                mount("sysfs", "/sys", "nosuid", "noexec", "nodev", "ro"));
    }

    private static Map<String, Object> mount(String type, String destination, String... options) {
        return Map.of("type", type, "source", type, "destination", destination, "options", List.of(options));
    }

    private Map<String, Object> linux() throws IOException {
        Map<String, Object> linux = new LinkedHashMap<>();
        List<String> namespaces = new ArrayList<>(List.of("pid", "network", "ipc", "uts", "mount", "cgroup"));
        if (userNamespace) {
            namespaces.add("user");
            List<Object> ids = List.of(Map.of("containerID", 0, "hostID", FIRST_ID, "size", IDS));
            linux.put("uidMappings", ids);
            linux.put("gidMappings", ids);
        }
        linux.put(
                "namespaces",
                namespaces.stream().map(type -> Map.of("type", type)).toList());
        linux.put("maskedPaths", MASKED);
        linux.put("readonlyPaths", READ_ONLY);
        if (pidsLimit) {
            linux.put("resources", Map.of("pids", Map.of("limit", PIDS)));
        }
        if (seccomp) {
            linux.put("seccomp", profile());
        }
        return linux;
    }

    /** The calls of our own standard profile, in the form that runtimes read. */
    private static ObjectNode profile() throws IOException {
        try (InputStream stream = Optional.ofNullable(Bundle.class.getResourceAsStream("seccomp.json"))
                .orElseThrow(() -> new IOException("seccomp.json is missing from this build"))) {
            ObjectNode profile = (ObjectNode) JsonMapper.shared().readTree(stream);
            profile.putArray("architectures")
                    .add("SCMP_ARCH_" + Architecture.current().name());
            return profile;
        }
    }
}
