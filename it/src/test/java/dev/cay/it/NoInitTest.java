package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes whose one command is their first process. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NoInitTest {
    private static final String NAME = "cay-it-no-init";

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.host().init(false);
    }

    private static Exit exit(Sandboxes engine, String script) {
        return engine.run(spec().build(), ExecSpec.of("sh", "-c", script)).exit();
    }

    @Test
    void theCommandIsTheFirstProcessAndAlone(Sandboxes engine) {
        ExecResult result = engine.run(spec().build(), ExecSpec.of("sh", "-c", "echo $$ /proc/[0-9]*"));
        assertThat(result.stdout()).isEqualTo("1 /proc/1\n");
        assertThat(result.exit()).isEqualTo(Exit.exited(0));
    }

    /** All that the kernel tells of its rights, its signals and its descriptors is as with an init. */
    @Test
    void itHasTheSameWalls(Sandboxes engine) {
        String script = "exec 3</proc/self/status; grep -E '^(Uid|Gid|Groups|Umask|Sig|Shd|Cap|NoNew|Seccomp|Core)' <&3"
                + " | grep -v -e SigQ -e ShdPnd; ls /proc/$$/fd; ulimit -a; readlink /proc/$$/ns/user | grep -c user";
        for (String user : List.of("root", "nobody")) {
            ExecSpec command = ExecSpec.builder("sh", "-c", script).user(user).build();
            String usual = engine.run(SandboxSpec.host().build(), command).stdout();
            assertThat(usual).contains("NoNewPrivs:\t1", "Seccomp:\t2");
            assertThat(engine.run(spec().build(), command).stdout()).isEqualTo(usual);
        }
        assertThat(exit(engine, "mount -t tmpfs none /mnt")).isEqualTo(Exit.exited(32));
        assertThat(exit(engine, "echo x > /proc/sys/kernel/hostname").success()).isFalse();
    }

    @Test
    void itEndsAsAnyCommand(Sandboxes engine) {
        assertThat(exit(engine, "exit 42")).isEqualTo(Exit.exited(42));
        assertThat(exit(engine, "sleep 1000 & exit 7")).isEqualTo(Exit.exited(7));
        assertThat(engine.run(spec().build(), ExecSpec.of("/no/such")).exit().shellCode())
                .isEqualTo(127);
        assertThat(engine.run(spec().build(), ExecSpec.of("/etc/hosts")).exit().shellCode())
                .isEqualTo(126);
        ExecSpec slow = ExecSpec.builder("sh", "-c", "trap '' TERM; sleep 1000")
                .timeout(Duration.ofMillis(50))
                .grace(Duration.ofMillis(50))
                .build();
        assertThat(engine.run(spec().build(), slow).exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
        ExecSpec polite = ExecSpec.builder("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done")
                .timeout(Duration.ofMillis(200))
                .build();
        assertThat(engine.run(spec().build(), polite).exit().signal()).isEqualTo(15);
        ExecSpec greedy = ExecSpec.of("python3", "-c", "x = bytearray(200 << 20)");
        assertThat(engine.run(spec().memory(Size.mib(64)).build(), greedy)
                        .exit()
                        .reason())
                .isEqualTo(Exit.Reason.OOM);
    }

    @Test
    void itsStreamsAreItsCallers(Sandboxes engine) throws Exception {
        try (Sandbox sandbox = engine.create(spec().build());
                Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "cat; echo end >&2; kill -9 $$; exit 5"))) {
            execution.stdin().write("there and back\n".getBytes(StandardCharsets.UTF_8));
            assertThat(Lab.line(execution.stdout())).isEqualTo("there and back");
            execution.stdin().close();
            assertThat(Lab.rest(execution.stderr())).isEqualTo("end\n");
            assertThat(execution.await()).as("it cannot kill itself").isEqualTo(Exit.exited(5));
            assertThat(sandbox.usage().processes()).isZero();
        }
        try (Sandbox sandbox = engine.create(spec().build());
                Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"))) {
            execution.kill();
            assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        }
    }

    @Test
    void nothingElseRunsInIt(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(spec().build())) {
            sandbox.files().write("/tmp/in", "before".getBytes(StandardCharsets.UTF_8));
            ExecSpec inTerminal =
                    ExecSpec.builder("sh").terminal(new TerminalSize(80, 24)).build();
            assertThatThrownBy(() -> sandbox.start(inTerminal)).isInstanceOf(SandboxException.InvalidSpec.class);
            try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "cat /tmp/in; exec sleep 1000"))) {
                assertThat(execution.await(Duration.ZERO)).isEmpty();
                assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Conflict.class);
                assertThatThrownBy(sandbox::pause).hasMessageContaining("cannot be paused");
                assertThatThrownBy(sandbox::resume).hasMessageContaining("is not paused");
                assertThatThrownBy(() -> sandbox.files().stat(FilePath.of("/tmp/in"), true))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining("has no init");
            }
        }
    }

    /** What did not become it is no sandbox any more either. */
    @Test
    void oneThatCouldNotBeStartedWasTheOneCommand(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(spec().build())) {
            assertThat(sandbox.exec("/no/such").exit().shellCode()).isEqualTo(127);
            assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Conflict.class);
        }
    }

    private static boolean runs(long pid) {
        return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
    }

    /** It would not see that its owner is gone; the process that does is gone with it. */
    @Test
    void itDiesWithItsOwner(Sandboxes engine) throws Exception {
        long pid;
        try (OtherProcess owner = OtherProcess.start()) {
            String id =
                    owner.tell("create-without-init", NAME, "trap '' TERM HUP INT; echo on; sleep 1000; sleep 1000");
            owner.tell("own-attached");
            assertThat(owner.tell("line", "0")).isEqualTo("on");
            pid = engine.open(id).info().firstProcess().orElseThrow();
            assertThat(runs(pid)).isTrue();
            owner.kill();
            for (int attempt = 0; attempt < 1000 && runs(pid); attempt++) {
                LockSupport.parkNanos(5_000_000);
            }
            assertThat(runs(pid)).isFalse();
        }
        assertThat(Lab.onHost("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null | grep -cx cay-watch || true"))
                .isEqualTo("0");
    }

    @Test
    void othersSeeItAndEndIt(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell(
                    "create-without-init",
                    NAME,
                    "trap 'echo hup' HUP; trap 'echo term; exit 7' TERM; echo on; while :; do sleep 0.02; done");
            owner.tell("own-attached");
            assertThat(owner.tell("line", "0")).isEqualTo("on");
            try (Sandbox sandbox = engine.open(NAME)) {
                ExecutionInfo own = sandbox.executions().getFirst();
                assertThat(own.id()).isEqualTo(1);
                assertThat(own.pid()).isEqualTo(1);
                assertThat(sandbox.usage().processes()).isPositive();
                assertThatThrownBy(() -> sandbox.exec("true"))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining("has no init");
                assertThatThrownBy(() -> sandbox.files().stat(FilePath.of("/"), true))
                        .isInstanceOf(SandboxException.Conflict.class);
                sandbox.signal(1, 1);
                assertThat(owner.tell("line", "0")).isEqualTo("hup");
                sandbox.stop(Duration.ofSeconds(20));
                assertThat(owner.tell("line", "0")).isEqualTo("term");
                assertThat(owner.tell("ended", "0")).isEqualTo("exited 7");
            }
        }
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-without-init", NAME, "echo on; exec sleep 1000");
            owner.tell("own-attached");
            assertThat(owner.tell("line", "0")).isEqualTo("on");
            engine.open(NAME).remove();
            assertThat(owner.tell("ended", "0")).endsWith("9");
        }
    }
}
