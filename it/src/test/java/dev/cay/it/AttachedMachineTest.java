package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.MachineInfo.Health;
import dev.cay.OutputKind;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import dev.cay.TerminalSize;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A microVM that ends with the process that made it, seen and entered by others. All tests but one share one guest. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class AttachedMachineTest {
    private static final String NAME = "cay-it-attached-guest";
    private static final String IMAGE = "cay-it-attached-machine";

    private OtherProcess owner;
    private Sandboxes engine;
    private Sandbox sandbox;
    private int commands;

    @BeforeAll
    void make() throws IOException {
        try (Sandboxes maker = Sandboxes.local()) {
            GuestKernels.debian();
            GuestKernels.importSmall(maker, IMAGE);
        }
        owner = OtherProcess.start();
        owner.tell(
                "create-attached-machine",
                NAME,
                IMAGE,
                "trap 'echo hup' HUP; trap 'echo term; exit 7' TERM; echo on; while :; do sleep 0.1; done");
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
        sandbox = engine.open(NAME);
        if (sandbox.info().paused()) { // a test has failed
            sandbox.resume();
        }
    }

    /** With its owner it is gone at once; whoever was in it is told so, and the next who looks finds nothing of it. */
    @AfterAll
    void theOwnerDies() {
        try (Sandboxes last = Sandboxes.local();
                OtherProcess maker = owner) {
            Sandbox entered = last.open(NAME);
            Execution execution = entered.start(ExecSpec.of("sleep", "1000"));
            maker.kill();
            assertThat(execution.await().signal()).isEqualTo(9);
            execution.close();
            entered.close();
            assertThat(last.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
            assertThatThrownBy(() -> last.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
            last.images().remove(IMAGE);
            last.sweep(); // what its owner has left would go in somebody else's test
        }
    }

    private String sh(String script) {
        return Lab.sh(sandbox, script);
    }

    @Test
    void seenAndEnteredByAnotherProcess() throws IOException {
        SandboxInfo info = sandbox.info();
        assertThat(info.state()).isEqualTo(SandboxState.RUNNING);
        assertThat(info.spec().lifetime().detached()).isFalse();
        assertThat(sh("uname -s; cat /proc/1/comm")).isEqualTo("Linux\ncay-init");
        assertThat(sandbox.info().machine()).map(MachineInfo::health).contains(Health.HEALTHY);
        assertThat(sandbox.boot()).extracting(BootStep::name).contains("root", "ready");
        assertThat(sandbox.usage().memory().bytes()).isGreaterThan(Size.mib(32).bytes());
        sandbox.files().write("/tmp/in", "from outside".getBytes(StandardCharsets.UTF_8));
        assertThat(owner.tell("exec", NAME, "cat /tmp/in")).isEqualTo("exited 0 from outside");
        assertThat(sandbox.files().read("/tmp/in").readAllBytes()).hasSize(12);
        ExecResult late = sandbox.exec(ExecSpec.builder("sleep", "1000")
                .timeout(Duration.ofMillis(100))
                .grace(Duration.ZERO)
                .build());
        assertThat(late.exit().reason()).isEqualTo(Exit.Reason.TIMEOUT);
        ExecSpec size = ExecSpec.builder("sh", "-c", "stty size")
                .terminal(new TerminalSize(90, 30))
                .build();
        ExecResult told = sandbox.exec(size);
        assertThat(told.stdout()).as("%s", told.exit()).contains("30 90");
    }

    /** What others run in it is kept, as in a sandbox that outlives everybody, for as long as it lives. */
    @Test
    void whatOthersRunIsTakenUpAgain() throws IOException {
        int number;
        try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "echo one; read x; echo got $x"))) {
            number = execution.id();
            assertThat(Lab.line(execution.stdout())).isEqualTo("one");
            execution.detach();
        }
        sandbox.close();
        sandbox = engine.open(NAME);
        assertThat(sandbox.executions()).extracting(ExecutionInfo::id).contains(number);
        try (Execution again = sandbox.attach(number)) {
            again.stdin().write("two\n".getBytes(StandardCharsets.UTF_8));
            assertThat(Lab.rest(again.stdout())).isEqualTo("one\ngot two\n");
            assertThat(again.await()).isEqualTo(Exit.exited(0));
        }
        assertThat(new String(sandbox.log(number, OutputKind.STDOUT, 4).bytes(), StandardCharsets.UTF_8))
                .isEqualTo("got two\n");
    }

    @Test
    void theOwnersCommandIsSeenSignalledAndStopped() throws IOException {
        String index = ownersCommand();
        ExecutionInfo own = sandbox.executions().getFirst();
        assertThat(own.id()).isEqualTo(1);
        assertThat(own.command()).startsWith("sh", "-c");
        assertThat(sh("tr '\\0' ' ' </proc/" + own.pid() + "/cmdline")).startsWith("sh -c trap");
        assertThatThrownBy(sandbox::start).isInstanceOf(SandboxException.Conflict.class);
        assertThatThrownBy(() -> sandbox.attach(1)).isInstanceOf(SandboxException.Unsupported.class);
        assertThatThrownBy(() -> sandbox.log(1, OutputKind.STDOUT, 0)).isInstanceOf(SandboxException.Unsupported.class);
        sandbox.signal(1, 1);
        assertThat(owner.tell("line", index)).isEqualTo("hup");
        try (Execution other = sandbox.start(ExecSpec.of("sh", "-c", "echo on; sleep 1000; exit 8"))) {
            assertThat(Lab.line(other.stdout())).isEqualTo("on");
            sandbox.stop(Duration.ofSeconds(20));
            assertThat(other.await().signal()).isEqualTo(9);
        }
        assertThat(owner.tell("line", index)).isEqualTo("term");
        assertThat(owner.tell("ended", index)).isEqualTo("exited 7");
        assertThat(sandbox.executions()).noneMatch(info -> info.id() == 1);
        assertThat(sh("echo it lives")).isEqualTo("it lives");
    }

    /** Its index among those that the owner has started. */
    private String ownersCommand() {
        owner.tell("own-attached");
        String index = Integer.toString(commands++);
        assertThat(owner.tell("line", index)).isEqualTo("on");
        return index;
    }

    /** As many as there is a need for: there is always a free channel, until there are all. */
    @Test
    void thereIsRoomForSoManyAndNoMore() {
        List<Sandbox> open = new ArrayList<>();
        sandbox.close();
        try (Sandboxes other = Sandboxes.local()) {
            for (int i = 0; i < 7; i++) {
                open.add(other.open(NAME));
                assertThat(open.getLast().exec("true").exit()).isEqualTo(Exit.exited(0));
            }
            try (Sandbox eighth = engine.open(NAME)) {
                assertThatThrownBy(() -> eighth.exec("true"))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining("7 processes");
                assertThat(eighth.info().state()).isEqualTo(SandboxState.RUNNING); // to look it needs none of its own
            }
            assertThat(open.getFirst().exec("true").exit()).isEqualTo(Exit.exited(0));
        } finally {
            sandbox = engine.open(NAME);
        }
        assertThat(sh("echo again")).isEqualTo("again");
        assertThat(owner.tell("exec", NAME, "ls /sys/class/virtio-ports | wc -l"))
                .isEqualTo("exited 0 8");
    }

    /** Whoever halts it, the others know, and its owner does not take it for hung. */
    @Test
    void pausedByOneAndResumedByAnother() {
        sandbox.pause();
        assertThat(sandbox.info().paused()).isTrue();
        awaitOwner("true healthy");
        owner.order("exec-attached", "-", "true");
        assertThat(owner.answer().orElseThrow()).contains("is paused");
        assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Conflict.class);
        owner.tell("resume-attached");
        assertThat(sandbox.info().paused()).isFalse();
        assertThat(sh("echo on")).isEqualTo("on");
        owner.tell("pause-attached");
        assertThat(sandbox.info().paused()).isTrue();
        sandbox.resume();
        awaitOwner("false healthy");
        assertThat(owner.tell("exec-attached", "-", "echo on")).isEqualTo("exited 0 on");
    }

    /** The VMM tells its owner in its own time. */
    private void awaitOwner(String expected) {
        for (int i = 0; i < 1000 && !owner.tell("attached-paused").equals(expected); i++) {
            LockSupport.parkNanos(5_000_000);
        }
        assertThat(owner.tell("attached-paused")).isEqualTo(expected);
    }

    /** Nobody of the owner's process is asked for anything. */
    @Test
    void enteredWhileTheOwnerStandsStill() throws Exception {
        Lab.onHost("kill", "-STOP", Long.toString(owner.pid()));
        try (Sandboxes other = Sandboxes.local();
                Sandbox seen = other.open(NAME)) {
            assertThat(Lab.sh(seen, "echo in")).isEqualTo("in");
        } finally {
            Lab.onHost("kill", "-CONT", Long.toString(owner.pid()));
        }
        assertThat(owner.tell("exec-attached", "-", "echo on")).isEqualTo("exited 0 on");
    }

    /** It goes on in both, whatever its owner does meanwhile; and that one knows nothing of it. */
    @Test
    void copiedByAnotherProcess() throws Exception {
        sh("echo memory > /tmp/kept; echo disk > /kept");
        try (Execution running = sandbox.start(ExecSpec.of("sh", "-c", "echo on; read x; echo got $x"))) {
            assertThat(Lab.line(running.stdout())).isEqualTo("on");
            Sandbox copy = engine.snapshots().fork(sandbox, Snapshots.Copy.detached(Optional.empty()));
            try {
                assertThat(copy.executions()).isEmpty();
                assertThat(Lab.sh(copy, "cat /tmp/kept /kept; hostname")).isEqualTo("memory\ndisk\n" + copy.id());
            } finally {
                copy.remove();
            }
            assertThat(owner.tell("attached-paused")).isEqualTo("false healthy");
            assertThat(owner.tell("exec-attached", "-", "cat /kept")).isEqualTo("exited 0 disk");
            running.stdin().write("two\n".getBytes(StandardCharsets.UTF_8));
            assertThat(Lab.rest(running.stdout())).isEqualTo("got two\n");
        }
        Lab.onHost("kill", "-STOP", Long.toString(owner.pid()));
        try {
            engine.snapshots().create(sandbox, NAME);
        } finally {
            Lab.onHost("kill", "-CONT", Long.toString(owner.pid()));
        }
        try (Sandbox copy = engine.snapshots().restore(NAME, Optional.empty())) {
            assertThat(Lab.sh(copy, "cat /tmp/kept")).isEqualTo("memory");
        } finally {
            engine.snapshots().remove(NAME);
        }
        assertThat(owner.tell("exec-attached", "-", "echo on")).isEqualTo("exited 0 on");
    }

    private void killWhoKeepsIt(String step) {
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("die-before-step", step);
            other.order("keep", NAME, NAME);
            assertThat(other.answer()).isEmpty();
            other.await();
        }
    }

    /** It goes on as soon as its owner, who has stood still meanwhile, or somebody else, wants something of it. */
    @ParameterizedTest
    @ValueSource(strings = {"halt", "written"})
    void whoeverKeepsItIsKilled(String step) throws Exception {
        Path halted = DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("halted");
        Lab.onHost("kill", "-STOP", Long.toString(owner.pid()));
        try {
            killWhoKeepsIt(step);
            assertThat(halted).exists();
            if (step.equals("halt")) {
                assertThat(sh("echo on")).isEqualTo("on");
                assertThat(halted).doesNotExist();
            }
        } finally {
            Lab.onHost("kill", "-CONT", Long.toString(owner.pid()));
        }
        if (step.equals("written")) {
            assertThat(owner.tell("exec-attached", "-", "echo on")).isEqualTo("exited 0 on");
        }
        assertThat(halted).doesNotExist();
        awaitOwner("false healthy");
        Sandboxes.local().close(); // cleans up after its engine
        assertThat(engine.snapshots().list()).isEmpty();
    }

    /** Its owner lets it go on by himself, however far the other one has come: nobody looks, and nobody asks for anything. */
    @ParameterizedTest
    @ValueSource(strings = {"memory", "machine"})
    void whoeverKeepsItIsKilledAndItsOwnerMendsThat(String step) throws IOException {
        killWhoKeepsIt(step);
        Path halted = DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("halted");
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (Files.exists(halted)) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            LockSupport.parkNanos(20_000_000);
        }
        awaitOwner("false healthy");
        assertThat(owner.tell("exec-attached", "-", "cat /proc/[0-9]*/status | grep -c '^State:.T'"))
                .isEqualTo("exited 1 0");
        Sandboxes.local().close(); // cleans up after its engine
        assertThat(engine.snapshots().list()).isEmpty();
    }

    /** Only its owner may come, as with a container. */
    @Test
    void nobodyElseReachesItsDoors() throws Exception {
        Path door = DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("channel-1");
        assertThat(door).exists();
        List<String> look = List.of("ls", door.toString());
        assertThat(Lab.onHost(look.toArray(String[]::new))).isEqualTo(door.toString());
        List<String> other = new ArrayList<>(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
        other.addAll(look);
        assertThat(Lab.onHost(other.toArray(String[]::new))).contains("Permission denied");
    }

    /** The same process enters its own by the same way; and it is removed by another one. */
    @Test
    void openedByItsMakerAndRemovedByAnother() {
        Sandbox own = engine.create(SandboxSpec.image(IMAGE)
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(256))
                .build());
        assertThat(own.exec("true").exit()).isEqualTo(Exit.exited(0));
        try (Sandbox same = engine.open(own.id())) {
            assertThat(Lab.sh(same, "echo two > /tmp/f; cat /tmp/f")).isEqualTo("two");
        }
        assertThat(Lab.sh(own, "cat /tmp/f")).isEqualTo("two");
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("remove", own.id());
        }
        assertThatThrownBy(() -> own.exec("true")).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(() -> engine.open(own.id())).isInstanceOf(SandboxException.NotFound.class);
        own.close();
        assertThat(engine.list()).extracting(SandboxInfo::id).doesNotContain(own.id());
    }
}
