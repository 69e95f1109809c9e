package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.FilePath;
import dev.cay.Furnishing;
import dev.cay.Isolation;
import dev.cay.Mount;
import dev.cay.OnHang;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.WriteOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a guest does to itself, by mistake or not: the engine is told, and goes on when it is over. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GuestLimitsTest {
    private static final String NAME = "cay-it-limits";
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int PIDS = 30;

    private Sandboxes engine;
    private Sandbox sandbox;

    @BeforeAll
    void boot() throws IOException {
        engine = Sandboxes.local();
        GuestKernels.debian();
        Path root = Lab.smallRoot();
        GuestKernels.link(root, "dd", "grep", "date");
        Path init = Files.createDirectory(root.resolve("sbin")).resolve("init");
        Files.writeString(init, "#!/bin/sh\nwhile :; do sleep 1; done\n");
        Files.setPosixFilePermissions(init, PosixFilePermissions.fromString("rwxr-xr-x"));
        GuestKernels.importRoot(engine, NAME, root);
        engine.volumes().create(NAME, Optional.of(Size.mib(16)));
        sandbox = engine.create(spec().build());
        try (Sandbox seen = engine.open(sandbox.id())) { // others may come: no more is made in the background
            seen.exec("true");
        }
        sandbox.exec(ExecSpec.builder("true").timeout(LONG).build());
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(128))
                .pids(PIDS)
                .disk(Size.mib(24))
                .mount(Mount.volume(NAME, "/data"));
    }

    @AfterAll
    void close() {
        sandbox.close();
        engine.images().remove(NAME);
        engine.volumes().remove(NAME);
        engine.close();
    }

    /** The upper file system of the root, and a volume: what could not be written whole leaves nothing, and what was there is as it was. */
    @Test
    void aFullDiskIsToldAndTakesNothingWithIt() throws IOException {
        for (String directory : List.of("/", "/data/")) {
            FilePath path = FilePath.of(directory + "kept");
            sandbox.files().write(path, new ByteArrayInputStream("as it was".getBytes(UTF_8)), WriteOptions.STANDARD);
            assertThat(Lab.attempt(sandbox, "dd if=/dev/zero of=" + directory + "fill bs=64k"))
                    .contains("No space left");
            assertThatThrownBy(() -> sandbox.files()
                            .write(path, new ByteArrayInputStream(new byte[4 << 20]), WriteOptions.STANDARD))
                    .as(directory)
                    .isInstanceOf(SandboxException.FileFailed.class)
                    .hasMessageContaining("ENOSPC");
            assertThat(Lab.sh(
                            sandbox,
                            "cat " + directory + "kept; echo; ls -A " + directory + " | grep -c .cay- || true"))
                    .isEqualTo("as it was\n0");
            Lab.sh(sandbox, "rm " + directory + "fill");
            sandbox.files().write(path, new ByteArrayInputStream(new byte[1 << 20]), WriteOptions.STANDARD);
            assertThat(sandbox.files().stat(path, false).size()).isEqualTo(1 << 20);
        }
    }

    /** As many processes as it may have: the next one is refused, and nothing is lost. */
    private void noProcessIsLeft() {
        List<Execution> all = new ArrayList<>();
        Exit refused = Exit.exited(0);
        try {
            for (int i = 0; i < 4 * PIDS && refused.success(); i++) {
                Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"));
                all.add(execution);
                refused = execution.await(Duration.ZERO).orElse(refused);
            }
            assertThat(refused.reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
            assertThat(refused.step()).contains("EAGAIN");
            assertThat(all.size()).isGreaterThan(PIDS / 2);
            assertThat(sandbox.ping()).isLessThan(LONG);
        } finally {
            all.forEach(Execution::kill);
            all.forEach(Execution::close);
        }
        assertThat(Lab.sh(sandbox, "echo there")).isEqualTo("there");
    }

    /** Files that are open in the whole guest have a limit of their own, which its commands can reach. */
    private void noDescriptorIsLeft() {
        // A shell ends when it cannot open a file, but not before it has done what it is to do at its end.
        String hog = "trap 'echo $i; read x' EXIT; i=3; while :; do eval \"exec $i</dev/null\"; i=$((i + 1)); done";
        List<Execution> hogs = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                hogs.add(sandbox.start(ExecSpec.of("sh", "-c", "ulimit -n 65536; " + hog)));
            }
            hogs.forEach(one -> assertThat(Lab.line(one.stdout())).isNotEmpty()); // there are no more
            assertThat(sandbox.ping()).isLessThan(LONG);
            ExecResult result =
                    sandbox.exec(ExecSpec.builder("true").timeout(LONG).build());
            assertThat(result.exit().reason()).isIn(Exit.Reason.EXITED, Exit.Reason.SPAWN_FAILED);
        } finally {
            hogs.forEach(Execution::kill);
            hogs.forEach(Execution::close);
        }
        assertThat(Lab.sh(sandbox, "echo there")).isEqualTo("there");
    }

    /** A host that believes in another century: timeouts, waiting and answers go by a clock that does not jump. */
    @Test
    void theClockIsFarOff() throws IOException {
        try (AgentSocket agent = engine.serve(sandbox, AgentSpec.STANDARD)) {
            assertThat(setClock(agent, Instant.parse("2106-02-01T00:00:00Z"))).isZero();
            assertThat(Lab.sh(sandbox, "date +%Y; sleep 0.1; touch /tmp/late; stat -c %y /tmp/late"))
                    .startsWith("2106\n2106-02-01");
            ExecResult ended = sandbox.exec(ExecSpec.builder("sleep", "1000")
                    .timeout(Duration.ofSeconds(1))
                    .build());
            assertThat(ended.exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
            assertThat(sandbox.files().stat(FilePath.of("/tmp/late"), false).modified())
                    .isAfter(Instant.parse("2106-01-31T00:00:00Z"));
            assertThat(setClock(agent, Instant.EPOCH)).isEqualTo(-1);
            assertThat(setClock(agent, Instant.now())).isZero();
        }
        assertThat(Long.parseLong(Lab.sh(sandbox, "date +%s")))
                .isCloseTo(Instant.now().getEpochSecond(), org.assertj.core.data.Offset.offset(60L));
        assertThat(Lab.sh(sandbox, "echo there")).isEqualTo("there");
    }

    private static int setClock(AgentSocket agent, Instant time) throws IOException {
        ByteBuffer payload = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        payload.putLong(time.getEpochSecond()).putInt(time.getNano());
        try (AgentClient client = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS)) {
            return client.send(AgentClient.CLOCK_SYNC, payload.array()).ended().code();
        }
    }

    /**
     * Where the image's init is the first process the stub is one that root may kill. Then nobody answers any more, and whoever waits is not
     * left waiting: nothing is said of the commands but that they ended with their machine. Until that is certain half a minute goes by, in
     * which another guest gets to its limits.
     */
    @Test
    void oneUsesUpWhatItHasWhileTheStubOfAnotherIsKilled() {
        SandboxSpec wanted = SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(128))
                .onHang(OnHang.KILL)
                .imageInit(new Furnishing.Init(List.of("auto"), Map.of(), Optional.empty()))
                .build();
        try (Sandbox other = engine.create(wanted)) {
            try (Execution execution = other.start(ExecSpec.of("sh", "-c", "kill -9 $PPID; sleep 1000"))) {
                noProcessIsLeft();
                noDescriptorIsLeft();
                floodsOnAllStreams();
                assertThat(execution.await(Duration.ofSeconds(120))).contains(Exit.signalled(Exit.Reason.KILLED, 9));
            }
            assertThat(other.info().state()).isEqualTo(SandboxState.DEAD);
            assertThatThrownBy(() -> other.exec("true")).isInstanceOf(SandboxException.Closed.class);
        }
    }

    /** Many that write without an end to both of their streams, which nobody reads, are no reason not to answer. */
    private void floodsOnAllStreams() {
        List<Execution> all = new ArrayList<>();
        try {
            for (int i = 0; i < PIDS / 3; i++) {
                all.add(sandbox.start(ExecSpec.of("sh", "-c", "while :; do echo flood; echo flood >&2; done")));
            }
            assertThat(sandbox.ping()).isLessThan(LONG);
            assertThat(sandbox.exec(ExecSpec.builder("echo", "there")
                                    .timeout(LONG)
                                    .build())
                            .stdout())
                    .isEqualTo("there\n");
        } finally {
            all.forEach(Execution::kill);
            all.forEach(Execution::close);
        }
    }
}
