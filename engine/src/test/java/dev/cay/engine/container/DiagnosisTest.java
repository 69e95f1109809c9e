package dev.cay.engine.container;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Finding;
import dev.cay.Finding.Verdict;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiagnosisTest {
    @TempDir
    Path machine;

    private static Map<String, Finding> of(Path root) {
        return Diagnosis.of(root, true).stream().collect(toMap(Finding::subject, finding -> finding));
    }

    private void file(String path, String content) throws IOException {
        Path file = machine.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    @Test
    void numbersOfTheKernelAreReadWhole() throws IOException {
        String most;
        try (BufferedReader file = Files.newBufferedReader(Path.of("/proc/sys/user/max_user_namespaces"))) {
            most = file.readLine();
        }
        assertThat(of(Path.of("/")).get("user namespaces").detail()).isEqualTo("at most " + most);
    }

    @Test
    void everyFindingThatIsNotGoodHasAFix() {
        assertThat(Diagnosis.of(machine, false))
                .hasSizeGreaterThan(5)
                .allSatisfy(finding -> assertThat(finding.fix().isEmpty()).isEqualTo(finding.verdict() == Verdict.GOOD))
                .anySatisfy(finding -> assertThat(finding.verdict()).isEqualTo(Verdict.MISSING));
    }

    @Test
    void anOldKernelWithoutUserNamespaces() throws IOException {
        file("proc/sys/kernel/osrelease", "6.1.0-49-amd64\n");
        file("proc/sys/user/max_user_namespaces", "0\n");
        file("proc/filesystems", "nodev\ttmpfs\nnodev\tproc\n\text4\n");

        assertThat(of(machine).get("kernel").verdict()).isEqualTo(Verdict.MISSING);
        assertThat(of(machine).get("kernel").detail()).isEqualTo("Linux 6.1.0-49-amd64");
        assertThat(of(machine).get("user namespaces").verdict()).isEqualTo(Verdict.MISSING);
        assertThat(of(machine).get("overlay file system").fix()).isEqualTo("modprobe overlay");
        assertThat(of(machine)).doesNotContainKey("tmpfs file system");
    }

    @Test
    void landlockIsAWallLessWhereTheKernelDoesNotRunIt() {
        assertThat(of(machine).get("landlock").verdict()).isEqualTo(Verdict.GOOD);
        assertThat(Diagnosis.of(machine, false))
                .filteredOn(finding -> finding.subject().equals("landlock"))
                .singleElement()
                .satisfies(finding -> assertThat(finding.verdict()).isEqualTo(Verdict.LIMITED));
    }
}
