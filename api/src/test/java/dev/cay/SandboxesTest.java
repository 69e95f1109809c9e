package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** There is no engine on the module path of these tests. */
final class SandboxesTest {
    private static final ExecResult RESULT =
            new ExecResult(Exit.exited(3), new byte[0], new byte[0], false, java.time.Duration.ZERO);

    /** Writes down what is asked of it. */
    private static final class Recorder implements Sandboxes, Sandbox {
        private final List<String> calls = new ArrayList<>();

        @Override
        public Sandbox create(SandboxSpec spec) {
            calls.add("create " + spec.user());
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
