package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import dev.cay.engine.container.Hierarchies.Controller;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class HierarchiesTest {
    private static final String UNIFIED =
            "31 25 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    private static final String HYBRID = """
        22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
        10 31 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        11 10 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
        12 10 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
        13 10 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
        14 10 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        15 10 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
        17 10 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
        18 10 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
        19 10 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
        20 10 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        """;

    private static Hierarchies parse(String mountinfo) {
        return Hierarchies.parse(mountinfo).orElseThrow();
    }

    private static Path path(String text) {
        return Path.of(text);
    }

    @Test
    void withVersion2OnlyEveryControllerIsThere() {
        Hierarchies hierarchies = parse("22 28 0:21 / /sys rw - sysfs sysfs rw\n" + UNIFIED);

        assertThat(hierarchies.unified()).isEqualTo(path("/sys/fs/cgroup"));
        assertThat(hierarchies.legacy()).isEmpty();
    }

    @Test
    void onAHybridMachineEveryControllerSitsInATreeOfItsOwn() {
        Hierarchies hierarchies = parse(HYBRID);

        assertThat(hierarchies.unified()).isEqualTo(path("/sys/fs/cgroup/unified"));
        assertThat(hierarchies.legacy())
                .isEqualTo(Map.of(
                        Controller.MEMORY, path("/sys/fs/cgroup/memory"),
                        Controller.PIDS, path("/sys/fs/cgroup/pids"),
                        Controller.CPU, path("/sys/fs/cgroup/cpu"),
                        Controller.IO, path("/sys/fs/cgroup/blkio")));
    }

    @ParameterizedTest
    @EnumSource
    void aControllerIsLegacyOnlyWhereItIsMounted(Controller controller) {
        assertThat(parse(HYBRID).isLegacy(controller)).isTrue();
        assertThat(parse(UNIFIED).isLegacy(controller)).isFalse();
    }

    @Test
    void aMachineWithSomeControllersInVersion2() {
        Hierarchies hierarchies = parse(UNIFIED + "40 25 0:40 / /cg/memory rw - cgroup none rw,memory\n");

        assertThat(hierarchies.legacy()).containsOnly(Map.entry(Controller.MEMORY, path("/cg/memory")));
    }

    @Test
    void version1AloneIsNotEnough() {
        assertThat(Hierarchies.parse(HYBRID.replace("cgroup2 cgroup2", "tmpfs tmpfs")))
                .isEmpty();
        assertThat(Hierarchies.parse("")).isEmpty();
    }

    @Test
    void controllersMountedTogetherShareATree() {
        Hierarchies hierarchies = parse(UNIFIED
                + "33 25 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct\n"
                + "34 25 0:31 / /all rw - cgroup none rw,seclabel,memory,blkio,pids\n");

        assertThat(hierarchies.legacy())
                .isEqualTo(Map.of(
                        Controller.CPU, path("/sys/fs/cgroup/cpu,cpuacct"),
                        Controller.MEMORY, path("/all"),
                        Controller.IO, path("/all"),
                        Controller.PIDS, path("/all")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpuacct", "cpuset", "name=cpu", "name=memory", "xmemory", "memory2", "hugetlb"})
    void onlyTheVeryNameOfAControllerCounts(String option) {
        assertThat(parse(UNIFIED + "12 10 0:30 / /cg rw - cgroup cgroup rw," + option + "\n")
                        .legacy())
                .isEmpty();
    }

    @Test
    void aMountOfASubtreeIsNotTheTree() {
        Hierarchies hierarchies = parse("50 25 0:27 /docker/abc /var/lib/x rw - cgroup2 cgroup2 rw\n"
                + "51 25 0:32 /user /var/lib/y rw - cgroup cgroup rw,memory\n"
                + UNIFIED);

        assertThat(hierarchies.unified()).isEqualTo(path("/sys/fs/cgroup"));
        assertThat(hierarchies.legacy()).isEmpty();
        assertThat(Hierarchies.parse("50 25 0:27 /docker /x rw - cgroup2 cgroup2 rw\n"))
                .isEmpty();
    }

    @Test
    void theFirstOfSeveralMountsIsTaken() {
        Hierarchies hierarchies = parse(UNIFIED
                + "60 25 0:27 / /second rw - cgroup2 cgroup2 rw\n"
                + "61 25 0:32 / /memory rw - cgroup cgroup rw,memory\n"
                + "62 25 0:32 / /memory-again rw - cgroup cgroup rw,memory\n");

        assertThat(hierarchies.unified()).isEqualTo(path("/sys/fs/cgroup"));
        assertThat(hierarchies.legacy()).containsOnly(Map.entry(Controller.MEMORY, path("/memory")));
    }

    @Test
    void otherFileSystemsThatSpeakOfControlGroupsAreNone() {
        assertThat(Hierarchies.parse("1 2 0:3 / /a rw - tmpfs cgroup2 rw,memory\n"
                        + "1 2 0:3 / /b rw - fuse.cgroupfs cgroup rw,memory\n"
                        + "1 2 0:3 / /c-cgroup2-cgroup rw - ext4 /dev/cgroup2 rw\n"))
                .isEmpty();
    }

    @Test
    void optionalFieldsMayBeManyOrNone() {
        assertThat(parse("31 25 0:27 / /a rw - cgroup2 cgroup2 rw").unified()).isEqualTo(path("/a"));
        assertThat(parse("31 25 0:27 / /a rw shared:1 master:2 propagate_from:3 unbindable - cgroup2 x rw")
                        .unified())
                .isEqualTo(path("/a"));
    }

    @ParameterizedTest
    @CsvSource({
        "/a\\040b, /a b",
        "/a\\011b\\134c, '/a\tb\\c'",
        "/a\\012b, '/a\nb'",
        "/\\040-\\040cgroup2, '/ - cgroup2'",
        "/a\\040, '/a '",
        "/plain, /plain",
        "/\u00c3\u00a9, /\u00e9"
    })
    void pathsAreEscapedByTheKernel(String field, String path) {
        assertThat(Hierarchies.unescape(field)).isEqualTo(path);
        assertThat(parse("31 25 0:27 / " + field + " rw - cgroup2 cgroup2 rw").unified())
                .hasToString(path);
    }

    @Test
    void rubbishIsPassedOver() {
        assertThat(parse("\n\n - \n - cgroup2\ncgroup2\n1 2 3 - cgroup2 cgroup2 rw\n"
                                + "1 2 0:3 / /a rw - cgroup\n1 2 0:3 / /b rw - cgroup2 x\n"
                                + UNIFIED)
                        .unified())
                .isEqualTo(path("/sys/fs/cgroup"));
    }

    @Test
    void aDamagedListIsReadOrPassedOver() {
        Seeded.run(random -> {
            for (int i = 0; i < 3_000; i++) {
                StringBuilder text = new StringBuilder(HYBRID);
                for (int j = random.nextInt(4); j >= 0 && !text.isEmpty(); j--) {
                    int at = random.nextInt(text.length());
                    switch (random.nextInt(3)) {
                        case 0 -> text.deleteCharAt(at);
                        case 1 -> text.setCharAt(at, " \n-/cg,".charAt(random.nextInt(7)));
                        default -> text.setLength(at + 1);
                    }
                }
                Hierarchies.parse(text.toString())
                        .ifPresent(found -> assertThat(found.unified()).isNotNull());
            }
        });
    }

    @Test
    void thisMachinesListCanBeRead() throws IOException {
        Hierarchies.detect()
                .ifPresent(found -> assertThat(Files.exists(found.unified().resolve("cgroup.procs")))
                        .isTrue());
    }
}
