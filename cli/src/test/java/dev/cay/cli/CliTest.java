package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxException;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CliTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @ParameterizedTest
    @ValueSource(strings = {"", "help", "-h", "--help"})
    void showsWhatThereIs(String line) {
        assertThat(line.isEmpty() ? terminal.run() : terminal.run(line)).isZero();

        assertThat(terminal.out()).isEqualTo(HelpText.overview());
        assertThat(terminal.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"help run", "run --help", "run -h", "run --memory=1k --help sh", "--help run"})
    void showsTheHelpOfACommand(String line) {
        assertThat(terminal.run(line.split(" "))).isZero();

        assertThat(terminal.out()).isEqualTo(HelpText.of(new RunCommand()));
        assertThat(engine.created).isEmpty();
    }

    @Test
    void helpBehindTheCommandIsTheCommands() {
        terminal.run("run", "ls", "--help");

        assertThat(engine.started).hasSize(1);
        assertThat(engine.started.get(0).command()).containsExactly("ls", "--help");
        assertThat(terminal.out()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "rnu ls           | unknown command 'rnu'          | did you mean 'cay run'?",
                "python3 a.py     | unknown command 'python3'      | to run a program: cay run -- python3",
                "--memory 1m ls   | unknown option --memory        | a command comes first, as in: cay run --memory",
                "help nothing     | unknown command 'nothing'      | to run a program: cay run -- nothing",
                "help run run     | unexpected argument 'run'      | name one command",
                "version 1        | unexpected argument '1'        | leave it out",
                "version --json   | unknown option --json          | add --help for a list",
                "version --format xml | --format: 'xml' is not a format | write text or json",
                "run              | no command to run              | name one, as in: cay run -- echo hello",
                "run --rm ls      | unknown option --rm            | leave it out: nothing of a sandbox is ever kept",
                "run -it ls       | unknown option -i              | leave it out: standard input is always connected",
                "run --memory 1x ls | --memory: '1x' is not a size: write 4096, 64k, 256m or 2g | a unit is k, m, g or t, each 1024 times the one before",
            })
    void saysWhatIsWrongWithACommandLine(String line, String message, String hint) {
        assertThat(terminal.run(line.split(" "))).isEqualTo(125);

        assertThat(terminal.err()).isEqualTo("cay: error [usage]: " + message + "\nhint: " + hint + "\n");
        assertThat(terminal.out()).isEmpty();
        assertThat(engine.created).isEmpty();
    }

    @Test
    void saysWhyCayFailed() {
        engine.createFailure = Optional.of(new SandboxException.SetupFailed(
                "pivot_root: EINVAL (step 41)", "try again", new IllegalStateException()));

        assertThat(terminal.run("run", "ls")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [setup-failed]: pivot_root: EINVAL (step 41)\nhint: try again\n");
        assertThat(engine.closed).containsExactly("engine");
    }

    @Test
    void saysWhyThereIsNoEngine() {
        Terminal without = Terminal.failing(new SandboxException.Unsupported("no cgroups", ""));

        assertThat(without.run("run", "ls")).isEqualTo(125);
        assertThat(without.err()).isEqualTo("cay: error [unsupported]: no cgroups\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run --format json ls", "run --format=json ls"})
    void saysItToProgramsToo(String line) {
        engine.createFailure =
                Optional.of(new SandboxException.HostFailed("no \"space\"", "make some", new IllegalStateException()));

        assertThat(terminal.run(line.split(" "))).isEqualTo(125);
        assertThat(terminal.out())
                .isEqualTo(
                        "{\"error\":{\"code\":\"host-failed\",\"message\":\"no \\\"space\\\"\",\"hint\":\"make some\"}}\n");
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void saysUsageErrorsToProgramsTooButNotWhatBelongsToTheCommand() {
        terminal.run("run", "--bogus", "--format=json", "ls");
        assertThat(terminal.out()).startsWith("{\"error\":{\"code\":\"usage\",");
        assertThat(terminal.err()).isEmpty();

        Terminal other = new Terminal(engine);
        other.run("run", "--bogus", "--", "x", "--format", "json");
        assertThat(other.out()).isEmpty();
        assertThat(other.err()).startsWith("cay: error [usage]: ");
    }

    @Test
    void showsNoStackTraceUnlessAskedTo() {
        engine.createFailure = Optional.of(new IllegalStateException("cannot be"));

        assertThat(terminal.run("run", "ls")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo(
                        "cay: error [internal]: IllegalStateException: cannot be\nhint: set CAY_DEBUG=1 for the stack trace\n");

        terminal.err.reset();
        terminal.variables.put("CAY_DEBUG", "1");
        terminal.run("run", "ls");
        assertThat(terminal.err()).contains("\tat ", "CliTest.showsNoStackTraceUnlessAskedTo");
    }

    @Test
    void namesTheKindOfAnExceptionWithoutMessage() {
        engine.createFailure = Optional.of(new UnsupportedOperationException());

        terminal.run("run", "ls");
        assertThat(terminal.err()).startsWith("cay: error [internal]: UnsupportedOperationException: no message\n");
    }

    @Test
    void aTerminalObeysNoErrorMessage() {
        terminal.run("run", "--\u001b[2J\u009b1m\n", "ls");

        assertThat(terminal.err()).startsWith("cay: error [usage]: unknown option --\\x1b[2J\\x9b1m\\x0a\n");
    }

    @Test
    void saysNothingMoreOnceASignalHasCome() {
        terminal.guard.stop();

        assertThat(terminal.run("run", "ls")).isEqualTo(125);
        assertThat(terminal.out()).isEmpty();
        assertThat(terminal.err()).isEmpty();
        assertThat(engine.closed).containsExactly("engine");
    }

    @Test
    void aReaderWhoHasSeenEnoughOfTheHelpIsNoError() {
        terminal.brokenOut = Optional.of(Terminal.failingAfter(10, "Broken pipe"));
        terminal.pipes = true;

        assertThat(terminal.run("help")).isEqualTo(141);
        assertThat(terminal.err()).isEmpty();
    }

    @Test
    void aFullDiskIsAnError() {
        terminal.brokenOut = Optional.of(Terminal.failingAfter(10, "No space left on device"));

        assertThat(terminal.run("version", "--format", "json")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [host-failed]: cannot write to standard output: No space left on device\n");
    }

    @Test
    void anErrorThatNobodyReadsIsStillAnExitCode() {
        terminal.brokenErr = Optional.of(Terminal.failingAfter(0, "Bad file descriptor"));
        terminal.brokenOut = terminal.brokenErr;

        assertThat(terminal.run("bogus")).isEqualTo(125);
        assertThat(terminal.run("run", "--bogus", "--format=json")).isEqualTo(125);
    }

    @Test
    void printsVersions() {
        assertThat(terminal.run("version")).isZero();
        assertThat(terminal.out())
                .matches("cay \\S+\njava "
                        + java.util.regex.Pattern.quote(Runtime.version().toString()) + "\nkernel \\S+ \\S+\n");

        Terminal other = new Terminal(engine);
        assertThat(other.run("--version", "--format", "json")).isZero();
        assertThat(other.out())
                .matches("\\{\"version\":\"\\S+\",\"java\":\"\\S+\",\"kernel\":\"\\S+\",\"architecture\":\"\\S+\"}\n");
    }
}
