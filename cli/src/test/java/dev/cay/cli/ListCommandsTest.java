package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.Mount;
import dev.cay.ResourceLimit;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.Volumes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code ps}, {@code inspect}, {@code stats} and {@code volume}. */
class ListCommandsTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @BeforeEach
    void makeSandboxes() {
        engine.box(
                "2bc53668fe98",
                SandboxSpec.directory(Path.of("/var/lib/roots/a-very-long-name-of-a-directory"))
                        .detached()
                        .name("a-name-that-is-quite-long-indeed")
                        .label("ci", "7")
                        .label("owner", "me")
                        .memory(Size.mib(256))
                        .command(ExecSpec.of("sh", "-c", "while :; do echo hello; sleep 1; done # for ever\n"))
                        .build());
        FakeSandbox exited = engine.box(
                "77c53668fe00", SandboxSpec.host().detached().label("ci", "8").build());
        exited.state = SandboxState.EXITED;
        exited.exit = Optional.of(Exit.exited(3));
        engine.box("88c53668fe00", SandboxSpec.host().detached().build()).state = SandboxState.DEAD;
        engine.box("99c53668fe00", SandboxSpec.host().build());
    }

    @Test
    void psFitsATerminalOf80Columns() {
        terminal.interactive();
        terminal.variables.put("NO_COLOR", "1");

        assertThat(terminal.run("ps", "-a")).isZero();
        assertThat(terminal.out().lines())
                .hasSize(5)
                .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
        assertThat(terminal.out())
                .startsWith("ID            NAME")
                .contains(
                        "2bc53668fe98  a-name-that-i\u2026  ",
                        "  running",
                        "  exited 3",
                        "  dead",
                        "  2m ago",
                        "  host\n")
                .doesNotContain("\u001b");
    }

    @Test
    void coloursAreForTerminalsThatHaveThem() {
        terminal.interactive();
        terminal.run("ps", "-a");
        assertThat(terminal.out()).contains("\u001b[32mrunning\u001b[0m ", "\u001b[31mdead\u001b[0m ");

        terminal.out.reset();
        terminal.variables.put("TERM", "dumb");
        terminal.run("ps", "-a");
        assertThat(terminal.out()).doesNotContain("\u001b");
    }

    @Test
    void psShowsProgramsEverything() {
        assertThat(terminal.run("ps")).isZero();
        assertThat(terminal.out())
                .isEqualTo("2bc53668fe98\ta-name-that-is-quite-long-indeed\trunning\t"
                        + "sh -c while :; do echo hello; sleep 1; done # for ever\\x0a\t2026-01-02T03:04:05Z\t"
                        + "/var/lib/roots/a-very-long-name-of-a-directory\n"
                        + "99c53668fe00\t-\tattached\t-\t2026-01-02T03:04:05Z\thost\n");
    }

    @Test
    void psChooses() {
        assertThat(ids("-q")).containsExactly("2bc53668fe98", "99c53668fe00");
        assertThat(ids("-aq")).hasSize(4);
        assertThat(ids("-aq", "--filter", "label=ci")).containsExactly("2bc53668fe98", "77c53668fe00");
        assertThat(ids("-aq", "-f", "label=ci=8")).containsExactly("77c53668fe00");
        assertThat(ids("-aq", "-f", "label=ci", "-f", "label=owner=me")).containsExactly("2bc53668fe98");
        assertThat(ids("-aq", "-f", "state=dead")).containsExactly("88c53668fe00");
        assertThat(ids("-aq", "-f", "name=a-name-that-is-quite-long-indeed")).containsExactly("2bc53668fe98");
        assertThat(ids("-aq", "-f", "label=nothing")).isEmpty();
    }

    private List<String> ids(String... options) {
        terminal.out.reset();
        String[] line = new String[options.length + 1];
        line[0] = "ps";
        System.arraycopy(options, 0, line, 1, options.length);
        assertThat(terminal.run(line)).isZero();
        return terminal.out().lines().toList();
    }

    @Test
    void psWritesALineForEachForPrograms() {
        terminal.run("ps", "--all", "--format", "json");

        assertThat(terminal.out().lines()).hasSize(4);
        assertThat(terminal.out().lines().skip(1).findFirst())
                .contains("{\"id\":\"77c53668fe00\",\"name\":\"77c53668fe00\",\"state\":\"exited\",\"attached\":false,"
                        + "\"created\":\"2026-01-02T03:04:05Z\",\"pid\":4711,"
                        + "\"exit\":{\"reason\":\"exited\",\"code\":3,\"signal\":0,\"errno\":0,\"step\":\"\",\"core\":false},"
                        + "\"root\":\"host\",\"labels\":{\"ci\":\"8\"}}");
    }

    @Test
    void inspectTellsEverything() {
        SandboxSpec spec = new SandboxSpec(
                SandboxSpec.host().build().root(),
                SandboxSpec.host().build().writable(),
                SandboxSpec.host().build().network(),
                new Limits(
                        Optional.of(Size.mib(64)),
                        9,
                        OptionalDouble.of(0.5),
                        OptionalInt.of(50),
                        new IoLimits(
                                OptionalLong.of(1), OptionalLong.empty(), OptionalLong.empty(), OptionalLong.of(2))),
                java.util.Map.of(ResourceLimit.OPEN_FILES, 64L),
                SandboxSpec.host().build().seccomp(),
                true,
                Optional.of("box"),
                java.util.Map.of("A", "b"),
                Optional.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                Optional.of("lab"),
                java.util.Map.of(),
                List.of(
                        Mount.bindReadOnly(Path.of("/x"), "/y"),
                        Mount.tmpfs("/t", Size.mib(1)),
                        Mount.volume("v", "/v")),
                dev.cay.Lifetime.untilRemoved().limit(Duration.ofSeconds(5)).idle(Duration.ofSeconds(6)),
                Optional.of(
                        ExecSpec.builder("job").timeout(Duration.ofSeconds(7)).build()),
                dev.cay.Isolation.CONTAINER,
                dev.cay.Furnishing.none(),
                true,
                dev.cay.OnHang.REPORT,
                dev.cay.VmmKind.QEMU);
        FakeSandbox box = engine.box("0001", spec);
        box.running(ExecSpec.of("job"));
        engine.executions.get(0).await();

        assertThat(terminal.run("inspect", "lab")).isZero();
        assertThat(terminal.out())
                .isEqualTo(
                        "{\"id\":\"0001\",\"name\":\"lab\",\"state\":\"running\",\"attached\":false,\"created\":\"2026-01-02T03:04:05Z\","
                                + "\"pid\":4711,\"root\":\"host\",\"command\":[\"job\"],\"labels\":{},"
                                + "\"writable\":{\"kind\":\"tmpfs\",\"bytes\":268435456},\"network\":\"none\","
                                + "\"limits\":{\"memory_bytes\":67108864,\"pids\":9,\"cpus\":0.5,\"cpu_weight\":50,"
                                + "\"read_bytes_per_second\":1,\"writes_per_second\":2},\"ulimits\":{\"open-files\":64},"
                                + "\"seccomp\":\"default\",\"user_namespace\":true,\"hostname\":\"box\",\"environment\":{\"A\":\"b\"},"
                                + "\"working_directory\":\"/\",\"user\":\"root\",\"mounts\":["
                                + "{\"target\":\"/y\",\"kind\":\"bind\",\"source\":\"/x\",\"read_only\":true,\"executable\":true},"
                                + "{\"target\":\"/t\",\"kind\":\"tmpfs\",\"bytes\":1048576,\"mode\":\"1777\"},"
                                + "{\"target\":\"/v\",\"kind\":\"volume\",\"volume\":\"v\",\"read_only\":false}],"
                                + "\"lifetime\":{\"detached\":true,\"ttl_ms\":5000,\"idle_ms\":6000},"
                                + "\"command_settings\":{\"terminal\":false,\"timeout_ms\":7000,\"grace_ms\":2000,"
                                + "\"kept_bytes\":1048576},\"executions\":[{\"execution\":1,\"command\":[\"job\"],\"user\":\"root\","
                                + "\"terminal\":false,\"pid\":2,\"started\":\"2026-01-02T03:04:05Z\","
                                + "\"exit\":{\"reason\":\"exited\",\"code\":0,\"signal\":0,\"errno\":0,\"step\":\"\",\"core\":false}}],"
                                + "\"usage\":{\"cpu_us\":5000,\"memory_bytes\":2097152,\"memory_peak_bytes\":3145728,\"processes\":1,"
                                + "\"oom_kills\":0,\"bytes_read\":4096}}\n");
    }

    @Test
    void inspectGoesOnAfterAFailure() {
        assertThat(terminal.run("inspect", "nothing", "99c53668fe00", "88c53668fe00"))
                .isEqualTo(1);
        assertThat(terminal.out().lines())
                .hasSize(2)
                .anySatisfy(line -> assertThat(line).contains("\"state\":\"running\",\"attached\":true"))
                .anySatisfy(line -> assertThat(line).contains("\"state\":\"dead\",\"attached\":false"));
        assertThat(terminal.err()).startsWith("cay: error [not-found]: there is no sandbox 'nothing'\n");
    }

    @Test
    void inspectIsLaidOutForPeople() {
        terminal.interactive();
        terminal.run("inspect", "2bc53668fe98");
        assertThat(terminal.out())
                .startsWith("{\n  \"id\": \"2bc53668fe98\",\n")
                .contains("\n  \"mounts\": [],\n");

        terminal.out.reset();
        terminal.run("inspect", "2bc53668fe98", "--format", "json");
        assertThat(terminal.out().lines()).hasSize(1);
    }

    @Test
    void statsMeasuresOverHalfASecond() {
        FakeSandbox box = engine.boxes.get(0);
        box.usages.add(usage(100));
        box.usages.add(usage(225));

        assertThat(terminal.run("stats", "2bc53668fe98")).isZero();
        assertThat(terminal.out())
                .isEqualTo("2bc53668fe98\ta-name-that-is-quite-long-indeed\t25.0%\t2m\t256m\t1\t4k\t-\n");
        assertThat(terminal.time.pauses).containsExactly(Duration.ofMillis(500));
    }

    @Test
    void statsOfAllLeavesOutWhatCannotBeLookedAt() {
        terminal.run("stats", "--format", "json");

        assertThat(terminal.out().lines()).hasSize(3);
        assertThat(terminal.out())
                .startsWith(
                        "{\"time\":\"2026-01-02T03:06:10.500Z\",\"id\":\"2bc53668fe98\","
                                + "\"name\":\"a-name-that-is-quite-long-indeed\",\"cpu_percent\":0.0,\"usage\":{\"cpu_us\":5000,");
    }

    @Test
    void statsFollowsOnATerminalInItsPlace() {
        terminal.interactive();
        terminal.time.onPause = () -> {
            if (terminal.time.pauses.size() == 3) {
                terminal.guard.stop();
            }
        };

        terminal.run("stats", "-f");

        assertThat(terminal.time.pauses)
                .containsExactly(Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofSeconds(1));
        assertThat(terminal.out())
                .startsWith("\u001b[H\u001b[J\u001b[HID")
                .contains("\u001b[K\n", "\u001b[J\u001b[HID");
        assertThat(terminal.out().lines())
                .allSatisfy(line ->
                        assertThat(line.replaceAll("\u001b\\[[A-Z]", "")).hasSizeLessThanOrEqualTo(80));
    }

    @Test
    void statsEndsWithTheLastOfThoseThatWereNamed() {
        terminal.time.onPause = () -> {
            if (terminal.time.pauses.size() == 2) {
                engine.boxes.get(0).state = SandboxState.DEAD;
            }
        };

        assertThat(terminal.run("stats", "-f", "2bc53668fe98")).isZero();
        assertThat(terminal.out().lines()).hasSize(1);
        assertThat(terminal.run("stats", "nothing")).isEqualTo(125);
    }

    private static Usage usage(long millis) {
        Usage usage = FakeSandboxes.USAGE;
        return new Usage(
                Duration.ofMillis(millis),
                usage.memory(),
                usage.memoryPeak(),
                usage.processes(),
                usage.bytesRead(),
                usage.bytesWritten(),
                usage.oomKills());
    }

    @Test
    void volumesAreMadeListedAndRemoved() {
        assertThat(terminal.run("volume", "create", "cache", "--limit", "2g")).isZero();
        assertThat(terminal.run("volume", "create", "cache")).isEqualTo(125);
        engine.volumes.volumes.add(new Volumes.Info("data", Optional.empty(), List.of("lab", "web")));
        terminal.out.reset();

        terminal.run("volume", "ls");
        terminal.run("volume", "ls", "-q");
        terminal.run("volume", "ls", "--format=json");
        assertThat(terminal.out())
                .isEqualTo("cache\t2g\t-\ndata\t-\tlab web\ncache\ndata\n"
                        + "{\"name\":\"cache\",\"limit_bytes\":2147483648,\"users\":[]}\n"
                        + "{\"name\":\"data\",\"users\":[\"lab\",\"web\"]}\n");
        terminal.out.reset();
        assertThat(terminal.run("volume", "rm", "nothing", "cache")).isEqualTo(1);
        assertThat(terminal.out()).isEqualTo("cache\n");
        terminal.out.reset();
        terminal.interactive();
        terminal.run("volume", "ls");
        assertThat(terminal.out()).isEqualTo("NAME  LIMIT  USED BY\ndata  -      lab web\n");
    }
}
