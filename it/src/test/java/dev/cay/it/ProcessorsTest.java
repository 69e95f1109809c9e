package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.IoLimits;
import dev.cay.Isolation;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A microVM has as many processors as it takes to use what it may use, and what it may use holds for its VMM. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ProcessorsTest {
    private static final String NAME = "cay-it-processors";
    private static final String COPY = "cay-it-processors-copy";
    private static final Size MEMORY = Size.mib(192);
    private static final Duration LONG = Duration.ofSeconds(100);

    /** What a thread has to have used of a processor of the host to count as one that has it, in clock ticks of 10 ms. */
    private static final long MUCH = 100;

    /** Four seconds' worth. */
    private static final long WRITTEN_BYTES = 4 << 20;

    private static final IoLimits IO =
            new IoLimits(OptionalLong.empty(), OptionalLong.of(1 << 20), OptionalLong.of(5000), OptionalLong.empty());

    private Sandboxes engine;

    @BeforeAll
    void make() throws IOException {
        assumeTrue(Runtime.getRuntime().availableProcessors() >= 2, "this machine has one processor");
        GuestKernels.debian();
        try (Sandboxes maker = Sandboxes.local()) {
            Path root = Lab.smallRoot();
            GuestKernels.link(root, "nproc");
            GuestKernels.importRoot(maker, NAME, root);
            assertThat(maker.templates().create(NAME, MEMORY, 2).processors()).isEqualTo(2);
        }
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.templates().remove(NAME);
            last.images().remove(NAME);
        }
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME).isolation(Isolation.MICROVM).memory(MEMORY);
    }

    /** The values of a file of all control groups of sandboxes, wherever the machine has its hierarchy. */
    private static List<String> control(String group, String unified, String legacy) {
        String groups = "/cay/*/" + group + "/";
        String files = "/sys/fs/cgroup/*" + groups + legacy + " /sys/fs/cgroup" + groups + unified
                + " /sys/fs/cgroup/unified" + groups + unified;
        String values = Lab.onHost(
                "sh",
                "-c",
                "for f in " + files + "; do [ ! -f $f ] || echo $(readlink -f $f): $(cat $f); done | sort -u");
        return values.lines().map(line -> line.substring(line.indexOf(' ') + 1)).toList();
    }

    /** Never leaves its processor by itself, and tells how far it is. */
    private static String busy(String file) {
        return "i=0; while :; do i=$((i+1)); [ $((i%500)) != 0 ] || { echo $i > /tmp/.new-" + file + "; mv /tmp/.new-"
                + file + " /tmp/" + file + "; }; done";
    }

    private static long number(Sandbox sandbox, String file) {
        return Long.parseLong(Lab.sh(sandbox, "until [ -e " + file + " ]; do sleep 0.01; done; cat " + file));
    }

    private static void isCounting(Sandbox sandbox, String file) {
        long before = number(sandbox, file);
        long deadline = System.nanoTime() + LONG.toNanos();
        while (number(sandbox, file) <= before) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** What each thread of a VMM has used of the host's processors; see proc_pid_stat(5). */
    private static Map<String, Long> used(ProcessHandle vmm) throws IOException {
        Map<String, Long> used = new HashMap<>();
        try (Stream<Path> threads = Files.list(Path.of("/proc/" + vmm.pid() + "/task"))) {
            for (Path thread : threads.toList()) {
                String[] fields = Files.readString(thread.resolve("stat"))
                        .replaceFirst(".*\\) ", "")
                        .split(" ");
                used.put(thread.getFileName().toString(), Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
            }
        }
        return used;
    }

    /** Two of its threads have each had a processor of the host for a while: no more than two are wanted by it. */
    private static void usesTwo(ProcessHandle vmm) throws IOException {
        Map<String, Long> before = used(vmm);
        long deadline = System.nanoTime() + LONG.toNanos();
        List<Long> most = List.of();
        while (most.size() < 2 || most.get(1) < MUCH) {
            assertThat(System.nanoTime()).as("ticks of %s", most).isLessThan(deadline);
            LockSupport.parkNanos(100_000_000);
            List<Long> since = new ArrayList<>();
            used(vmm).forEach((thread, ticks) -> since.add(ticks - before.getOrDefault(thread, 0L)));
            since.sort(Comparator.reverseOrder());
            most = since;
        }
    }

    private static ProcessHandle vmm(Set<ProcessHandle> others) {
        Set<ProcessHandle> all = GuestKernels.vmms();
        all.removeAll(others);
        assertThat(all).hasSize(1);
        return all.iterator().next();
    }

    /** Its template has two processors too; what runs on both of them goes on in a copy, on both. */
    @Test
    void twoProcessorsAreTwoOfTheHost() throws IOException {
        try (Sandbox clone = engine.create(spec().cpus(1.5).cpuWeight(200).build());
                Execution _ = clone.start(ExecSpec.of("sh", "-c", busy("one")));
                Execution _ = clone.start(ExecSpec.of("sh", "-c", busy("two")))) {
            assertThat(clone.info().machine().orElseThrow().template()).contains(NAME);
            assertThat(Lab.sh(clone, "nproc; cat /sys/devices/system/clocksource/clocksource0/current_clocksource"))
                    .isEqualTo("2\ntsc");
            assertThat(control("*", "cpu.max", "cpu.cfs_quota_us")).containsAnyOf("150000", "150000 100000");
            assertThat(control("*", "cpu.weight", "cpu.shares")).containsAnyOf("200", "2048");
            ProcessHandle first = vmm(Set.of());
            usesTwo(first);
            for (int i = 0; i < 2; i++) {
                try (Sandbox copy = engine.snapshots().fork(clone, Optional.empty())) {
                    assertThat(Lab.sh(copy, "nproc")).isEqualTo("2");
                    isCounting(copy, "/tmp/one");
                    isCounting(copy, "/tmp/two");
                    usesTwo(vmm(Set.of(first)));
                    assertThat(control("*", "cpu.max", "cpu.cfs_quota_us").stream()
                                    .filter(value -> value.startsWith("150000")))
                            .hasSize(2);
                }
                isCounting(clone, "/tmp/one");
                isCounting(clone, "/tmp/two");
            }
        }
    }

    /** One processor, half of it, and for who serves it files as much again; what it writes to its disk is not faster either. */
    @Test
    void aQuotaAndALimitOfIoHoldForTheVmm() throws IOException {
        Path shared = Files.createTempDirectory(Lab.directory(), "shared");
        try (Sandbox half = engine.create(spec().cpus(0.5)
                .io(IO)
                .disk(Size.mib(32))
                .mount(Mount.bind(shared, "/shared"))
                .build())) {
            assertThat(Lab.sh(half, "nproc")).isEqualTo("1");
            assertThat(control("*", "cpu.max", "cpu.cfs_quota_us").stream().filter(value -> value.startsWith("50000")))
                    .hasSize(2);
            if (!Lab.onHost("sh", "-c", "ls -d /sys/block/*/device | wc -l").equals("0")) {
                assertThat(control("*", "io.max", "blkio.throttle.write_bps_device").stream()
                                .filter(value -> value.contains("1048576")))
                        .hasSize(2);
            }
            long took = Long.parseLong(Lab.sh(
                    half,
                    "sync; read from rest < /proc/uptime; dd if=/dev/zero of=/file bs=64k count="
                            + WRITTEN_BYTES / (64 << 10) + " 2>/dev/null; sync; read to rest < /proc/uptime;"
                            + " echo $((${to%.*}${to#*.} - ${from%.*}${from#*.}))"));
            if (isOnADisk()) {
                assertThat(Duration.ofMillis(took * 10)).isBetween(Duration.ofSeconds(3), Duration.ofSeconds(60));
            }
            isSlowedDown(half);
        }
    }

    private static boolean isOnADisk() throws IOException {
        String device = Lab.onHost("stat", "-c", "%Hd:%Ld", "/var/lib/cay");
        return Files.exists(Path.of("/sys/dev/block", device, "device"));
    }

    private static void isSlowedDown(Sandbox half) {
        try (Execution _ = half.start(ExecSpec.of("sh", "-c", busy("one")))) {
            isCounting(half, "/tmp/one");
            long deadline = System.nanoTime() + LONG.toNanos();
            List<String> throttled = control("*", "cpu.stat", "cpu.stat");
            long began = System.nanoTime();
            Duration before = half.usage().cpu();
            Duration wall;
            do { // others may leave it less than that for a while
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(500_000_000);
                wall = Duration.ofNanos(System.nanoTime() - began);
            } while (wall.toSeconds() < 4
                    || timesThrottled(control("*", "cpu.stat", "cpu.stat")) < timesThrottled(throttled) + 10);
            Duration used = half.usage().cpu().minus(before);
            Duration atMost =
                    Duration.ofNanos(System.nanoTime() - began).multipliedBy(6).dividedBy(10);
            assertThat(used).isBetween(Duration.ofMillis(100), atMost);
        }
    }

    private static long timesThrottled(List<String> statistics) {
        long times = 0;
        for (String text : statistics) {
            String[] words = text.split(" ");
            for (int i = 0; i < words.length; i++) {
                times += words[i].equals("nr_throttled") ? Long.parseLong(words[i + 1]) : 0;
            }
        }
        return times;
    }

    /** Nobody has a template of so much memory: it boots. */
    @Test
    void oneThatOutlivesItsMakerHasItsLimitsToo() {
        Sandbox lasting = engine.create(spec().memory(Size.mib(193))
                .cpus(2)
                .cpuWeight(50)
                .io(IO)
                .disk(Size.mib(24))
                .detached()
                .name(NAME)
                .build());
        try (Sandboxes another = Sandboxes.local();
                Sandbox seen = another.open(NAME)) {
            assertThat(Lab.sh(seen, "nproc")).isEqualTo("2");
            Lab.sh(seen, "(" + busy("one") + ") & (" + busy("two") + ") & sleep 0.1");
            hasLimits(lasting);
            Sandbox copy = another.snapshots().fork(seen, Snapshots.Copy.detached(Optional.of(COPY)));
            try {
                assertThat(Lab.sh(copy, "nproc")).isEqualTo("2");
                hasLimits(copy);
            } finally {
                copy.remove();
            }
            assertThat(Lab.sh(lasting, "nproc")).isEqualTo("2");
        } finally {
            lasting.remove();
        }
    }

    private static void hasLimits(Sandbox sandbox) {
        assertThat(control(sandbox.id(), "cpu.max", "cpu.cfs_quota_us")).containsAnyOf("200000", "200000 100000");
        assertThat(control(sandbox.id(), "cpu.weight", "cpu.shares")).containsAnyOf("50", "512");
        if (!Lab.onHost("sh", "-c", "ls -d /sys/block/*/device | wc -l").equals("0")) {
            assertThat(control(sandbox.id(), "io.max", "blkio.throttle.write_bps_device"))
                    .anyMatch(value -> value.contains("1048576"));
        }
    }

    /** Before anything is done, for templates as for microVMs. */
    @Test
    void moreThanThisMachineHasIsRefused() {
        int more = Runtime.getRuntime().availableProcessors() + 1;
        for (int wanted : List.of(more, 8192)) {
            SandboxSpec spec = spec().cpus(wanted - 0.5).build();
            assertThatThrownBy(() -> engine.create(spec))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining(wanted + " processors");
            assertThatThrownBy(() -> engine.templates().create(COPY, MEMORY, wanted))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining(wanted + " processors");
        }
        assertThatThrownBy(() -> engine.templates().create(COPY, MEMORY, 0))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThat(GuestKernels.vmms()).isEmpty();
    }
}
