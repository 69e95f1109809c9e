package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What code in a sandbox sees of the machine, and what of that it can change. */
@ExtendWith(RootLane.class)
class ViewTest {
    @Test
    void otherProcessesAreInvisible(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            String pids = sh(sandbox, "cd /proc; for p in [0-9]*; do echo $p $(cat $p/comm); done");
            assertThat(pids.lines()).hasSizeLessThanOrEqualTo(3).first().isEqualTo("1 cay-init");
            assertThat(attempt(sandbox, "kill -0 " + ProcessHandle.current().pid()))
                    .contains("No such process");
        }
    }

    @Test
    void twoSandboxesDoNotSeeEachOther(Sandboxes engine) {
        try (Sandbox one = engine.create(SandboxSpec.host().build());
                Sandbox other = engine.create(SandboxSpec.host().build())) {
            sh(one, "echo mine > /tmp/mine; echo mine > /dev/shm/mine; (sleep 100 & ) >/dev/null 2>&1");
            assertThat(attempt(other, "ls /tmp /dev/shm")).doesNotContain("mine\n");
            assertThat(attempt(other, "ls /tmp/mine")).contains("No such file");
            assertThat(attempt(other, "ps ax")).doesNotContain("sleep 100");
        }
    }

    @Test
    void theHostsFilesAreOutOfSight(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (String path : List.of(
                    "/etc/shadow",
                    "/etc/ssh",
                    "/etc/machine-id",
                    "/etc/hostname",
                    "/root/.ssh",
                    "/root/.bashrc",
                    "/var/lib/dpkg",
                    "/run/cay",
                    "/run/systemd",
                    "/work",
                    "/opt/node",
                    "/boot/grub")) {
                assertThat(attempt(sandbox, "ls -d " + path)).as(path).contains("No such file");
            }
            assertThat(sh(sandbox, "ls /home /root /opt /srv /mnt /media | grep -v ':$' | grep . || true"))
                    .isEqualTo("user");
        }
    }

    @Test
    void theMountTableShowsNoHostPath(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            String mountinfo = sh(sandbox, "cat /proc/self/mountinfo");
            assertThat(mountinfo)
                    .doesNotContain("/run/cay")
                    .doesNotContain("/dev/vda")
                    .doesNotContain("/sys/fs/cgroup");
            assertThat(mountinfo.lines()).allMatch(line -> !line.contains("shared:") && !line.contains("master:"));
        }
    }

    /** Everything but /proc's own files and the walls' masks is nosuid, and nodev where it can be written. */
    @Test
    void everyMountIsRestricted(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sh(sandbox, "cat /proc/self/mountinfo").lines().forEach(line -> {
                String[] fields = line.split(" ");
                List<String> options = Arrays.asList(fields[5].split(","));
                boolean masked = fields[4].startsWith("/proc/") && line.contains("/null ");
                if (!masked) {
                    assertThat(options).as(line).contains("nosuid");
                    if (!fields[4].equals("/dev") && !fields[4].equals("/dev/pts")) {
                        assertThat(options).as(line).contains("nodev");
                    }
                }
                if (fields[4].startsWith("/sys")) {
                    assertThat(options).as(line).contains("ro");
                }
            });
        }
    }

    @Test
    void kernelKnobsCannotBeTurned(Sandboxes engine) {
        for (boolean userNamespace : new boolean[] {true, false}) {
            try (Sandbox sandbox = engine.create(
                    SandboxSpec.host().userNamespace(userNamespace).build())) {
                String written = sh(sandbox, """
                        for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/kernel/modprobe \
                            /proc/sys/vm/drop_caches /proc/sys/fs/file-max /proc/sys/kernel/ns_last_pid \
                            /proc/sys/net/ipv4/ip_forward /proc/sysrq-trigger /proc/irq/default_smp_affinity \
                            /sys/kernel/uevent_helper /sys/power/state /sys/kernel/mm/transparent_hugepage/enabled \
                            /sys/block/*/queue/read_ahead_kb /sys/class/net/lo/mtu /sys/module/*/parameters/* \
                            /sys/bus/*/drivers_probe /proc/sys/kernel/sysrq /proc/bus/pci/*/*; do
                          [ -e "$f" ] && (echo 1 > "$f") 2>/dev/null && echo "$f"
                        done; true
                        """);
                assertThat(written)
                        .as("writable with user namespace: " + userNamespace)
                        .isEmpty();
            }
        }
    }

    @Test
    void whatTellsAboutTheHostIsMasked(Sandboxes engine) {
        for (boolean userNamespace : new boolean[] {true, false}) {
            try (Sandbox sandbox = engine.create(
                    SandboxSpec.host().userNamespace(userNamespace).build())) {
                String bytes = sh(sandbox, """
                        for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats \
                            /proc/timer_stats /proc/interrupts; do
                          [ -e $f ] && [ -n "$(head -c 1 $f | tr '\\0' x)" ] && echo $f
                        done
                        for d in /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do
                          [ -d $d ] && ls -A $d
                        done; true
                        """);
                assertThat(bytes)
                        .as("readable with user namespace: " + userNamespace)
                        .isEmpty();
            }
        }
    }

    @Test
    void kernelMessagesAndAddressesAreHidden(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(attempt(sandbox, "dmesg")).contains("not permitted");
            assertThat(attempt(sandbox, "head -c 1 /proc/kmsg")).containsAnyOf("denied", "not permitted");
            assertThat(sh(sandbox, "head -c 16 /proc/kallsyms")).isIn("0000000000000000", "");
            assertThat(attempt(sandbox, "cat /proc/1/stack /proc/self/stack"))
                    .containsAnyOf("denied", "not permitted", "No such file");
            assertThat(attempt(sandbox, "head -c 1 /proc/kpagecount /proc/vmallocinfo /proc/slabinfo"))
                    .doesNotContain("==>");
        }
    }

    @Test
    void devIsMinimal(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "cd /dev; ls -A | tr '\\n' ' '"))
                    .isEqualTo("fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero");
            assertThat(sh(sandbox, "find / -xdev \\( -type b -o -type c \\) 2>/dev/null | grep -v ^/dev/ || true"))
                    .isEmpty();
            assertThat(sh(sandbox, "echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c"))
                    .isEqualTo("4\n4");
            assertThat(attempt(sandbox, "/bin/echo x > /dev/full")).contains("No space left");
        }
    }

    /** Pseudo terminals are the sandbox's own. */
    @Test
    void terminalsWork(Sandboxes engine) {
        Lab.need("script");
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(attempt(sandbox, "script -qc 'tty; stty size' /dev/null </dev/null"))
                    .startsWith("/dev/pts/0");
        }
    }

    @Test
    void hostnameIsItsOwn(Sandboxes engine) {
        String host = Lab.onHost("hostname");
        try (Sandbox named = engine.create(
                        SandboxSpec.host().hostname("crate-7.example").build());
                Sandbox plain = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(named, "hostname; echo $HOSTNAME")).isEqualTo("crate-7.example\ncrate-7.example");
            assertThat(sh(plain, "hostname")).isEqualTo(plain.id());
            assertThat(attempt(named, "hostname other")).isNotEmpty();
            assertThat(sh(named, "hostname")).isEqualTo("crate-7.example");
        }
        assertThat(Lab.onHost("hostname")).isEqualTo(host);
    }

    @Test
    void ownCgroupIsTheRootOfTheSandboxsView(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "cat /proc/self/cgroup"))
                    .doesNotContain(sandbox.id())
                    .doesNotContain("cay");
            assertThat(attempt(sandbox, "ls -A /sys/fs/cgroup")).isEmpty();
        }
    }

    @Test
    void systemVipcIsItsOwn(Sandboxes engine) {
        Lab.need("ipcmk");
        try (Sandbox one = engine.create(SandboxSpec.host().build());
                Sandbox other = engine.create(SandboxSpec.host().build())) {
            sh(one, "ipcmk -M 4096 && ipcmk -Q");
            assertThat(sh(other, "ipcs -m -q | grep -c 0x || true")).isEqualTo("0");
        }
    }

    @Test
    void aReadOnlyRootIsReadOnlyEverywhereButInTmp(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().readOnly().build())) {
            for (String path :
                    List.of("/x", "/usr/x", "/etc/x", "/root/x", "/var/x", "/home/user/x", "/sys/x", "/usr/bin/x")) {
                assertThat(attempt(sandbox, "touch " + path))
                        .as(path)
                        .containsAnyOf("Read-only", "denied", "not permitted");
            }
            sh(sandbox, "touch /tmp/x /dev/shm/x && chmod 4755 /tmp/x");
        }
    }

    /** Defect K9 elsewhere: what is mounted below a read-only directory stayed writable. Here it is not even visible. */
    @Test
    void k9SubmountsOfTheHostAreNotCarriedAlong(Sandboxes engine) throws Exception {
        Path root = Lab.smallRoot();
        Process mount = new ProcessBuilder(
                        "mount", "-t", "tmpfs", "none", root.resolve("tmp").toString())
                .start();
        assertThat(mount.waitFor()).isZero();
        try {
            java.nio.file.Files.writeString(root.resolve("tmp/secret"), "x");
            try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
                assertThat(sh(sandbox, "ls -A /tmp")).isEmpty();
            }
        } finally {
            new ProcessBuilder("umount", root.resolve("tmp").toString()).start().waitFor();
        }
    }
}
