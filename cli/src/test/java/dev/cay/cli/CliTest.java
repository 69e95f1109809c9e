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
        terminal.run("run", "--", "ls", "--help");

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
                "run              | no command to run              | name one, as in: cay run -- echo hello, or an image: cay run debian",
                "run -m 1 ls      | unknown option -m              | write --memory SIZE",
                "run --kept 1m ls | --kept has no effect without --detach   | leave it out: nothing of the sandbox is"
                        + " kept",
                "create --timeout 1 | --timeout has no effect without a command | leave it out, or name a command",
                "exec             | a name is missing              | write: cay exec NAME -- COMMAND",
                "exec lab         | no command to run              | write: cay exec NAME -- COMMAND",
                "exec lab --      | no command to run              | write: cay exec NAME -- COMMAND",
                "exec lab -it sh  | unexpected option -it behind 'lab' | options come before the name: cay exec"
                        + " [OPTIONS] NAME -- COMMAND",
                "start            | a name is missing              | write: cay start NAME",
                "start a b        | unexpected argument 'b'        | one name is enough, as in: cay start NAME",
                "attach           | a name is missing              | write: cay attach NAME",
                "attach a --execution x | --execution: 'x' is not a whole number | write digits only",
                "ps lab           | unexpected argument 'lab'      | leave it out",
                "ps --filter x    | --filter: 'x' is not a filter  | write label=NAME, label=NAME=VALUE, name=NAME or"
                        + " state=STATE",
                "inspect          | a name is missing              | write: cay inspect NAME",
                "logs             | a name is missing              | write: cay logs NAME",
                "logs --tail x a  | --tail: 'x' is not a size: write 4096, 64k, 256m or 2g | a unit is k, m, g or t,"
                        + " each 1024 times the one before",
                "stop             | a name is missing              | write: cay stop NAME",
                "stop -t x a      | --time: 'x' is not a duration  | write 500ms, 10s, 1.5m or 2h; without a unit it"
                        + " is seconds",
                "kill             | a name is missing              | write: cay kill NAME",
                "kill -s TREM a   | --signal: 'TREM' is not a signal | write TERM",
                "kill -s 65 a     | --signal: '65' is not a signal | write a name, such as TERM, or a number from 1 to"
                        + " 64",
                "rm               | a name is missing              | write: cay rm NAME",
                "events a         | unexpected argument 'a'        | leave it out",
                "sweep a          | unexpected argument 'a'        | leave it out",
                "doctor a         | unexpected argument 'a'        | leave it out",
                "volume           | what to do with volumes is missing | write create, ls or rm",
                "volume mk        | unknown action 'mk' | write create, ls or rm",
                "volume create    | create takes one name          | write: cay volume create NAME",
                "volume ls x      | unexpected argument 'x'        | leave it out",
                "volume rm        | a name is missing              | write: cay volume rm NAME",
                "volume rm -q x   | --quiet has no effect with rm  | leave it out",
                "completion       | a name is missing              | write: cay completion bash",
                "completion tcsh  | unknown shell 'tcsh' | write bash, zsh or fish",
                "help --man run   | unexpected argument 'run'      | leave it out",
                "cp a             | a source and a target are needed | write: cay cp NAME:PATH DIR, or: cay cp FILE"
                        + " NAME:PATH",
                "cp a b           | neither side is in a sandbox   | write: cay cp NAME:PATH DIR, or: cay cp FILE"
                        + " NAME:PATH",
                "cp a:x b:y       | both sides are in a sandbox    | 'use two commands: cay cp a:x - | cay cp - b:y'",
                "cp a: b          | a path is missing              | write: cay cp NAME:PATH DIR, or: cay cp FILE"
                        + " NAME:PATH",
                "run --memory 1x ls | --memory: '1x' is not a size: write 4096, 64k, 256m or 2g | a unit is k, m, g or"
                        + " t, each 1024 times the one before",
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

        assertThat(terminal.run("run", "--", "ls")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [setup-failed]: pivot_root: EINVAL (step 41)\nhint: try again\n");
        assertThat(engine.closed).containsExactly("engine");
    }

    @Test
    void saysWhyThereIsNoEngine() {
        Terminal without = Terminal.failing(new SandboxException.Unsupported("no cgroups", ""));

        assertThat(without.run("run", "--", "ls")).isEqualTo(125);
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "run -t --format json ls",
                "exec -t --format=json lab ls",
                "start -a a --format json",
                "logs -f --format json a"
            })
    void whatAPersonLooksAtIsNoJson(String line) {
        assertThat(terminal.run(line.split(" "))).isEqualTo(125);
        assertThat(terminal.out()).startsWith("{\"error\":{\"code\":\"usage\",").contains("contradict each other");
        assertThat(engine.closed).isEmpty();
    }

    @Test
    void showsNoStackTraceUnlessAskedTo() {
        engine.createFailure = Optional.of(new IllegalStateException("cannot be"));

        assertThat(terminal.run("run", "--", "ls")).isEqualTo(125);
        assertThat(terminal.err())
                .isEqualTo("cay: error [internal]: IllegalStateException: cannot be\n"
                        + "hint: set CAY_DEBUG=1 for the stack trace\n");

        terminal.err.reset();
        terminal.variables.put("CAY_DEBUG", "1");
        terminal.run("run", "--", "ls");
        assertThat(terminal.err()).contains("\tat ", "CliTest.showsNoStackTraceUnlessAskedTo");
    }

    @Test
    void namesTheKindOfAnExceptionWithoutMessage() {
        engine.createFailure = Optional.of(new UnsupportedOperationException());

        terminal.run("run", "--", "ls");
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

        assertThat(terminal.run("run", "--", "ls")).isEqualTo(125);
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
