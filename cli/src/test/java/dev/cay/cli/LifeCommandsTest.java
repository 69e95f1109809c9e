package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Finding;
import dev.cay.OutputKind;
import dev.cay.SandboxEvent;
import dev.cay.SandboxSpec;
import dev.cay.SweepReport;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code stop}, {@code kill}, {@code rm}, {@code logs}, {@code events}, {@code sweep} and {@code doctor}. */
@Timeout(20)
class LifeCommandsTest {
    private final FakeSandboxes engine = new FakeSandboxes((stdin, stdout, stderr) -> {
        new CountDownLatch(1).await();
        return Exit.exited(0);
    });
    private final Terminal terminal = new Terminal(engine);
    private final FakeSandbox lab = box("lab");
    private final FakeSandbox web = box("web");

    private FakeSandbox box(String name) {
        return engine.box(name, SandboxSpec.host().detached().build());
    }

    @AfterEach
    void endCommands() {
        engine.executions.forEach(FakeExecution::kill);
    }

    @Test
    void stopDoesAllItCan() {
        assertThat(terminal.run("stop", "lab", "nothing", "web", "-t", "10s")).isEqualTo(1);

        assertThat(lab.stops).containsExactly(Duration.ofSeconds(10));
        assertThat(web.stops).containsExactly(Duration.ofSeconds(10));
        assertThat(terminal.out()).isEqualTo("lab\nweb\n");
        assertThat(terminal.err())
                .isEqualTo("cay: error [not-found]: there is no sandbox 'nothing'\nhint: see: cay ps -a\n");
    }

    @Test
    void stopTellsPrograms() {
        assertThat(terminal.run("stop", "--format", "json", "lab", "nothing")).isEqualTo(1);

        assertThat(lab.stops).containsExactly(ExecSpec.DEFAULT_GRACE);
        assertThat(terminal.out())
                .isEqualTo("{\"name\":\"lab\",\"result\":\"stopped\"}\n"
                        + "{\"name\":\"nothing\",\"error\":{\"code\":\"not-found\","
                        + "\"message\":\"there is no sandbox 'nothing'\",\"hint\":\"see: cay ps -a\"}}\n");
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void killKillsEverything() {
        assertThat(terminal.run("kill", "lab")).isZero();
        assertThat(terminal.run("kill", "-s", "sigkill", "lab")).isZero();
        assertThat(lab.stops).containsExactly(Duration.ZERO, Duration.ZERO);
    }

    @Test
    void killSendsSignals() {
        FakeExecution first = lab.running(ExecSpec.of("one"));
        FakeExecution second = lab.running(ExecSpec.of("two"));

        assertThat(terminal.run("kill", "-s", "HUP", "lab")).isZero();
        assertThat(terminal.run("kill", "--signal=34", "--execution", "2", "lab"))
                .isZero();
        assertThat(first.signals).containsExactly(1);
        assertThat(second.signals).containsExactly(34);
        assertThat(first.alive() && second.alive()).isTrue();

        assertThat(terminal.run("kill", "--execution", "2", "lab")).isZero();
        assertThat(second.alive()).isFalse();
        assertThat(terminal.run("kill", "--execution", "2", "lab")).isEqualTo(1);
        assertThat(terminal.err()).startsWith("cay: error [conflict]: command 2 of the sandbox 'lab' has ended\n");
        assertThat(terminal.run("kill", "-s", "TERM", "web")).isEqualTo(1);
    }

    @Test
    void rmRemovesWhatNobodyUses() {
        lab.running(ExecSpec.of("sleep", "9"));

        assertThat(terminal.run("rm", "lab", "web", "nothing")).isEqualTo(1);
        assertThat(terminal.out()).isEqualTo("web\n");
        assertThat(terminal.err())
                .startsWith("cay: error [conflict]: 'sleep 9' runs in the sandbox 'lab'\n"
                        + "hint: stop it first: cay stop lab,")
                .contains("cay: error [not-found]: there is no sandbox 'nothing'\n");
        assertThat(engine.boxes).containsExactly(lab);

        assertThat(terminal.run("rm", "-f", "lab", "nothing")).isZero();
        assertThat(engine.boxes).isEmpty();
    }

    @Test
    void rmRemovesWhatHasEnded() {
        lab.running(ExecSpec.of("sleep")).kill();

        assertThat(terminal.run("rm", "lab", "--format=json")).isZero();
        assertThat(terminal.out()).isEqualTo("{\"name\":\"lab\",\"result\":\"removed\"}\n");
    }

    @Test
    void logsPassesBothStreamsOn() {
        String much = "x".repeat(2000);
        lab.log(1, OutputKind.STDOUT, "one two three");
        lab.log(1, OutputKind.STDERR, "four five");
        lab.log(2, OutputKind.STDOUT, much);

        assertThat(terminal.run("logs", "lab")).isZero();
        assertThat(terminal.out()).isEqualTo("one two three");
        assertThat(terminal.err()).isEqualTo("four five");

        terminal.out.reset();
        terminal.err.reset();
        terminal.run("logs", "--tail", "1k", "--execution=2", "lab");
        assertThat(terminal.out()).isEqualTo(much.substring(0, 1024));
        assertThat(terminal.err()).isEmpty();

        terminal.out.reset();
        terminal.run("logs", "lab", "--execution=2", "--format", "json", "--tail", "1k");
        assertThat(terminal.out())
                .isEqualTo("{\"id\":\"lab\",\"execution\":2,\"stdout\":\"" + much.substring(0, 1024)
                        + "\",\"stderr\":\"\"}\n");
    }

    @ParameterizedTest
    @CsvSource({"0,''", "1,'d'", "2,'c|d'", "3,'|c|d'", "4,'b||c|d'", "5,'a|b||c|d'", "9,'a|b||c|d'"})
    void logsShowsTheLastLines(String lines, String expected) {
        lab.log(1, OutputKind.STDOUT, "a\nb\n\nc\nd\n");
        lab.log(1, OutputKind.STDERR, "a\nb\n\nc\nd");

        assertThat(terminal.run("logs", "--tail", lines, "lab")).isZero();
        String text = expected.replace("|", "\n");
        assertThat(terminal.out()).isEqualTo(text.isEmpty() ? "" : text + "\n");
        assertThat(terminal.err()).isEqualTo(text);
    }

    @Test
    void logsFollowsToTheEnd() {
        FakeExecution execution = lab.running(ExecSpec.of("serve"));
        lab.log(1, OutputKind.STDOUT, "begin ");
        terminal.time.onPause = () -> {
            lab.log(1, OutputKind.STDOUT, "begin middle ");
            if (terminal.time.pauses.size() == 2) {
                lab.log(1, OutputKind.STDOUT, "begin middle end");
                lab.log(1, OutputKind.STDERR, "bye");
                execution.kill();
            }
        };

        assertThat(terminal.run("logs", "-f", "lab")).isZero();
        assertThat(terminal.out()).isEqualTo("begin middle end");
        assertThat(terminal.err()).isEqualTo("bye");
        assertThat(terminal.time.pauses).hasSize(2);
    }

    @Test
    void eventsArePrintedUntilASignalComes() {
        engine.events.add(List.of(
                event(SandboxEvent.Kind.CREATED, OptionalInt.empty(), ""),
                event(SandboxEvent.Kind.EXITED, OptionalInt.of(2), "exit code 1")));
        engine.noMoreEvents = terminal.guard::stop;

        terminal.run("events");
        assertThat(terminal.out())
                .isEqualTo("2026-01-02T03:04:05Z 0001 lab created -\n"
                        + "2026-01-02T03:04:05Z 0001 lab exited 2 exit code 1\n");
        assertThat(engine.closed).contains("events");
    }

    /** On a terminal in the time of its place, and only so exactly. */
    @Test
    void eventsForPeople() {
        terminal.interactive();
        engine.events.add(List.of(
                event(SandboxEvent.Kind.CREATED, OptionalInt.empty(), ""),
                event(SandboxEvent.Kind.EXITED, OptionalInt.of(2), "exit code 1")));
        engine.noMoreEvents = terminal.guard::stop;

        terminal.run("events");
        assertThat(terminal.out().lines())
                .hasSize(2)
                .allSatisfy(line -> assertThat(line)
                        .matches("2026-01-0[123] [0-9]{2}:[0-9]{2}:05  0001  lab  (created|exited 2: exit code 1)"));
    }

    /** What does not fit a line goes on in the next one, indented. */
    @Test
    void eventsForPeopleAreNotWiderThanATerminal() {
        terminal.interactive();
        String detail =
                "tcp 192.168.77.2:7000: no rule speaks of it, and what no rule speaks of is denied (and 2 more before)";
        engine.events.add(List.of(event(SandboxEvent.Kind.DENIED, OptionalInt.empty(), detail)));
        engine.noMoreEvents = terminal.guard::stop;

        terminal.run("events");
        List<String> lines = terminal.out().lines().toList();
        assertThat(lines).hasSize(2).allMatch(line -> line.length() <= 80);
        assertThat(lines.get(0) + lines.get(1).substring(3)).endsWith("  0001  lab  denied: " + detail);
    }

    @Test
    void eventsTellPrograms() {
        engine.events.add(List.of(event(SandboxEvent.Kind.EXITED, OptionalInt.of(2), "exit code 1")));
        engine.noMoreEvents = terminal.guard::stop;

        terminal.run("events", "--format", "json");
        assertThat(terminal.out())
                .isEqualTo("{\"time\":\"2026-01-02T03:04:05Z\",\"id\":\"0001\",\"name\":\"lab\",\"event\":\"exited\","
                        + "\"execution\":2,\"detail\":\"exit code 1\"}\n");
    }

    private static SandboxEvent event(SandboxEvent.Kind kind, OptionalInt execution, String detail) {
        return new SandboxEvent(FakeSandbox.CREATED, "0001", "lab", kind, execution, detail);
    }

    @Test
    void sweepSaysWhatItDid() {
        assertThat(terminal.run("sweep")).isZero();
        assertThat(terminal.out()).isEqualTo("nothing to clean up\n");

        terminal.out.reset();
        engine.swept = new SweepReport(List.of("a"), List.of("b", "c"), List.of("d: rmdir: EBUSY"));
        assertThat(terminal.run("sweep")).isEqualTo(1);
        assertThat(terminal.run("sweep", "--format", "json")).isEqualTo(1);
        assertThat(terminal.out())
                .isEqualTo("adopted a\nremoved b\nremoved c\nfailed d: rmdir: EBUSY\n"
                        + "{\"adopted\":[\"a\"],\"removed\":[\"b\",\"c\"],\"failures\":[\"d: rmdir: EBUSY\"]}\n");
    }

    @Test
    void doctorSaysWhatIsMissing() {
        terminal.findings = List.of(
                new Finding("kernel", Finding.Verdict.GOOD, "6.18", ""),
                new Finding("landlock", Finding.Verdict.LIMITED, "not\nactive", "boot with lsm=landlock"));
        assertThat(terminal.run("doctor")).isZero();
        assertThat(terminal.out())
                .isEqualTo("good\tkernel\t6.18\nlimited\tlandlock\tnot active\tboot with lsm=landlock\n");

        terminal.out.reset();
        terminal.findings = List.of(new Finding("root", Finding.Verdict.MISSING, "uid 1000", "run it as root"));
        assertThat(terminal.run("doctor", "--format", "json")).isEqualTo(1);
        assertThat(terminal.out())
                .isEqualTo("{\"subject\":\"root\",\"verdict\":\"missing\",\"detail\":\"uid 1000\",\"fix\":\"run it as"
                        + " root\"}\n");
    }

    @Test
    void doctorFitsATerminal() {
        terminal.interactive();
        terminal.variables.put("NO_COLOR", "1");
        terminal.findings = List.of(
                new Finding("kernel", Finding.Verdict.GOOD, "6.18", ""),
                new Finding(
                        "a subject of many words",
                        Finding.Verdict.MISSING,
                        "word ".repeat(40).trim(),
                        "do ".repeat(40).trim()));

        assertThat(terminal.run("doctor")).isEqualTo(1);
        assertThat(terminal.out())
                .startsWith("good     kernel                6.18\nmissing  a subject of many words\n      ");
        assertThat(terminal.out().lines()).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
        terminal.out.reset();
        terminal.variables.clear();
        terminal.run("doctor");
        assertThat(terminal.out()).startsWith("\u001b[32mgood     \u001b[0mkernel                6.18\n");
        terminal.out.reset();
        terminal.findings = terminal.findings.subList(0, 1);
        terminal.run("doctor");
        assertThat(terminal.out()).endsWith("kernel  6.18\n");
    }
}
