package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ReportTest {
    private final Report report = new Report("start", "create and run");

    private static Samples samples(long... nanoseconds) {
        return Samples.ofNanoseconds(
                java.util.Arrays.stream(nanoseconds).boxed().toList());
    }

    private String printed() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        report.print(new PrintStream(out, true, StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void theFileHasRowsRatiosAndFigures() {
        report.row("ours", samples(2_000_049, 3_000_000, 1_000_000));
        report.row("crun", samples(8_000_000, 9_000_000, 10_000_000));
        report.ratio("ours", "crun", Optional.of(Goal.atMost(0.4)));
        report.figure("cores", 2);

        assertThat(JsonMapper.shared().readTree(report.json()))
                .isEqualTo(JsonMapper.shared().readTree("""
                                        {"rows": [
                                           {"case": "ours", "n": 3, "p10_us": 1000.0, "median_us": 2000.0, "p90_us": 3000.0},
                                           {"case": "crun", "n": 3, "p10_us": 8000.0, "median_us": 9000.0, "p90_us": 10000.0}],
                                         "ratios": {"ours/crun": 0.222},
                                         "figures": {"cores": 2.0}}
                                        """));
    }

    @Test
    void aRatioMayHaveANameOfItsOwn() {
        report.row("run", samples(1_000_000));
        report.row("podman run", samples(4_000_000));
        report.ratio("run/podman", "run", "podman run", Optional.of(Goal.atMost(0.5)));
        report.ratio("exec/podman", "exec", "podman exec", Optional.of(Goal.atMost(0.5)));

        assertThat(JsonMapper.shared().readTree(report.json()).at("/ratios"))
                .isEqualTo(JsonMapper.shared().readTree("{\"run/podman\": 0.25}"));
    }

    @Test
    void aMissingPeerIsSaidToBeMissing() {
        report.row("ours", samples(1));
        report.missing("runc");
        report.ratio("ours", "runc", Optional.of(Goal.atMost(0.12)));

        JsonNode json = JsonMapper.shared().readTree(report.json());
        assertThat(json.at("/figures/runc").asString()).isEqualTo("missing");
        assertThat(json.at("/ratios").isEmpty()).isTrue();
        assertThat(printed()).containsPattern("runc +missing: ./dev setup --bench installs it");
        assertThat(report.hasFailed()).isFalse();
    }

    @Test
    void aFailedCaseFailsTheRunAndLosesItsNumbers() {
        report.row("crun", samples(1));
        report.failed("crun", "exit code 1");

        assertThat(report.hasFailed()).isTrue();
        assertThat(JsonMapper.shared().readTree(report.json()).at("/rows").isEmpty())
                .isTrue();
        assertThat(printed()).containsPattern("crun +FAILED: exit code 1");
    }

    @Test
    void goalsStandBesideTheirNumbers() {
        report.ratio("ours/crun", 0.41, Optional.of(Goal.atMost(0.4)));
        report.ratio("throughput/ProcessBuilder", 0.97, Optional.of(Goal.atLeast(0.95)));
        report.figure("roundtrip_us", 20, Goal.atMost(20));

        assertThat(printed())
                .containsPattern("ours/crun +0\\.410 +<= 0\\.4 +NOT REACHED")
                .containsPattern("throughput/ProcessBuilder +0\\.970 +>= 0\\.95 +reached")
                .containsPattern("roundtrip_us +20\\.000 +<= 20 +reached");
        assertThat(report.hasFailed()).isFalse();
    }

    @Test
    void aMachineIsNoisyWhenABareExecIsNowFastNowSlow() {
        assertThat(report.noisy()).isEmpty();
        report.row(Report.BARE_EXEC, samples(100, 200, 300));
        assertThat(report.noisy()).contains(false);
        report.row(Report.BARE_EXEC, samples(100, 200, 301));
        assertThat(report.noisy()).contains(true);

        assertThat(JsonMapper.shared()
                        .readTree(report.json())
                        .at("/figures/noisy")
                        .asBoolean())
                .isTrue();
        assertThat(printed()).contains("NOISY");
    }

    @Test
    void nothingIsWiderThanATerminal() {
        report.row("a case with quite a long name..", samples(123_456_789_000L));
        report.ratio("ours/some other program of old", 12.5, Optional.of(Goal.atMost(0.123)));
        report.failed("ours", "word ".repeat(40).strip());
        report.leftOut("crun", "one thing; another thing; ".repeat(8).strip());

        assertThat(List.of(printed().split("\n")))
                .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    }

    @Test
    void theFileHasTheBenchmarksName(@TempDir Path directory) throws IOException {
        Path file = report.write(directory.resolve("target/bench"));

        assertThat(file).isEqualTo(directory.resolve("target/bench/start.json"));
        assertThat(JsonMapper.shared().readTree(Files.readString(file)).propertyNames())
                .containsExactly("rows", "ratios", "figures");
    }
}
