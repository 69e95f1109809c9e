package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import org.junit.jupiter.api.Test;

class AgentCommandTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @Test
    void aSandboxIsServedForAsLongAsItLives() {
        FakeSandbox box = engine.box("aa11", SandboxSpec.host().build());
        terminal.time.onPause = () -> box.state = SandboxState.DEAD;
        assertThat(terminal.run("agent", "aa11")).isZero();
        assertThat(terminal.out()).isEqualTo("/run/cay/agents/aa11.sock\n");
        assertThat(engine.served).containsExactly("aa11 /run/cay/agents/aa11.sock 64", "closed");
    }

    @Test
    void theSocketIsWhereItIsWanted() {
        FakeSandbox box = engine.box("aa11", SandboxSpec.host().build());
        box.state = SandboxState.DEAD;
        assertThat(terminal.run("agent", "--connections=2", "aa11", "-s", "/tmp/box.sock", "--format=json"))
                .isZero();
        assertThat(terminal.out()).isEqualTo("{\"id\":\"aa11\",\"socket\":\"/tmp/box.sock\"}\n");
        assertThat(engine.served).containsExactly("aa11 /tmp/box.sock 2", "closed");
    }

    @Test
    void whatCannotBeServedIsRefused() {
        assertThat(terminal.run("agent")).isEqualTo(125);
        assertThat(terminal.run("agent", "a", "b")).isEqualTo(125);
        assertThat(terminal.run("agent", "none")).isEqualTo(125);
        engine.box("aa11", SandboxSpec.host().build());
        assertThat(terminal.run("agent", "--connections=0", "aa11")).isEqualTo(125);
        assertThat(terminal.run("run", "-d", "--agent", "/tmp/box.sock", "--", "true"))
                .isEqualTo(125);
        assertThat(terminal.err())
                .contains("0 connections are out of range")
                .contains("run 'cay agent NAME' beside it");
        assertThat(engine.served).isEmpty();
    }

    @Test
    void whatIsRunIsServedMeanwhile() {
        assertThat(terminal.run("run", "--agent", "/tmp/box.sock", "--", "true"))
                .isZero();
        assertThat(engine.served).singleElement().asString().endsWith(" /tmp/box.sock 64");
    }
}
