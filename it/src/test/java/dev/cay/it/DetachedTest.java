package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A detached sandbox outlives the process that made it, and any later one takes it up. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DetachedTest {
    private static final String NAME = "cay-it-detached";

    /** What it may have of memory for itself when it has nothing to do. It is 20 KiB of program; a page table is not counted. */
    private static final long MOST_PRIVATE_KIB = 96;

    static SandboxSpec named(String name) {
        return SandboxSpec.host().name(name).detached().build();
    }

    @Test
    void outlivesItsMaker(Sandboxes engine) {
        String id;
        try (OtherProcess other = OtherProcess.start()) {
            id = other.tell("create", NAME);
            other.tell("exec", NAME, "echo kept > /tmp/file");
            other.kill();
            assertThat(other.orphans()).isEmpty();
        }
        assertThat(engine.list()).extracting(SandboxInfo::id).contains(id);
        for (String name : new String[] {id, id.substring(0, 8), NAME}) {
            try (Sandbox sandbox = engine.open(name)) {
                assertThat(sandbox.id()).isEqualTo(id);
                assertThat(sh(sandbox, "cat /tmp/file")).isEqualTo("kept");
                assertThat(sandbox.info().state()).isEqualTo(SandboxState.RUNNING);
                assertThat(sandbox.info().firstProcess()).isPresent();
            }
        }
        engine.open(NAME).remove();
        assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
        assertThat(engine.list()).extracting(SandboxInfo::id).doesNotContain(id);
    }

    /** What somebody else removed is told as what it is, by every method. */
    @Test
    void removedElsewhere(Sandboxes engine) {
        Sandbox sandbox = engine.create(named(NAME));
        try (Sandboxes second = Sandboxes.local()) {
            second.open(NAME).remove();
        }
        assertThatThrownBy(sandbox::info).isInstanceOf(SandboxException.NotFound.class);
        for (Runnable use : List.<Runnable>of(
                () -> sandbox.exec("true"),
                () -> sandbox.executions(),
                () -> sandbox.attach(2),
                () -> sandbox.log(2, OutputKind.STDOUT, 0),
                () -> sandbox.stop(Duration.ZERO),
                () -> sandbox.usage(),
                () -> sandbox.files().stat(dev.cay.FilePath.of("/"), true))) {
            assertThatThrownBy(use::run).isInstanceOf(SandboxException.class);
        }
        sandbox.remove();
        sandbox.close();
        sandbox.close();
    }

    @Test
    void aCommandOfItsOwnIsStartedAndStartedAgain(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .name(NAME)
                .detached()
                .command(ExecSpec.of("sh", "-c", "read x; echo got $x; exit 3"))
                .build());
        assertThat(sandbox.info().state()).isEqualTo(SandboxState.CREATED);
        for (int round = 0; round < 3; round++) {
            try (Execution own = sandbox.start()) {
                assertThat(own.id()).isEqualTo(1);
                assertThat(own.await(Duration.ZERO)).isEmpty();
                assertThat(sandbox.info().state()).isEqualTo(SandboxState.RUNNING);
                assertThatThrownBy(sandbox::start).isInstanceOf(SandboxException.Conflict.class);
                own.stdin().write(("round " + round + "\n").getBytes(StandardCharsets.UTF_8));
                assertThat(Lab.rest(own.stdout())).isEqualTo("got round " + round + "\n");
                assertThat(own.await()).isEqualTo(Exit.exited(3));
            }
            assertThat(sandbox.info().state()).isEqualTo(SandboxState.EXITED);
            assertThat(sandbox.info().exit()).contains(Exit.exited(3));
        }
        assertThat(sandbox.exec("true").exit().success()).isTrue();
        sandbox.remove();
    }

    /** N5: each in a group of its own, in which its descendants stay. */
    @Test
    void manyExecutionsAtOnceEachInItsOwnGroup(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(named(NAME));
        List<Execution> running = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            running.add(sandbox.start(ExecSpec.of("sh", "-c", "setsid sleep 1000 & echo on; wait")));
        }
        Set<Long> pids = new TreeSet<>();
        for (Execution execution : running) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("on");
            List<Long> group = DetachedState.processesOf(sandbox.id(), execution.id());
            assertThat(group).hasSize(2);
            pids.addAll(group);
        }
        assertThat(pids).hasSize(100);
        Execution one = running.removeFirst();
        List<Long> its = DetachedState.processesOf(sandbox.id(), one.id());
        one.kill();
        assertThat(one.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        one.close();
        // One that is dead is in no group any more, but has to be reaped.
        for (int attempt = 0;
                attempt < 2000 && its.stream().anyMatch(pid -> Files.exists(Path.of("/proc/" + pid)));
                attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
        }
        assertThat(its).noneMatch(pid -> Files.exists(Path.of("/proc/" + pid)));
        for (Execution other : running) {
            assertThat(DetachedState.processesOf(sandbox.id(), other.id())).hasSize(2);
        }
        sandbox.stop(Duration.ZERO);
        for (Execution other : running) {
            assertThat(other.await().signal()).isEqualTo(9);
            other.close();
        }
        assertThat(DetachedState.groupsOf(sandbox.id())).isEmpty();
        sandbox.remove();
    }

    @Test
    void twoHundredExecutionsFromVirtualThreads(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(named(NAME));
        List<Future<ExecResult>> results = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 200; i++) {
                int number = i;
                results.add(threads.submit(() -> sandbox.exec(ExecSpec.builder("sh", "-c", "cat; exit " + number)
                        .stdin(("input " + number).getBytes(StandardCharsets.UTF_8))
                        .build())));
            }
        }
        for (int i = 0; i < results.size(); i++) {
            assertThat(results.get(i).get().exit()).isEqualTo(Exit.exited(i));
            assertThat(results.get(i).get().stdout()).isEqualTo("input " + i);
        }
        sandbox.exec(
                "true"); // when it begins those that have ended are forgotten; before, all 200 may have run at once
        sandbox.exec("true"); // none runs any more, so all but the last ones are forgotten now
        assertThat(sandbox.executions())
                .hasSizeLessThanOrEqualTo(1 + 64 + 16)
                .allMatch(info -> info.exit().isPresent());
        sandbox.remove();
    }

    @Test
    void aTimeoutNeedsNobodyToWatch(Sandboxes engine) {
        Sandbox sandbox = engine.create(named(NAME));
        int number;
        try (Execution execution =
                sandbox.start(ExecSpec.builder("sh", "-c", "trap '' TERM; setsid sleep 1000 & wait; wait; sleep 1000")
                        .timeout(Duration.ofMillis(300))
                        .grace(Duration.ofMillis(200))
                        .build())) {
            number = execution.id();
            execution.detach();
        }
        sandbox.close();
        Sandbox later = engine.open(NAME);
        for (int attempt = 0; attempt < 1000 && info(later, number).exit().isEmpty(); attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
        }
        assertThat(info(later, number).exit().orElseThrow().reason()).isEqualTo(Exit.Reason.TIMEOUT);
        later.remove();
    }

    private static ExecutionInfo info(Sandbox sandbox, int number) {
        return sandbox.executions().stream()
                .filter(one -> one.id() == number)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void signalsGoToTheWholeProcessGroup(Sandboxes engine) {
        Sandbox sandbox = engine.create(named(NAME));
        try (Execution execution = sandbox.start(ExecSpec.of(
                "sh",
                "-c",
                "trap 'wait; echo parent; exit 7' USR1; "
                        + "(trap 'echo child; exit' USR1; echo on; while :; do sleep 0.05; done) & wait"))) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("on");
            execution.signal(10);
            assertThat(Lab.rest(execution.stdout())).isEqualTo("child\nparent\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(7));
        }
        sandbox.remove();
    }

    @Test
    void whatCannotBeStartedIsKnownLater(Sandboxes engine) {
        Sandbox sandbox = engine.create(named(NAME));
        ExecResult result = sandbox.exec("/nonesuch");
        assertThat(result.exit().reason()).isEqualTo(Exit.Reason.SPAWN_FAILED);
        sandbox.close();
        Sandbox later = engine.open(NAME);
        ExecutionInfo known = later.executions().getFirst();
        assertThat(known.exit()).contains(result.exit());
        assertThat(known.command()).containsExactly("/nonesuch");
        try (Execution execution = later.attach(known.id())) {
            assertThat(execution.await()).isEqualTo(result.exit());
        }
        later.remove();
    }

    /** The first process is the sandbox: without it nothing lives, and what is written stays until it is removed. */
    @Test
    void theDeathOfTheFirstProcess(Sandboxes engine) {
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .name(NAME)
                .detached()
                .command(ExecSpec.of("sh", "-c", "echo last words; sleep 1000"))
                .build());
        Execution own = sandbox.start();
        assertThat(Lab.line(own.stdout())).isEqualTo("last words");
        ExecResult before = sandbox.exec("sh", "-c", "echo done; exit 5");
        long first = sandbox.info().firstProcess().orElseThrow();
        ProcessHandle.of(first).orElseThrow().destroyForcibly();
        assertThat(own.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        own.close();
        for (int attempt = 0; attempt < 500 && Files.exists(Path.of("/proc/" + first)); attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
        }
        Sandbox later = engine.open(NAME);
        assertThat(later.info().state()).isEqualTo(SandboxState.DEAD);
        assertThat(later.info().firstProcess()).isEmpty();
        assertThat(later.info().exit()).contains(Exit.signalled(Exit.Reason.KILLED, 9));
        assertThat(info(later, 1).exit()).contains(Exit.signalled(Exit.Reason.KILLED, 9));
        assertThat(info(later, 2).exit()).contains(before.exit());
        assertThat(new String(later.log(1, OutputKind.STDOUT, 0).bytes(), StandardCharsets.UTF_8))
                .isEqualTo("last words\n");
        assertThatThrownBy(() -> later.exec("true")).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(later::start).isInstanceOf(SandboxException.Closed.class);
        try (Execution dead = later.attach(1)) {
            assertThat(Lab.rest(dead.stdout())).isEqualTo("last words\n");
            assertThat(dead.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        }
        later.stop(Duration.ZERO);
        later.remove();
        sandbox.close();
        engine.create(named(NAME)).remove(); // the name is free
    }

    /** Whatever it had to do, also while somebody stays connected: a second later the memory for it is given back. */
    @Test
    void theFirstProcessNeedsLittleMemory(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(named(NAME));
        long first = sandbox.info().firstProcess().orElseThrow();
        List<Execution> running = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            running.add(sandbox.start(ExecSpec.of("sleep", "1000")));
        }
        long busy = privateKib(first);
        for (Execution execution : running) {
            execution.kill();
            execution.await();
            execution.close();
        }
        sandbox.exec(ExecSpec.builder("cat").stdin(new byte[1 << 20]).build());
        long left = privateKib(first);
        for (int attempt = 0; attempt < 2000 && left > MOST_PRIVATE_KIB; attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
            left = privateKib(first);
        }
        System.out.println("the first process has " + left + " KiB for itself, had " + busy);
        assertThat(left).isBetween(1L, MOST_PRIVATE_KIB);
        sandbox.remove();
    }

    private static long privateKib(long process) throws IOException {
        long kib = 0;
        for (String line : Files.readAllLines(Path.of("/proc/" + process + "/smaps_rollup"))) {
            if (line.startsWith("Private_")) {
                kib += Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return kib;
    }

    @Test
    void oneNameIsGivenOnce(Sandboxes engine) throws Exception {
        try (OtherProcess one = OtherProcess.start();
                OtherProcess other = OtherProcess.start()) {
            one.tell("engine");
            other.tell("engine");
            for (int round = 0; round < 3; round++) {
                one.order("race", NAME, "10");
                other.order("race", NAME, "10");
                String first = one.answer().orElseThrow();
                String second = other.answer().orElseThrow();
                assertThat(List.of(first, second)).containsExactlyInAnyOrder("ok 0", "ok 1");
                assertThat(engine.list())
                        .filteredOn(info -> info.name().equals(NAME))
                        .hasSize(1);
                engine.open(NAME).remove();
            }
        }
        assertThat(engine.list()).noneMatch(info -> info.name().equals(NAME));
    }

    /** Letting go of a sandbox ends nothing. */
    @Test
    void closingTheEngineLeavesItAndItsCommands(Sandboxes engine) {
        int number;
        try (Sandboxes first = Sandboxes.local()) {
            Sandbox sandbox = first.create(named(NAME));
            Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "echo on; exec sleep 1000"));
            assertThat(Lab.line(execution.stdout())).isEqualTo("on");
            number = execution.id();
            execution.detach();
            execution.close();
            sandbox.close();
            assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Closed.class);
        }
        Sandbox later = engine.open(NAME);
        assertThat(info(later, number).exit()).isEmpty();
        assertThat(DetachedState.processesOf(later.id(), number)).hasSize(1);
        later.remove();
    }
}
