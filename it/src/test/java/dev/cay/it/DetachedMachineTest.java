package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.FilePath;
import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.MachineInfo.Health;
import dev.cay.OutputKind;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * A microVM that outlives the process that made it, operated by processes that did not. All tests share one guest, whose maker is
 * killed before the first.
 */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DetachedMachineTest {
    private static final String NAME = "cay-it-guest";
    private static final String IMAGE = "cay-it-lasting";
    private static final Duration LONG = Duration.ofSeconds(60);

    private Sandboxes engine;
    private Sandbox sandbox;

    @BeforeAll
    void make() throws IOException {
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.debian();
            GuestKernels.importSmall(maker, IMAGE);
        }
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("create-machine", NAME, IMAGE);
            other.kill();
        }
        Sandboxes.local().close(); // cleans up after its engine
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
        sandbox = engine.open(NAME);
        if (sandbox.info().paused()) { // a test has failed
            sandbox.resume();
        }
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.open(NAME).remove();
            last.images().remove(IMAGE);
        }
    }

    private String sh(String script) {
        return Lab.sh(sandbox, script);
    }

    @Test
    void outlivesItsMaker() {
        assertThat(sh("uname -s; cat /proc/1/comm")).isEqualTo("Linux\ncay-init");
        SandboxInfo info = sandbox.info();
        assertThat(info.state()).isEqualTo(SandboxState.RUNNING);
        assertThat(info.machine()).map(MachineInfo::health).contains(Health.HEALTHY);
        assertThat(info.spec().isolation()).isEqualTo(Isolation.MICROVM);
        assertThat(sandbox.boot()).extracting(BootStep::name).contains("root", "records", "ready");
        assertThat(sandbox.usage().memory().bytes()).isGreaterThan(Size.mib(32).bytes());
        assertThat(engine.sweep().adopted()).contains(sandbox.id());
    }

    /** Each in a session of its own: none ends what another has begun, and none waits for another. */
    @Test
    void severalProcessesAreInItAtOnce() {
        try (OtherProcess first = OtherProcess.start();
                OtherProcess second = OtherProcess.start()) {
            first.order(
                    "exec",
                    NAME,
                    "echo one > /tmp/first; until [ -e /tmp/second ]; do sleep 0.1; done; cat /tmp/second");
            assertThat(second.tell("exec", NAME, "until [ -e /tmp/first ]; do sleep 0.1; done; cat /tmp/first"))
                    .isEqualTo("exited 0 one");
            assertThat(sh("echo two > /tmp/second; echo here")).isEqualTo("here");
            assertThat(first.answer()).contains("ok exited 0 two");
        }
    }

    @Test
    void thereIsRoomForSoManyAndNoMore() {
        List<Sandbox> open = new ArrayList<>();
        sandbox.close();
        try (Sandboxes other = Sandboxes.local()) {
            for (int i = 0; i < 8; i++) {
                open.add(other.open(NAME));
                assertThat(open.getLast().exec("true").exit()).isEqualTo(Exit.exited(0));
            }
            try (Sandbox ninth = engine.open(NAME)) {
                assertThatThrownBy(() -> ninth.exec("true"))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining("no more");
                assertThat(ninth.info().state()).isEqualTo(SandboxState.RUNNING); // to look it needs none of its own
            }
        } finally {
            sandbox = engine.open(NAME);
        }
        assertThat(sh("echo again")).isEqualTo("again");
    }

    /** What it writes meanwhile is kept, and whoever comes next reads all of it and goes on. */
    @Test
    void aCommandOutlivesWhoeverStartedIt() throws Exception {
        int number;
        try (OtherProcess other = OtherProcess.start()) {
            number = Integer.parseInt(
                    other.tell(
                            "start",
                            NAME,
                            "echo begun; i=0; while [ $i -lt 9000 ]; do echo line $i; i=$((i+1)); done; read x; echo $x; exit 6"));
            other.kill();
        }
        awaitLog(number, "line 8999\n"); // it is not held up by somebody who is gone and reads no more
        try (Execution execution = sandbox.attach(number)) {
            execution.stdin().write("the end\n".getBytes(StandardCharsets.UTF_8));
            String output = Lab.rest(execution.stdout());
            assertThat(output).startsWith("begun\nline 0\n").endsWith("line 8999\nthe end\n");
            assertThat(output.lines().count()).isEqualTo(9002);
            assertThat(execution.await()).isEqualTo(Exit.exited(6));
        }
        assertThat(info(number).exit()).contains(Exit.exited(6));
        try (Execution ended = sandbox.attach(number)) {
            assertThat(Lab.rest(ended.stdout())).endsWith("the end\n");
            assertThat(ended.await()).isEqualTo(Exit.exited(6));
        }
    }

    private ExecutionInfo info(int number) {
        return sandbox.executions().stream()
                .filter(one -> one.id() == number)
                .findFirst()
                .orElseThrow();
    }

    private void awaitLog(int number, String end) {
        long deadline = System.nanoTime() + LONG.toNanos();
        while (!new String(sandbox.log(number, OutputKind.STDOUT, 0).bytes(), StandardCharsets.UTF_8).endsWith(end)) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** The oldest is overwritten, and what is read is told where it begins. */
    @Test
    void onlyTheLastOutputIsKept() {
        ExecSpec command = ExecSpec.builder("sh", "-c", "seq 100000 199999")
                .kept(Size.kib(64))
                .build();
        int number;
        try (Execution execution = sandbox.start(command)) {
            number = execution.id();
            execution.detach();
        }
        awaitLog(number, "199999\n");
        var log = sandbox.log(number, OutputKind.STDOUT, 0);
        assertThat(log.bytes().length).isBetween(64 * 1024, 128 * 1024);
        assertThat(log.next()).isEqualTo(700_000);
        String text = new String(log.bytes(), StandardCharsets.UTF_8);
        String whole = text.substring(text.indexOf('\n') + 1);
        int first = Integer.parseInt(whole.substring(0, 6));
        assertThat(whole.lines().map(Integer::valueOf)).first().isEqualTo(first);
        assertThat(whole.lines().count()).isEqualTo(200_000 - first);
    }

    @Test
    void commandsAreSignalledAndRunOutOfTime() {
        try (Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"));
                Sandboxes other = Sandboxes.local();
                Sandbox seen = other.open(NAME)) {
            assertThat(seen.executions())
                    .anyMatch(one -> one.id() == execution.id() && one.exit().isEmpty());
            seen.signal(execution.id(), 15);
            assertThat(execution.await(LONG)).contains(Exit.signalled(Exit.Reason.SIGNALLED, 15));
        }
        ExecResult result = sandbox.exec(ExecSpec.builder("sleep", "1000")
                .timeout(Duration.ofMillis(300))
                .grace(Duration.ofMillis(100))
                .build());
        assertThat(result.exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
        assertThat(sandbox.exec("no-such-program").exit().reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
    }

    @Test
    void aTerminalCanBeLeftAndTakenUpAgain() throws IOException {
        int number;
        ExecSpec shell =
                ExecSpec.builder("sh").terminal(new TerminalSize(80, 24)).build();
        try (Execution execution = sandbox.start(shell)) {
            number = execution.id();
            execution.stdin().write("stty size; tty\n".getBytes(StandardCharsets.UTF_8));
            assertThat(until(execution, "/dev/pts/")).contains("24 80");
            execution.detach();
        }
        try (Sandboxes other = Sandboxes.local();
                Sandbox seen = other.open(NAME);
                Execution execution = seen.attach(number)) {
            execution.resize(new TerminalSize(100, 30));
            execution.stdin().write("stty size; exit 4\n".getBytes(StandardCharsets.UTF_8));
            assertThat(Lab.rest(execution.stdout())).contains("30 100");
            assertThat(execution.await()).isEqualTo(Exit.exited(4));
        }
    }

    private static String until(Execution execution, String text) throws IOException {
        StringBuilder seen = new StringBuilder();
        while (seen.indexOf(text) < 0) {
            int one = execution.stdout().read();
            assertThat(one).as("%s", seen).isNotNegative();
            seen.append((char) one);
        }
        return seen.toString();
    }

    @Test
    void theTwoKeysThatLeaveLeaveTheCommandAsItIs(@TempDir Path directory) {
        try (Tmux terminal = new Tmux(directory)) {
            terminal.line("cay exec -it " + NAME + " -- sh");
            terminal.await("a prompt inside", screen -> screen.stripTrailing().endsWith("#"));
            terminal.run("PS1='inner> '; x=kept");
            terminal.press("C-p", "C-q");
            terminal.await("the outer prompt", screen -> screen.stripTrailing().endsWith("outer>"));
            int number = sandbox.executions().getLast().id();
            terminal.clear();
            terminal.line("cay attach --execution " + number + " " + NAME);
            terminal.await("the shell", screen -> screen.stripTrailing().endsWith("inner>"));
            terminal.run("echo is $x").see("is kept");
            terminal.line("exit 7");
            terminal.await("the outer prompt", screen -> screen.stripTrailing().endsWith("outer>"));
            terminal.run("echo code $?").see("code 7");
        }
    }

    @Test
    void filesGoInAndOut() throws IOException {
        byte[] content = new byte[300_000];
        new java.util.Random(7).nextBytes(content);
        sandbox.files().write("/tmp/content", content);
        try (Sandboxes other = Sandboxes.local();
                Sandbox seen = other.open(NAME)) {
            assertThat(seen.files().read("/tmp/content").readAllBytes()).isEqualTo(content);
            assertThat(seen.files().stat(FilePath.of("/tmp/content"), true).size())
                    .isEqualTo(content.length);
        }
    }

    /** Neither the ports by which others come, nor what is kept of commands, is anybody's in the guest. */
    @Test
    void rootInTheGuestReachesNeitherChannelsNorRecords() {
        assertThat(Lab.attempt(sandbox, "for fd in /proc/1/fd/*; do ls $fd/ || exit; done"))
                .contains("Permission denied");
        assertThat(sh("ls /dev | tr '\\n' ' '")).doesNotContain("vport");
        assertThat(Lab.attempt(sandbox, "mknod /tmp/port c 242 1")).contains("Operation not permitted");
        assertThat(sh("grep -c records /proc/mounts || true")).isEqualTo("0");
    }

    @Test
    void pausedByOneAndResumedByAnother() {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("pause", NAME);
        }
        assertThat(sandbox.info().paused()).isTrue();
        assertThat(sandbox.info().machine()).map(MachineInfo::health).contains(Health.HEALTHY);
        assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Conflict.class);
        assertThatThrownBy(sandbox::pause).isInstanceOf(SandboxException.Conflict.class);
        sandbox.resume();
        assertThat(sh("echo on")).isEqualTo("on");
        assertThatThrownBy(sandbox::resume).isInstanceOf(SandboxException.Conflict.class);
    }

    /** A guest that stands still is slow, then hung, for whoever looks, and well again when it answers. */
    @Test
    void aGuestThatHangsIsSeen() throws Exception {
        ProcessHandle vmm = vmm();
        Lab.onHost("kill", "-STOP", Long.toString(vmm.pid()));
        try (Sandboxes other = Sandboxes.local()) {
            assertThat(health(other)).isEqualTo(Health.SLOW);
            Path since = DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("silent");
            Files.writeString(
                    since, Long.toString(Instant.now().minusSeconds(31).toEpochMilli()));
            assertThat(health(other)).isEqualTo(Health.HUNG);
            Lab.onHost("kill", "-CONT", Long.toString(vmm.pid()));
            assertThat(health(other)).isEqualTo(Health.HEALTHY);
            assertThat(since).doesNotExist();
        }
        assertThat(sh("echo well")).isEqualTo("well");
    }

    private static Health health(Sandboxes other) {
        return other.list().stream()
                .filter(info -> info.name().equals(NAME))
                .findFirst()
                .flatMap(SandboxInfo::machine)
                .orElseThrow()
                .health();
    }

    /** That of this sandbox: it is in the same namespace of processes as the first process. */
    private ProcessHandle vmm() {
        long first = sandbox.info().firstProcess().orElseThrow();
        return ProcessHandle.of(first)
                .orElseThrow()
                .children()
                .filter(child -> child.info().command().orElse("").contains("qemu"))
                .findFirst()
                .orElseThrow();
    }
}
