package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.engine.Seeded;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.time.Instant;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class SandboxRecordTest {
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.000000006Z");
    private static final ProcessIdentity PROCESS = new ProcessIdentity(7, 8, "boot");

    /** Two arrays of the same bytes are not equal, so the same one is put into both. */
    private static SandboxRecord withStdinOf(SandboxRecord other, SandboxRecord record) {
        SandboxSpec s = record.spec();
        Optional<ExecSpec> command = s.command().map(c -> {
            byte[] stdin = other.spec().command().orElseThrow().stdin();
            assertThat(c.stdin()).isEqualTo(stdin);
            return new ExecSpec(
                    c.command(),
                    c.environment(),
                    c.workingDirectory(),
                    c.user(),
                    stdin,
                    c.timeout(),
                    c.grace(),
                    c.terminal(),
                    c.kept(),
                    c.outputLimit(),
                    c.accounted());
        });
        SandboxSpec spec = new SandboxSpec(
                s.root(),
                s.writable(),
                s.network(),
                s.limits(),
                s.resourceLimits(),
                s.seccomp(),
                s.userNamespace(),
                s.hostname(),
                s.environment(),
                s.workingDirectory(),
                s.user(),
                s.stopSignal(),
                s.name(),
                s.labels(),
                s.mounts(),
                s.lifetime(),
                command,
                s.isolation(),
                s.furnishing(),
                s.init(),
                s.onHang(),
                s.vmm());
        return new SandboxRecord(
                record.id(),
                record.state(),
                record.generation(),
                spec,
                record.created(),
                record.firstProcess(),
                record.owner(),
                record.cgroup(),
                record.firstId(),
                record.exit(),
                record.lastExecution());
    }

    @Test
    void anyRecordIsReadAgain() {
        Seeded.run(random -> {
            RandomSpecs specs = new RandomSpecs(random);
            for (int i = 0; i < 500; i++) {
                SandboxRecord record = specs.record();
                String json = record.toJson();
                SandboxRecord read = SandboxRecord.fromJson(json);
                assertThat(withStdinOf(record, read)).isEqualTo(record);
                assertThat(read.spec().environment().keySet())
                        .containsExactlyElementsOf(record.spec().environment().keySet());
                assertThat(read.toJson()).isEqualTo(json).doesNotContain("\n");
            }
        });
    }

    /** A damaged one is refused, or still makes sense. */
    @Test
    void noDamagedRecordDoesMore() {
        Seeded.run(random -> {
            RandomSpecs specs = new RandomSpecs(random);
            for (int i = 0; i < 500; i++) {
                String json = damaged(specs.record().toJson(), random);
                try {
                    SandboxRecord.fromJson(json).toJson();
                } catch (SandboxException.HostFailed | SandboxException.Unsupported e) {
                    assertThat(e.getMessage()).isNotBlank();
                }
            }
        });
    }

    private static String damaged(String json, Random random) {
        StringBuilder text = new StringBuilder(json);
        for (int i = random.nextInt(3); i >= 0 && !text.isEmpty(); i--) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(4)) {
                case 0 -> text.setCharAt(at, (char) (' ' + random.nextInt(95)));
                case 1 -> text.deleteCharAt(at);
                case 2 -> text.insert(at, text.substring(at, Math.min(text.length(), at + random.nextInt(40))));
                default -> text.setLength(at + 1);
            }
        }
        return text.toString();
    }

    private static String plain() {
        return SandboxRecord.creating("0123456789ab", SandboxSpec.host().build(), NOW, "engine")
                .toJson();
    }

    @Test
    void anotherVersionIsNotRead() {
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("\"version\":1", "\"version\":2")))
                .isInstanceOf(SandboxException.Unsupported.class)
                .hasMessage("it was written by another version of Cay, in form 2; this one reads 1");
    }

    @Test
    void whatTheTypesRefuseIsDamage() {
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("\"pids\":512", "\"pids\":0")))
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessage("the record of a sandbox cannot be read: pids limit 0 is out of range");
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("0123456789ab", "../etc")))
                .hasMessageContaining("'../etc' is not the id of a sandbox");
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("creating", "running")))
                .hasMessageContaining("a sandbox without a process cannot be running");
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("\"kind\":\"host\"", "\"kind\":\"floppy\"")))
                .hasMessageContaining("there is no root 'floppy'");
        assertThatThrownBy(() -> SandboxRecord.fromJson(plain().replace("\"owner\"", "\"extra\":1,\"owner\"")))
                .hasMessageContaining("unknown field 'extra'");
    }

    @Test
    void aCommandIsReadAgainAlone() {
        ExecSpec spec =
                ExecSpec.builder("sh", "-c", "true").stdin(new byte[] {0, -1}).build();
        String json = JsonWriter.object(out -> SpecJson.write(out, spec));
        ExecSpec read = JsonObject.read(json, "command", "", SpecJson::readExec);
        assertThat(read.command()).containsExactly("sh", "-c", "true");
        assertThat(read.stdin()).containsExactly(0, -1);
    }

    @Test
    void itsLifeIsWrittenDown() {
        SandboxSpec spec =
                SandboxSpec.host().detached().command(ExecSpec.of("true")).build();
        SandboxRecord creating = SandboxRecord.creating("abcd", spec, NOW, "engine");
        assertThat(creating.owner()).isEqualTo("engine");
        assertThat(creating.name()).isEqualTo("abcd");

        SandboxRecord created = after(creating, new Event.Made(PROCESS));
        assertThat(created.owner()).isEqualTo(SandboxRecord.DETACHED);
        assertThat(created.info().firstProcess()).hasValue(7L);

        SandboxRecord running = after(created, new Event.StartRequested());
        SandboxRecord exited = after(running, new Event.CommandEnded(1, Exit.exited(3)));
        assertThat(exited.exit()).hasValue(Exit.exited(3));
        assertThat(exited.state()).isEqualTo(SandboxState.EXITED);

        SandboxRecord again = after(exited, new Event.StartRequested());
        assertThat(again.exit()).isEmpty();
        assertThat(after(again, new Event.CommandEnded(1, Exit.exited(4)))).isEqualTo(again);

        SandboxRecord dead = after(again, new Event.Died(Death.OUT_OF_MEMORY));
        assertThat(dead.exit()).hasValue(Exit.signalled(Exit.Reason.OOM, 9));
        assertThat(dead.info().firstProcess()).isEmpty();
        assertThat(after(dead, new Event.Died(Death.KILLED))).isEqualTo(dead);
    }

    private static SandboxRecord after(SandboxRecord record, Event event) {
        return record.after(event, ((Transition.Moved) Lifecycle.next(record.life(), event)).life());
    }

    @Test
    void anAttachedOneKeepsItsOwner() {
        SandboxRecord creating =
                SandboxRecord.creating("abcd", SandboxSpec.host().build(), NOW, "engine");
        assertThat(after(creating, new Event.Made(PROCESS)).owner()).isEqualTo("engine");
    }
}
