package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Lifetime;
import dev.cay.SandboxSpec;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SnapshotCommandTest {
    private final FakeSandboxes sandboxes = FakeSandboxes.exiting(3);
    private final Terminal terminal = new Terminal(sandboxes);

    @Test
    void snapshotsAreMadeListedAndRemoved() {
        sandboxes.box("lab", SandboxSpec.image("debian:12").build());
        assertThat(terminal.run("snapshot", "lab", "one")).isZero();
        assertThat(terminal.run("snapshot", "lab", "two", "--format=json")).isZero();
        terminal.run("snapshot", "ls");
        terminal.run("snapshot", "ls", "-q");
        assertThat(terminal.out())
                .isEqualTo("one\n{\"name\":\"two\",\"image\":\"debian:12\",\"memory\":536870912,\"bytes\":83886080,"
                        + "\"haltedMilliseconds\":250,\"created\":\"1970-01-01T00:00:00Z\"}\n"
                        + "one\tdebian:12\t512m\t80m\t1970-01-01T00:00:00Z\n"
                        + "two\tdebian:12\t512m\t80m\t1970-01-01T00:00:00Z\none\ntwo\n");
        assertThat(terminal.run("snapshot", "rm", "two")).isZero();
        assertThat(terminal.run("snapshot", "rm", "two")).isEqualTo(1);
    }

    @Test
    void aCommandRunsInACopy() {
        sandboxes.box("lab", SandboxSpec.image("debian:12").build());
        terminal.run("snapshot", "lab", "one");
        assertThat(terminal.run("restore", "--name", "copy", "one", "--", "make", "-j"))
                .isEqualTo(3);
        assertThat(sandboxes.created.getLast().name()).isEqualTo(Optional.of("copy"));
        assertThat(sandboxes.started.getLast().command()).containsExactly("make", "-j");
        assertThat(terminal.run("fork", "lab", "true")).isEqualTo(3);
        assertThat(sandboxes.created.getLast().name()).isEmpty();
        assertThat(terminal.run("restore", "none", "true")).isEqualTo(125);
    }

    @Test
    void aDetachedCopyIsLeftToItself() {
        sandboxes.box("lab", SandboxSpec.image("debian:12").build());
        terminal.run("snapshot", "lab", "one");
        assertThat(terminal.run("fork", "lab", "-d", "--name", "copy", "--ttl=1h"))
                .isZero();
        assertThat(sandboxes.created.getLast().lifetime())
                .isEqualTo(Lifetime.untilRemoved().limit(Duration.ofHours(1)));
        assertThat(sandboxes.created.getLast().name()).isEqualTo(Optional.of("copy"));
        assertThat(terminal.run("restore", "one", "--detach")).isZero();
        assertThat(sandboxes.created.getLast().lifetime()).isEqualTo(Lifetime.untilRemoved());
        assertThat(terminal.run("restore", "-d", "one", "--", "true")).isEqualTo(125);
        assertThat(terminal.err()).contains("cay exec -d");
    }

    @Test
    void aTemplateOfAnImageIsASnapshot() {
        assertThat(terminal.run("template", "create", "ready", "--image", "debian:12", "--after", "make"))
                .isEqualTo(3);
        assertThat(sandboxes.snapshots.snapshots).isEmpty();
        assertThat(terminal.err()).contains("'make' has failed");
        assertThat(terminal.run("template", "create", "ready", "--image", "debian:12"))
                .isZero();
        assertThat(sandboxes.snapshots.snapshots).hasSize(1);
        assertThat(terminal.run("template", "create", "ready", "--after", "make"))
                .isEqualTo(125);
    }

    @Test
    void whatIsMissingIsSaid() {
        assertThat(terminal.run("snapshot")).isEqualTo(125);
        assertThat(terminal.run("snapshot", "lab")).isEqualTo(125);
        assertThat(terminal.run("snapshot", "lab", "one", "two")).isEqualTo(125);
        assertThat(terminal.run("snapshot", "rm")).isEqualTo(125);
        assertThat(terminal.run("snapshot", "ls", "one")).isEqualTo(125);
        assertThat(terminal.run("restore")).isEqualTo(125);
        assertThat(terminal.run("fork")).isEqualTo(125);
    }
}
