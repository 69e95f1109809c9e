package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Many at once, interrupted, closed at the worst moment, closed twice, used after the close. */
@ExtendWith(RootLane.class)
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LifecycleTest {
    /** N1: many commands run at once in a sandbox. */
    @Test
    void n1FiveHundredExecutionsFromVirtualThreads(Sandboxes engine) throws Exception {
        List<Sandbox> sandboxes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            sandboxes.add(engine.create(SandboxSpec.host().build()));
        }
        Semaphore atOnce = new Semaphore(100);
        List<Future<ExecResult>> results = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 500; i++) {
                int number = i;
                results.add(threads.submit(() -> {
                    atOnce.acquire();
                    try {
                        return sandboxes
                                .get(number % sandboxes.size())
                                .exec("sh", "-c", "echo " + number + "; exit " + number % 200);
                    } finally {
                        atOnce.release();
                    }
                }));
            }
        }
        for (int i = 0; i < results.size(); i++) {
            assertThat(results.get(i).get().stdout()).isEqualTo(i + "\n");
            assertThat(results.get(i).get().exit()).isEqualTo(Exit.exited(i % 200));
        }
        sandboxes.forEach(Sandbox::close);
    }

    @Test
    void twoHundredConcurrentCreates(Sandboxes engine) throws Exception {
        Set<String> ids = ConcurrentHashMap.newKeySet();
        Set<String> maps = ConcurrentHashMap.newKeySet();
        List<Future<Sandbox>> created = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 200; i++) {
                created.add(threads.submit(() -> {
                    Sandbox sandbox = engine.create(SandboxSpec.host().build());
                    ids.add(sandbox.id());
                    maps.add(sh(sandbox, "cat /proc/self/uid_map"));
                    return sandbox;
                }));
            }
        }
        for (Future<Sandbox> sandbox : created) {
            sandbox.get();
        }
        assertThat(ids).hasSize(200);
        assertThat(maps).hasSize(200);
        for (Future<Sandbox> sandbox : created.subList(0, 100)) {
            sandbox.get().close(); // the others with the engine
        }
    }

    @Test
    void manyThreadsOfThePlatformMakeAndThrowAway(Sandboxes engine) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<ExecResult>> results = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                results.add(threads.submit(() -> engine.run(SandboxSpec.host().build(), ExecSpec.of("id", "-u"))));
            }
            for (Future<ExecResult> result : results) {
                assertThat(result.get().stdout()).isEqualTo("0\n");
            }
        }
    }

    @Test
    void closingEndsWhatRuns(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host().build());
        Execution started = sandbox.start(ExecSpec.of("sleep", "1000"));
        List<Future<ExecResult>> captured = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 5; i++) {
                captured.add(threads.submit(() -> sandbox.exec("sh", "-c", "echo on; setsid sleep 1000; echo never")));
            }
            while (Long.parseLong(sh(sandbox, "ps ax | grep -c '[s]leep 1000'")) < 6) {
                Thread.onSpinWait();
            }
            sandbox.close();
        }
        assertThat(started.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
        for (Future<ExecResult> result : captured) {
            assertThat(result.get().exit()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
            assertThat(result.get().stdout()).isEqualTo("on\n");
        }
    }

    @Test
    void whatIsClosedSaysSo(Sandboxes engine) {
        Sandbox sandbox = engine.create(SandboxSpec.host().build());
        sandbox.close();
        sandbox.close();
        for (Runnable use : List.<Runnable>of(
                () -> sandbox.exec("true"), () -> sandbox.start(ExecSpec.of("true")), sandbox::usage)) {
            assertThatThrownBy(use::run).isInstanceOfSatisfying(SandboxException.Closed.class, e -> {
                assertThat(e.code()).isEqualTo("closed");
                assertThat(e.hint()).isNotEmpty();
            });
        }
        Sandboxes other = Sandboxes.local();
        Sandbox left = other.create(SandboxSpec.host().build());
        other.close();
        other.close();
        assertThatThrownBy(() -> other.create(SandboxSpec.host().build())).isInstanceOf(SandboxException.Closed.class);
        assertThatThrownBy(() -> left.exec("true")).isInstanceOf(SandboxException.Closed.class);
        left.close();
    }

    @Test
    void manyCloseAtOnce(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host().build());
        sandbox.start(ExecSpec.of("sleep", "1000"));
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 20; i++) {
                Future<?> closed = threads.submit(sandbox::close);
                assertThat(closed).isNotNull();
            }
        }
        assertThatThrownBy(() -> sandbox.exec("true")).isInstanceOf(SandboxException.Closed.class);
    }

    @Test
    void closingWhileCommandsAreStarted(Sandboxes engine) throws Exception {
        for (int round = 0; round < 5; round++) {
            Sandbox sandbox = engine.create(SandboxSpec.host().build());
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Future<String>> ends = new ArrayList<>();
                for (int i = 0; i < 20; i++) {
                    ends.add(threads.submit(() -> {
                        try {
                            return sandbox.exec("true").exit().reason().text();
                        } catch (SandboxException.Closed e) {
                            return "closed";
                        }
                    }));
                }
                sandbox.close();
                for (Future<String> end : ends) {
                    assertThat(end.get()).isIn("exited", "killed", "closed");
                }
            }
        }
    }

    /** The death of the first process is the death of the sandbox, and told as that. */
    @Test
    void aSandboxThatDiedSaysSo(Sandboxes engine) {
        Sandbox sandbox = engine.create(SandboxSpec.host().build());
        Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"));
        ProcessHandle.of(JoinTest.initOf(sandbox)).orElseThrow().destroyForcibly();
        assertThat(execution.await().signal()).isEqualTo(9);
        assertThatThrownBy(() -> {
                    while (true) {
                        sandbox.exec("true");
                    }
                })
                .isInstanceOf(SandboxException.Closed.class);
        sandbox.close();
    }

    @Test
    void anInterruptLeavesNothingBehind(Sandboxes engine) throws Exception {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (Thread.Builder builder : List.of(Thread.ofPlatform(), Thread.ofVirtual())) {
                FutureTask<Void> task = new FutureTask<>(() -> {
                    for (int i = 0; i < 50; i++) {
                        Thread.currentThread().interrupt();
                        sandbox.exec("true");
                        Thread.currentThread().interrupt();
                        engine.create(SandboxSpec.host().build()).close();
                    }
                    return null;
                });
                builder.start(task);
                task.get();
            }
            assertThat(sandbox.exec("true").exit().success()).isTrue();
        }
    }

    @Test
    void enginesSideBySideDoNotDisturbEachOther(Sandboxes engine) {
        try (Sandbox one = engine.create(SandboxSpec.host().build())) {
            try (Sandboxes second = Sandboxes.local();
                    Sandbox other = second.create(SandboxSpec.host().build())) {
                assertThat(sh(other, "echo on")).isEqualTo("on");
            }
            assertThat(sh(one, "echo still on")).isEqualTo("still on");
        }
    }
}
