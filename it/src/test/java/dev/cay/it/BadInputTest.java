package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.IoLimits;
import dev.cay.ResourceLimit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Writable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every field out of range: refused with a code and a hint before anything is done. */
@ExtendWith(RootLane.class)
class BadInputTest {
    private static Arguments sandbox(String what, Supplier<SandboxSpec.Builder> builder) {
        return arguments(what, builder);
    }

    private static Stream<Arguments> sandboxes() {
        IoLimits none = IoLimits.none();
        return Stream.of(
                sandbox("memory 0", () -> SandboxSpec.host().memory(Size.bytes(0))),
                sandbox("memory small", () -> SandboxSpec.host().memory(Size.bytes((6 << 20) - 1))),
                sandbox("pids 0", () -> SandboxSpec.host().pids(0)),
                sandbox("pids -1", () -> SandboxSpec.host().pids(-1)),
                sandbox("pids many", () -> SandboxSpec.host().pids(4_194_305)),
                sandbox("cpus 0", () -> SandboxSpec.host().cpus(0)),
                sandbox("cpus -1", () -> SandboxSpec.host().cpus(-1)),
                sandbox("cpus NaN", () -> SandboxSpec.host().cpus(Double.NaN)),
                sandbox("cpus infinite", () -> SandboxSpec.host().cpus(Double.POSITIVE_INFINITY)),
                sandbox("weight 0", () -> SandboxSpec.host().cpuWeight(0)),
                sandbox("weight many", () -> SandboxSpec.host().cpuWeight(10_001)),
                sandbox(
                        "io 0",
                        () -> SandboxSpec.host()
                                .io(new IoLimits(
                                        OptionalLong.of(0),
                                        none.writeBytes(),
                                        none.readOperations(),
                                        none.writeOperations()))),
                sandbox(
                        "io -1",
                        () -> SandboxSpec.host()
                                .io(new IoLimits(
                                        none.readBytes(),
                                        none.writeBytes(),
                                        none.readOperations(),
                                        OptionalLong.of(-1)))),
                sandbox("tmpfs small", () -> SandboxSpec.host().tmpfs(Size.bytes(65_535))),
                sandbox("tmp small", () -> SandboxSpec.host().writable(new Writable.Nothing(Size.bytes(1)))),
                sandbox("writable relative", () -> SandboxSpec.host().writable(new Writable.Directory(Path.of("x")))),
                sandbox(
                        "writable ..",
                        () -> SandboxSpec.host().writable(new Writable.Directory(Path.of("/tmp/../etc")))),
                sandbox("root relative", () -> SandboxSpec.directory(Path.of("x"))),
                sandbox("root ..", () -> SandboxSpec.directory(Path.of("/usr/.."))),
                sandbox("rlimit -1", () -> SandboxSpec.host().resourceLimit(ResourceLimit.CORE, -1)),
                sandbox("hostname empty", () -> SandboxSpec.host().hostname("")),
                sandbox("hostname long", () -> SandboxSpec.host().hostname("x".repeat(65))),
                sandbox("hostname newline", () -> SandboxSpec.host().hostname("a\nb")),
                sandbox("hostname end", () -> SandboxSpec.host().hostname("a\n")),
                sandbox("hostname NUL", () -> SandboxSpec.host().hostname("a\0b")),
                sandbox("hostname ..", () -> SandboxSpec.host().hostname("..")),
                sandbox("hostname dash", () -> SandboxSpec.host().hostname("-a")),
                sandbox("environment name NUL", () -> SandboxSpec.host().environment("A\0", "x")),
                sandbox("environment value NUL", () -> SandboxSpec.host().environment("A", "x\0")),
                sandbox("environment name =", () -> SandboxSpec.host().environment("A=B", "x")),
                sandbox("environment name empty", () -> SandboxSpec.host().environment("", "x")),
                sandbox("environment long", () -> SandboxSpec.host().environment("A", "x".repeat(131_072))),
                sandbox("environment long in bytes", () -> SandboxSpec.host().environment("A", "ü".repeat(131_000))),
                sandbox("directory relative", () -> SandboxSpec.host().workingDirectory("tmp")),
                sandbox("directory empty", () -> SandboxSpec.host().workingDirectory("")),
                sandbox("directory NUL", () -> SandboxSpec.host().workingDirectory("/\0")),
                sandbox("directory long", () -> SandboxSpec.host().workingDirectory("/" + "x".repeat(4095))),
                sandbox("user empty", () -> SandboxSpec.host().user("")),
                sandbox("user newline", () -> SandboxSpec.host().user("root\n")),
                sandbox("user colons", () -> SandboxSpec.host().user("a:b:c")),
                sandbox("user NUL", () -> SandboxSpec.host().user("\0")),
                sandbox("user path", () -> SandboxSpec.host().user("../root")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("sandboxes")
    void badSandboxesAreRefused(String what, Supplier<SandboxSpec.Builder> builder, Sandboxes engine) {
        assertThatThrownBy(() -> engine.create(builder.get().build()).close())
                .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, BadInputTest::isHelpful);
    }

    static final List<String> ABSENT_ROOTS = List.of("/no/such/root", "/etc/passwd", "/proc/self/exe");

    @ParameterizedTest
    @FieldSource("ABSENT_ROOTS")
    void absentRootsAreRefused(String root, Sandboxes engine) {
        assertThatThrownBy(
                        () -> engine.create(SandboxSpec.directory(Path.of(root)).build()))
                .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, BadInputTest::isHelpful);
    }

    /** Odd but legal names are just names. */
    @Test
    void oddPathsAreJustNames(Sandboxes engine) throws IOException {
        for (String name : List.of(
                "with blank", "with,comma", "with:colon", "with\nnewline", "with\\backslash", "ünïcode", "'\"$(x)")) {
            Path root = Lab.smallRoot();
            Path odd = root.resolveSibling(name);
            Files.move(root, odd);
            Path changes = Lab.directory().resolve(name);
            SandboxSpec spec = SandboxSpec.directory(odd)
                    .writable(new Writable.Directory(changes))
                    .build();
            try (Sandbox sandbox = engine.create(spec)) {
                assertThat(Lab.sh(sandbox, "echo x > /x; cat /x")).isEqualTo("x");
            }
            Lab.delete(odd);
            Lab.delete(changes);
        }
    }

    @Test
    void specialFileSystemsAsRootsWorkOrAreRefused(Sandboxes engine) {
        for (String root : List.of("/proc", "/sys", "/dev", "/sys/fs/cgroup", "/run/cay")) {
            try (Sandbox sandbox =
                    engine.create(SandboxSpec.directory(Path.of(root)).build())) {
                assertThat(sandbox.exec("true").exit().success()).as(root).isFalse();
            } catch (SandboxException e) {
                assertThat(e.code()).as(root).isEqualTo("setup-failed");
                assertThat(e)
                        .hasMessageMatching(
                                "(?s)cannot make the sandbox: [a-z_0-9]+\\(.*\\): E[A-Z]+ \\(step [0-9]+\\)");
            }
        }
    }

    private static Stream<Arguments> commands() {
        return Stream.<Map.Entry<String, Supplier<ExecSpec.Builder>>>of(
                        Map.entry("V1 no command", () -> ExecSpec.builder(List.of())),
                        Map.entry("V1 empty program", () -> ExecSpec.builder("")),
                        Map.entry("program NUL", () -> ExecSpec.builder("tr\0ue")),
                        Map.entry("V8 argument NUL", () -> ExecSpec.builder("echo", "a\0b")),
                        Map.entry("argument long", () -> ExecSpec.builder("echo", "x".repeat(131_072))),
                        Map.entry("argument long in bytes", () -> ExecSpec.builder("echo", "ü".repeat(131_000))),
                        Map.entry(
                                "environment NUL", () -> ExecSpec.builder("env").environment("A", "\0")),
                        Map.entry("environment =", () -> ExecSpec.builder("env").environment("=", "")),
                        Map.entry(
                                "directory relative",
                                () -> ExecSpec.builder("pwd").workingDirectory("usr")),
                        Map.entry("directory NUL", () -> ExecSpec.builder("pwd").workingDirectory("/\0")),
                        Map.entry("user", () -> ExecSpec.builder("id").user(":")),
                        Map.entry("user newline", () -> ExecSpec.builder("id").user("root\nx")),
                        Map.entry("user absent", () -> ExecSpec.builder("id").user("absent")),
                        Map.entry(
                                "user out of range",
                                () -> ExecSpec.builder("id").user("4294967296")),
                        Map.entry(
                                "group out of range",
                                () -> ExecSpec.builder("id").user("0:99999999999999999999")),
                        Map.entry("timeout 0", () -> ExecSpec.builder("id").timeout(Duration.ZERO)),
                        Map.entry(
                                "timeout negative", () -> ExecSpec.builder("id").timeout(Duration.ofSeconds(-1))),
                        Map.entry("timeout long", () -> ExecSpec.builder("id").timeout(Duration.ofDays(366))),
                        Map.entry("grace negative", () -> ExecSpec.builder("id").grace(Duration.ofMillis(-1))),
                        Map.entry("grace long", () -> ExecSpec.builder("id").grace(Duration.ofHours(2))),
                        Map.entry("output limit", () -> ExecSpec.builder("id").outputLimit(Size.gib(2))))
                .map(entry -> arguments(entry.getKey(), entry.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("commands")
    void v1BadCommandsAreRefused(String what, Supplier<ExecSpec.Builder> builder, Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThatThrownBy(() -> sandbox.exec(builder.get().build()))
                    .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, BadInputTest::isHelpful);
            assertThatThrownBy(() -> sandbox.start(builder.get().build()).close())
                    .isInstanceOf(SandboxException.InvalidSpec.class);
            assertThat(sandbox.exec("true").exit().success()).isTrue();
        }
    }

    /** More than the kernel takes, all in all: a result that names the step. */
    @Test
    void tooManyArgumentsAreAFailedStart(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            String[] command = new String[60];
            java.util.Arrays.fill(command, "x".repeat(131_000));
            command[0] = "true";
            try (Execution execution = sandbox.start(ExecSpec.of(command))) {
                assertThat(execution.await().step()).contains("execve").contains("E2BIG");
            }
            assertThat(sandbox.exec("true").exit().success()).isTrue();
        }
    }

    private static void isHelpful(SandboxException e) {
        assertThat(e.code()).isEqualTo("invalid-spec");
        assertThat(e.getMessage()).isNotEmpty().doesNotContain("null");
        assertThat(e.hint()).as("hint of: " + e.getMessage()).isNotEmpty();
    }
}
