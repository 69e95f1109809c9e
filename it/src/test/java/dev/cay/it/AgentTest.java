package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes are served to clients of the agent protocol. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AgentTest {
    private static final String NAME = "cay-it-agent";

    private static void conforms(Sandboxes engine, SandboxSpec spec, AgentConformance.Abilities abilities)
            throws IOException {
        Sandbox sandbox = engine.create(spec);
        try (AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD)) {
            new AgentConformance(sandbox, agent.path(), abilities).run();
        } finally {
            sandbox.remove();
        }
    }

    @Test
    void anAttachedContainerConforms(Sandboxes engine) throws IOException {
        conforms(engine, SandboxSpec.host().build(), new AgentConformance.Abilities(false, false, true));
    }

    @Test
    void aDetachedContainerConforms(Sandboxes engine) throws IOException {
        conforms(
                engine,
                SandboxSpec.host().detached().name(NAME).build(),
                new AgentConformance.Abilities(true, false, true));
    }

    private static AgentSocket serve(Sandboxes engine, Sandbox sandbox, int connections) {
        return engine.serve(sandbox, new AgentSpec(Optional.empty(), connections));
    }

    /** One over the limit is told so at each port, and has his place when another has left. */
    @Test
    void oneOverTheLimitIsTold(Sandboxes engine) throws IOException {
        List<AgentClient> clients = new ArrayList<>();
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build());
                AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD)) {
            for (int i = 0; i < AgentSpec.DEFAULT_CONNECTIONS; i++) {
                clients.add(AgentClient.connect(agent.path(), AgentClient.FILES));
            }
            try (AgentClient late = AgentClient.connect(agent.path(), AgentClient.FILES)) {
                assertThat(late.next(AgentClient.ERROR).text()).startsWith("EBUSY: busy: 64 connections");
                assertThat(late.next().type()).isEqualTo(AgentClient.END);
            }
            try (AgentClient other = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS)) {
                assertThat(other.send(AgentClient.START, "{\"cmd\":[\"true\"]}")
                                .ended()
                                .code())
                        .isZero();
            }
            clients.getFirst().close();
            awaitServed(agent);
        } finally {
            for (AgentClient client : clients) {
                client.close();
            }
        }
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build());
                AgentSocket agent = serve(engine, sandbox, 1);
                AgentClient command = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS);
                AgentClient control = AgentClient.connect(agent.path(), AgentClient.CONTROL)) {
            assertThat(control.line("{\"request\":\"ping\"}")).contains("pong");
            try (AgentClient late = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS)) {
                AgentClient.Ended ended = late.ended();
                assertThat(ended.stderr()).startsWith("cay: busy: 1 connections");
                assertThat(ended.code()).isEqualTo(126);
            }
            try (AgentClient late = AgentClient.connect(agent.path(), AgentClient.CONTROL)) {
                assertThat(late.line()).contains("\"code\":\"busy\"");
            }
            assertThat(command.send(AgentClient.START, "{\"cmd\":[\"true\"]}")
                            .ended()
                            .code())
                    .isZero();
        }
    }

    private static void awaitServed(AgentSocket agent) throws IOException {
        while (true) {
            try (AgentClient client = AgentClient.connect(agent.path(), AgentClient.FILES)) {
                client.send(AgentClient.STAT, "{\"path\":\"/\"}");
                if (client.next().type() == AgentClient.STAT_ANSWER) {
                    return;
                }
            }
        }
    }

    /** Who says nothing, who reads nothing and who leaves with input that nobody reads are a burden to nobody else. */
    @Test
    void hostileClientsDisturbNobody(Sandboxes engine) throws IOException {
        List<AgentClient> silent = new ArrayList<>();
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build());
                AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD);
                AgentClient witness = AgentClient.connect(agent.path(), AgentClient.CONTROL)) {
            for (int i = 0; i < 40; i++) {
                AgentClient greedy = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS);
                silent.add(greedy);
                greedy.send(AgentClient.START, "{\"cmd\":[\"sh\",\"-c\",\"exec cat /dev/zero\"]}");
                greedy.next(AgentClient.STDOUT);
            }
            for (int i = 0; i < 100; i++) { // more than may be on their way
                silent.add(AgentClient.silent(agent.path()));
            }
            assertThat(witness.line("{\"request\":\"ping\"}")).contains("pong");
            AgentClient stuck = silent.get(39);
            Thread flood = Thread.ofVirtual().start(() -> flood(stuck));
            for (AgentClient client : silent) {
                client.close();
            }
            flood.join();
            assertThat(witness.line("{\"request\":\"ping\"}")).contains("pong");
            assertThat(sandbox.exec("sh", "-c", "while pgrep cat; do sleep 0.05; done")
                            .exit()
                            .code())
                    .isZero();
            try (AgentClient client = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS)) {
                assertThat(client.send(AgentClient.START, "{\"cmd\":[\"true\"]}")
                                .ended()
                                .code())
                        .isZero();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void flood(AgentClient client) {
        try {
            while (true) {
                client.send(AgentClient.STDIN, new byte[60_000]);
            }
        } catch (IOException e) {
            return; // it has been closed
        }
    }

    @Test
    void whoeverLeavesWithInputUnreadIsMissed(Sandboxes engine) throws IOException, InterruptedException {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build());
                AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD)) {
            AgentClient client = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS);
            client.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"]}");
            Thread flood = Thread.ofVirtual().start(() -> flood(client));
            while (flood.getState() == Thread.State.RUNNABLE) {
                Thread.onSpinWait();
            }
            client.close();
            flood.join();
            assertThat(sandbox.exec("sh", "-c", "while pgrep sleep; do sleep 0.05; done")
                            .exit()
                            .code())
                    .isZero();
        }
    }

    @Test
    void onlyTheOwnerIsServed(Sandboxes engine) throws IOException {
        Path path = Lab.directory().resolve("agent");
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build());
                AgentSocket agent = engine.serve(sandbox, AgentSpec.at(path))) {
            assertThat(agent.path()).isEqualTo(path);
            assertThat(Files.getPosixFilePermissions(path)).isEqualTo(PosixFilePermissions.fromString("rw-------"));
            assertThat(asNobody(path)).contains("Permission denied");
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
            assertThat(asNobody(path)).startsWith("ERROR this socket is for its owner alone");
        }
        assertThat(path).doesNotExist();
    }

    private static String asNobody(Path path) {
        // Says nothing: who is told no before he has spoken is disconnected while he speaks.
        String script = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => '" + path + "') or die $!;"
                + " print scalar <$s>;";
        return Lab.onHost("setpriv", "--reuid=65534", "--clear-groups", "perl", "-e", script);
    }

    /** However it ends, clients are left and nothing stays. */
    @Test
    void theEndLeavesNothing(Sandboxes engine) throws IOException {
        Path path = Lab.directory().resolve("agent");
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD);
            AgentSocket second = engine.serve(sandbox, AgentSpec.at(path));
            assertThatThrownBy(() -> engine.serve(sandbox, AgentSpec.at(path)))
                    .isInstanceOf(SandboxException.Conflict.class);
            try (AgentClient command = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS);
                    AgentClient waiting = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS);
                    AgentClient watch = AgentClient.connect(agent.path(), AgentClient.FILES);
                    AgentClient upload = AgentClient.connect(agent.path(), AgentClient.FILES);
                    AgentClient silent = AgentClient.silent(agent.path())) {
                command.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"]}")
                        .send(AgentClient.STDIN, new byte[70_000]);
                watch.send(AgentClient.WATCH, "{\"path\":\"/tmp\"}").next(AgentClient.ACK);
                upload.send(AgentClient.WRITE, "{\"path\":\"/tmp/half\"}").send(AgentClient.DATA, new byte[70_000]);
                waiting.send(AgentClient.WAIT_PORT, "{\"port\":7072,\"timeout_ms\":2000000000}");
                assertThat(silent).isNotNull();
                agent.close();
                agent.close();
                assertThat(agent.path()).doesNotExist();
                for (AgentClient client : List.of(command, waiting, watch, upload)) {
                    AgentClient.Frame frame = client.next();
                    while (frame.type() != AgentClient.END) {
                        frame = client.next();
                    }
                }
            }
            assertThat(Lab.sh(sandbox, "while pgrep sleep; do sleep 0.05; done; ls -A /tmp"))
                    .isEmpty();
            assertThat(second.path()).exists(); // the engine closes it
        }
    }

    @Test
    void whatAKilledEngineServedIsSwept(Sandboxes engine) throws IOException {
        Path path = Lab.directory().resolve("agent");
        Path own;
        Sandbox sandbox = engine.create(SandboxSpec.host().detached().name(NAME).build());
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("serve", NAME, path.toString());
            own = Path.of(other.tell("serve", NAME, ""));
            try (AgentClient client = AgentClient.connect(path, AgentClient.EXECUTIONS)) {
                assertThat(client.send(AgentClient.START, "{\"cmd\":[\"true\"]}")
                                .ended()
                                .code())
                        .isZero();
            }
            other.kill();
        }
        assertThat(path).exists();
        assertThat(own).exists();
        try (Sandboxes next = Sandboxes.local()) {
            next.sweep();
            assertThat(path).doesNotExist();
            assertThat(own).doesNotExist();
        }
        sandbox.remove();
    }
}
