package dev.cay.engine.container;

import dev.cay.Finding;
import dev.cay.Finding.Verdict;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.HostKernel;
import dev.cay.linux.KernelVersion;
import dev.cay.linux.Landlock;
import dev.cay.linux.SyscallException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Looks at what this machine has of what containers need. It reads files of the kernel and changes nothing. */
public final class Diagnosis {
    private static final String ALL_CAPABILITIES_HINT = "run it as root, outside of other containers";

    /** Without these no sandbox could be set up; see capabilities(7). */
    private static final int SYS_ADMIN = 21;

    private static final List<String> FILE_SYSTEMS = List.of("overlay", "tmpfs", "proc", "sysfs", "devpts", "mqueue");

    private final Path root;
    private final boolean landlock;
    private final List<Finding> findings = new ArrayList<>();

    private Diagnosis(Path root, boolean landlock) {
        this.root = root;
        this.landlock = landlock;
    }

    /** What this machine has, or lacks. */
    public static List<Finding> run() {
        return of(Path.of("/"), runsLandlock());
    }

    /** Asked of the kernel itself: securityfs, which would say it too, is often not mounted. */
    private static boolean runsLandlock() {
        try (HostKernel kernel = new HostKernel()) {
            return Landlock.version(kernel) > 0;
        } catch (SyscallException e) {
            return false;
        }
    }

    /** The same of another machine's files, for tests. */
    static List<Finding> of(Path root, boolean landlock) {
        Diagnosis diagnosis = new Diagnosis(root, landlock);
        diagnosis.kernel();
        diagnosis.privileges();
        diagnosis.controlGroups();
        diagnosis.userNamespaces();
        diagnosis.fileSystems();
        diagnosis.seccomp();
        diagnosis.programs();
        return List.copyOf(diagnosis.findings);
    }

    private void add(String subject, Verdict verdict, String detail, String fix) {
        findings.add(new Finding(subject, verdict, detail, fix));
    }

    /** A file of the kernel; empty if it is missing or cannot be read. */
    private Optional<String> read(String path) {
        // Not Files.readAllBytes, which begins with a single byte: of a number in /proc/sys the kernel gives no second
        // piece.
        try (InputStream file = new BufferedInputStream(Files.newInputStream(root.resolve(path)))) {
            return Optional.of(new String(file.readAllBytes(), StandardCharsets.UTF_8).strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private void kernel() {
        String release = read("proc/sys/kernel/osrelease").orElse("unknown");
        boolean enough = KernelVersion.parse(release)
                .filter(version -> version.compareTo(Machine.OLDEST) >= 0)
                .isPresent();
        add(
                "kernel",
                enough ? Verdict.GOOD : Verdict.MISSING,
                "Linux " + release,
                enough ? "" : "Cay needs Linux " + Machine.OLDEST + " or newer");
    }

    private void privileges() {
        long effective =
                status("CapEff:").map(text -> Long.parseUnsignedLong(text, 16)).orElse(0L);
        boolean root =
                status("Uid:").map(text -> text.split("\\s+")[0].equals("0")).orElse(false);
        if (!root) {
            ordinaryUser();
            return;
        }
        boolean enough = (effective >>> SYS_ADMIN & 1) != 0;
        add(
                "privileges",
                enough ? Verdict.GOOD : Verdict.MISSING,
                enough ? "root with CAP_SYS_ADMIN" : "root without CAP_SYS_ADMIN",
                enough ? "" : ALL_CAPABILITIES_HINT);
    }

    private void ordinaryUser() {
        long user = status("Uid:")
                .map(text -> Long.parseLong(text.split("\\s+")[1]))
                .orElse(0L);
        add(
                "privileges",
                Verdict.LIMITED,
                "an ordinary user: no volumes with a limit, no networks of their own",
                "run it as root for these");
        boolean programs = SubordinateIds.PROGRAMS.stream()
                .allMatch(program ->
                        Files.isExecutable(root.resolve(program.toString().substring(1))));
        boolean ids = SubordinateIds.find(
                        user,
                        System.getProperty("user.name", ""),
                        read("etc/subuid").orElse(""),
                        read("etc/subgid").orElse(""))
                .isPresent();
        add(
                "subordinate ids",
                programs && ids ? Verdict.GOOD : Verdict.LIMITED,
                programs && ids ? "sandboxes have users of their own" : "sandboxes have a single user: root",
                programs
                        ? ids ? "" : "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
                        : "apt-get install uidmap");
    }

    private Optional<String> status(String field) {
        return read("proc/self/status")
                .flatMap(text -> text.lines()
                        .filter(line -> line.startsWith(field))
                        .map(line -> line.substring(field.length()).strip())
                        .findFirst());
    }

    private void controlGroups() {
        Optional<Hierarchies> found = read("proc/self/mountinfo").flatMap(Hierarchies::parse);
        if (found.isEmpty()) {
            add(
                    "control groups",
                    Verdict.MISSING,
                    "no cgroup2 file system is mounted",
                    "mount -t cgroup2 none /sys/fs/cgroup");
            return;
        }
        long user = status("Uid:")
                .map(text -> Long.parseLong(text.split("\\s+")[1]))
                .orElse(0L);
        if (user != 0) {
            delegated(user);
            return;
        }
        Hierarchies hierarchies = found.get();
        add(
                "control groups",
                Verdict.GOOD,
                hierarchies.legacy().isEmpty() ? "version 2" : "hybrid: limits by version 1, death by version 2",
                "");
        String tree = hierarchies.unified().toString().substring(1);
        List<String> unified =
                List.of(read(tree + "/cgroup.controllers").orElse("").split(" "));
        for (Controller controller : Controller.values()) {
            boolean there = hierarchies.isLegacy(controller) || unified.contains(controller.unifiedName());
            add(
                    controller.unifiedName() + " limits",
                    there ? Verdict.GOOD : Verdict.LIMITED,
                    there ? "available" : "the controller is off",
                    there ? "" : "boot without cgroup_disable, or enable it in cgroup.subtree_control");
        }
    }

    private void delegated(long user) {
        Optional<Hierarchies> delegated;
        try {
            delegated = Hierarchies.delegated(user);
        } catch (IOException e) {
            delegated = Optional.empty();
        }
        String fix = "systemd-run --user --scope -p Delegate=yes cay ...";
        if (delegated.isEmpty()) {
            add(
                    "control groups",
                    Verdict.LIMITED,
                    "none is delegated: no limits but that of processes, no accounts",
                    fix);
            return;
        }
        Set<Controller> missing = delegated.get().missing();
        add(
                "control groups",
                missing.isEmpty() ? Verdict.GOOD : Verdict.LIMITED,
                missing.isEmpty() ? "delegated" : "delegated, but without controllers",
                missing.isEmpty() ? "" : "see Delegate= in systemd.resource-control(5)");
    }

    private void userNamespaces() {
        long most =
                read("proc/sys/user/max_user_namespaces").map(Long::parseLong).orElse(0L);
        add(
                "user namespaces",
                most > 0 ? Verdict.GOOD : Verdict.MISSING,
                most > 0 ? "at most " + most : "none are allowed",
                most > 0
                        ? ""
                        : "sysctl -w user.max_user_namespaces=65536, or --user-namespace=false for code you trust");
    }

    private void fileSystems() {
        List<String> known = read("proc/filesystems")
                .orElse("")
                .lines()
                .map(line -> line.substring(line.indexOf('\t') + 1))
                .toList();
        for (String type : FILE_SYSTEMS) {
            if (!known.contains(type)) {
                add(type + " file system", Verdict.MISSING, "the kernel does not have it", "modprobe " + type);
            }
        }
        if (known.containsAll(FILE_SYSTEMS)) {
            add("file systems", Verdict.GOOD, String.join(", ", FILE_SYSTEMS), "");
        }
    }

    private void seccomp() {
        boolean filters =
                read("proc/sys/kernel/seccomp/actions_avail").orElse("").contains("errno");
        add(
                "seccomp",
                filters ? Verdict.GOOD : Verdict.MISSING,
                filters ? "filters" : "the kernel has no filters",
                filters ? "" : "a kernel with CONFIG_SECCOMP_FILTER, or --seccomp unconfined");
        add(
                "landlock",
                landlock ? Verdict.GOOD : Verdict.LIMITED,
                landlock ? "active" : "not active",
                landlock ? "" : "one wall less; boot with lsm=landlock,...");
    }

    private void programs() {
        boolean ext4 =
                Files.isExecutable(root.resolve("sbin/mke2fs")) || Files.isExecutable(root.resolve("usr/sbin/mke2fs"));
        add(
                "volumes with a limit",
                ext4 ? Verdict.GOOD : Verdict.LIMITED,
                ext4 ? "mke2fs is there" : "mke2fs is missing",
                ext4 ? "" : "apt-get install e2fsprogs");
    }
}
