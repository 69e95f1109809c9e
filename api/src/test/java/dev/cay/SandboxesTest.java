package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** There is no engine on the module path of these tests. */
final class SandboxesTest {
    private static final ExecResult RESULT =
            new ExecResult(Exit.exited(3), new byte[0], new byte[0], false, Duration.ZERO, Optional.empty());

    /** Writes down what is asked of it. */
    private static final class Recorder implements Sandboxes, Sandbox {
        private final List<String> calls = new ArrayList<>();

        @Override
        public Sandbox create(SandboxSpec spec) {
            calls.add("create " + spec.user().orElse("nobody"));
            return this;
        }

        @Override
        public String id() {
            return "recorder";
        }

        @Override
        public Execution start(ExecSpec command) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ExecResult exec(ExecSpec command) {
            calls.add("exec " + command.command());
            if (command.command().contains("fail")) {
                throw new SandboxException.Closed("gone");
            }
            return RESULT;
        }

        @Override
        public Usage usage() {
            throw new UnsupportedOperationException();
        }

        @Override
        public SandboxInfo info() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Execution start() {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<ExecutionInfo> executions() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Execution attach(int execution) {
            throw new UnsupportedOperationException();
        }

        @Override
        public OutputLog log(int execution, OutputKind kind, long from) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void signal(int execution, int number) {
            throw new UnsupportedOperationException();
        }

        @Override
        public SandboxFiles files() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void stop(Duration grace) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void remove() {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<SandboxInfo> list() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Sandbox open(String name) {
            throw new UnsupportedOperationException();
        }

        @Override
        public SweepReport sweep() {
            throw new UnsupportedOperationException();
        }

        @Override
        public EventStream events() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Images images() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Volumes volumes() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Networks networks() {
            throw new UnsupportedOperationException();
        }

        @Override
        public SandboxPool pool(SandboxSpec spec, int size) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {
            calls.add("close");
        }
    }

    @Test
    void withoutAnEngineOneIsToldHowToGetIt() {
        assertThatThrownBy(Sandboxes::local).isInstanceOfSatisfying(SandboxException.Unsupported.class, failure -> {
            assertThat(failure).hasMessageContaining("no engine");
            assertThat(failure.hint()).contains("dev.cay:cay-engine").contains("Java 25");
        });
    }

    @Test
    void aSandboxForOneCommandIsClosedAfterIt() {
        Recorder recorder = new Recorder();

        ExecResult result = recorder.run(SandboxSpec.host().user("app").build(), ExecSpec.of("echo", "a"));

        assertThat(result).isSameAs(RESULT);
        assertThat(recorder.calls).containsExactly("create app", "exec [echo, a]", "close");
    }

    @Test
    void aSandboxForOneCommandIsClosedWhateverHappens() {
        Recorder recorder = new Recorder();

        assertThatThrownBy(() -> recorder.run(SandboxSpec.host().build(), ExecSpec.of("fail")))
                .isInstanceOf(SandboxException.Closed.class);
        assertThat(recorder.calls).endsWith("close");
    }

    @Test
    void wordsAreACommandWithoutAShell() {
        Recorder recorder = new Recorder();

        assertThat(recorder.exec("echo", "$HOME;", "a b")).isSameAs(RESULT);
        assertThat(recorder.calls).containsExactly("exec [echo, $HOME;, a b]");
        assertThatThrownBy(recorder::exec).isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
