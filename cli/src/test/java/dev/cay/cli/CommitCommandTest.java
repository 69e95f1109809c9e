package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxSpec;
import org.junit.jupiter.api.Test;

class CommitCommandTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @Test
    void printsTheDigestOfTheImage() {
        engine.box("lab", SandboxSpec.image("debian").detached().build());

        assertThat(terminal.run("commit", "lab", "mine")).isZero();
        assertThat(terminal.out()).isEqualTo(engine.images.images.getFirst().digest() + "\n");
        assertThat(engine.images.calls).containsExactly("commit lab mine");
    }

    @Test
    void wantsASandboxAndAtMostOneName() {
        assertThat(terminal.run("commit")).isEqualTo(125);
        assertThat(terminal.run("commit", "a", "b", "c")).isEqualTo(125);
        assertThat(terminal.err()).contains("unexpected argument 'c'");
    }
}
