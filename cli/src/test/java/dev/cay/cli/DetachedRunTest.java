package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Lifetime;
import dev.cay.Mount;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.TerminalSize;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code run --detach}, {@code create} and {@code start}. */
@Timeout(20)
class DetachedRunTest {
    private final CountDownLatch end = new CountDownLatch(1);
    private final FakeSandboxes engine = new FakeSandboxes((stdin, stdout, stderr) -> {
        end.await();
        stdout.write('x');
        return Exit.exited(3);
    });
    private final Terminal terminal = new Terminal(engine);

    @AfterEach
    void endCommands() {
        end.countDown();
        engine.executions.forEach(FakeExecution::kill);
    }

    @Test
    void runPrintsTheIdAndLeavesTheCommandAlone() {
        assertThat(terminal.run(
                        "run",
                        "-d",
                        "--name",
                        "web",
                        "-e",
                        "A=b",
                        "-w",
                        "/srv",
                        "-u",
                        "www",
                        "--timeout",
                        "5s",
                        "--kept",
                        "2m",
                        "--ttl",
                        "1h",
                        "--idle",
                        "10m",
                        "-l",
                        "ci=1",
                        "--label",
                        "plain",
                        "--",
                        "serve",
                        "-d"))
                .isZero();

        assertThat(terminal.out()).isEqualTo("box-1\n");
        SandboxSpec spec = engine.created.get(0);
        assertThat(spec.lifetime())
                .isEqualTo(Lifetime.untilRemoved().limit(Duration.ofHours(1)).idle(Duration.ofMinutes(10)));
        assertThat(spec.name()).contains("web");
        assertThat(spec.labels()).isEqualTo(Map.of("ci", "1", "plain", ""));
        assertThat(spec.environment()).isEqualTo(Map.of("A", "b"));
        assertThat(spec.workingDirectory()).hasValue("/srv");
        assertThat(spec.user()).hasValue("www");
        ExecSpec command = spec.command().orElseThrow();
        assertThat(command.command()).containsExactly("serve", "-d");
        assertThat(command.environment()).isEmpty();
        assertThat(command.timeout()).contains(Duration.ofSeconds(5));
        assertThat(command.kept()).isEqualTo(Size.mib(2));
        FakeExecution execution = engine.executions.get(0);
        assertThat(execution.detached).isTrue();
        assertThat(execution.inputClosed).isTrue();
        assertThat(execution.alive()).isTrue();
        assertThat(engine.closed).containsExactly("sandbox", "engine");
    }

    @Test
    void rmLastsUntilTheEndOfTheCommand() {
        assertThat(terminal.run("run", "-d", "--rm", "--ttl", "1h", "--", "job"))
                .isZero();
        assertThat(terminal.run("create", "--rm", "--", "job")).isZero();

        assertThat(engine.created.get(0).lifetime())
                .isEqualTo(Lifetime.untilRemoved().limit(Duration.ofHours(1)).untilEnd());
        assertThat(engine.created.get(1).lifetime())
                .isEqualTo(Lifetime.untilRemoved().untilEnd());
    }

    @Test
    void theInputStaysOpenIfAskedForOrIfThereIsATerminal() {
        terminal.run("run", "-d", "-i", "--", "cat");
        terminal.run("run", "-d", "-t", "--", "sh");

        assertThat(engine.executions).noneMatch(execution -> execution.inputClosed);
        assertThat(engine.executions.get(1).info().terminal()).isTrue();
        assertThat(engine.created.get(1).command().orElseThrow().terminal()).contains(TerminalSize.STANDARD);
        assertThat(engine.created.get(1).environment()).isEqualTo(Map.of("TERM", "xterm"));
        assertThat(terminal.device.done).isEmpty();
    }

    @Test
    void whatCannotBeStartedLeavesNothing() {
        engine.spawnFailure = Optional.of(Exit.spawnFailed(2, "execve: ENOENT (step 21)"));

        assertThat(terminal.run("run", "-d", "-w", "/srv", "--", "nothing")).isEqualTo(127);
        assertThat(terminal.out()).isEmpty();
        assertThat(terminal.err()).startsWith("cay: cannot run 'nothing': execve: ENOENT (step 21)\nhint: ");
        assertThat(engine.boxes).isEmpty();
    }

    @Test
    void printsTheIdForPrograms() {
        terminal.run("run", "-d", "--format", "json", "--", "sleep");
        terminal.run("create", "--format=json");

        assertThat(terminal.out()).isEqualTo("{\"id\":\"box-1\"}\n{\"id\":\"box-2\"}\n");
    }

    @Test
    void createMakesOneWithOrWithoutACommand() {
        assertThat(terminal.run("create", "--name", "lab", "-v", "data:/data", "--tmpfs", "/t:1m:700"))
                .isZero();
        assertThat(terminal.run("create", "-it", "--grace", "1s", "--", "sh", "-c", "x"))
                .isZero();

        assertThat(terminal.out()).isEqualTo("box-1\nbox-2\n");
        SandboxSpec first = engine.created.get(0);
        assertThat(first.command()).isEmpty();
        assertThat(first.lifetime()).isEqualTo(Lifetime.untilRemoved());
        assertThat(first.mounts())
                .containsExactly(Mount.volume("data", "/data"), new Mount.Tmpfs("/t", Size.mib(1), 0700));
        assertThat(engine.created.get(1).command().orElseThrow().command()).containsExactly("sh", "-c", "x");
        assertThat(engine.started).isEmpty();
        assertThat(engine.closed).doesNotContain("removed box-1");
    }

    @Test
    void bindsAreThoseThatLookLikePaths() {
        terminal.run("run", "-d", "-v", "./x:/x:ro,noexec", "-v", "/etc:/y", "--allow-host-path", "--", "ls");

        assertThat(engine.created.get(0).mounts())
                .containsExactly(
                        new Mount.Bind(Path.of("x").toAbsolutePath(), "/x", true, false, true),
                        new Mount.Bind(Path.of("/etc"), "/y", false, true, true));
    }

    @Test
    void startLetsTheCommandRun() {
        FakeSandbox box = box(ExecSpec.of("job"));

        assertThat(terminal.run("start", "lab")).isZero();

        assertThat(terminal.out()).isEqualTo("lab\n");
        assertThat(engine.started).containsExactly(box.spec().command().orElseThrow());
        assertThat(engine.executions.get(0).detached).isTrue();
        assertThat(engine.executions.get(0).inputClosed).isTrue();
    }

    @Test
    void startTellsPrograms() {
        box(ExecSpec.of("job"));

        terminal.run("start", "lab", "-i", "--format", "json");
        assertThat(terminal.out()).isEqualTo("{\"name\":\"lab\",\"result\":\"started\"}\n");
        assertThat(engine.executions.get(0).inputClosed).isFalse();
    }

    @Test
    void startAttachedWaitsForTheEnd() {
        box(ExecSpec.of("job"));
        end.countDown();

        assertThat(terminal.run("start", "-a", "lab")).isEqualTo(3);
        assertThat(terminal.out()).isEqualTo("x");
    }

    @Test
    void startNeedsACommand() {
        engine.box("lab", SandboxSpec.host().detached().build());

        assertThat(terminal.run("start", "lab")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [conflict]: the sandbox 'lab' has no command of its own\n"
                        + "hint: run one: cay exec lab -- COMMAND\n");
    }

    @Test
    void startSaysWhyItCouldNot() {
        box(ExecSpec.of("job"));
        engine.spawnFailure = Optional.of(Exit.spawnFailed(13, "execve: EACCES (step 21)"));

        assertThat(terminal.run("start", "lab")).isEqualTo(126);
        assertThat(terminal.run("start", "-a", "lab")).isEqualTo(126);
        assertThat(terminal.run("start", "nothing")).isEqualTo(125);
        assertThat(terminal.out()).isEmpty();
    }

    private FakeSandbox box(ExecSpec command) {
        return engine.box("lab", SandboxSpec.host().detached().command(command).build());
    }
}
