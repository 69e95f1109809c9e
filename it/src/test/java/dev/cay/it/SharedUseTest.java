package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Several processes operate the same sandbox at the same time. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SharedUseTest {
    private static final String NAME = "cay-it-shared";

    @Test
    void twoProcessesRunCommandsInIt(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(DetachedTest.named(NAME));
        try (OtherProcess other = OtherProcess.start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            other.tell("open", NAME);
            Set<Integer> numbers = new ConcurrentSkipListSet<>();
            List<Future<ExecResult>> results = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int number = i;
                results.add(threads.submit(() -> {
                    try (Execution execution = sandbox.start(ExecSpec.of("true"))) {
                        assertThat(execution.await()).isEqualTo(Exit.exited(0));
                        assertThat(numbers.add(execution.id())).isTrue();
                    }
                    return sandbox.exec("sh", "-c", "echo here " + number);
                }));
            }
            for (int i = 0; i < 20; i++) {
                assertThat(other.tell("exec", NAME, "echo there " + i + "; exit " + i))
                        .isEqualTo("exited " + i + " there " + i);
                int started = Integer.parseInt(other.tell("start", NAME, "exit 0"));
                assertThat(numbers.add(started)).isTrue();
            }
            for (int i = 0; i < 20; i++) {
                assertThat(results.get(i).get().stdout()).isEqualTo("here " + i + "\n");
            }
        }
        sandbox.remove();
    }

    /** Nobody who looks on sees it end before it has, or not at all, or not be there. */
    @Test
    void anotherLooksOnWhileItsCommandIsStartedAgainAndAgain(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .name(NAME)
                .detached()
                .command(ExecSpec.of("sh", "-c", "read x; exit 3"))
                .build());
        AtomicBoolean over = new AtomicBoolean();
        try (Sandboxes second = Sandboxes.local();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Set<String>> seen = threads.submit(() -> {
                Set<String> wrong = new TreeSet<>();
                while (!over.get()) {
                    try {
                        SandboxInfo info;
                        try (Sandbox same = second.open(NAME)) {
                            info = same.info();
                            same.executions();
                        }
                        info.exit()
                                .filter(exit -> !exit.equals(Exit.exited(3)))
                                .ifPresent(exit -> wrong.add("exit " + exit));
                        if (second.list().stream().noneMatch(one -> one.name().equals(NAME))) {
                            wrong.add("not listed");
                        }
                    } catch (SandboxException e) {
                        wrong.add(e.toString());
                    }
                }
                return wrong;
            });
            try {
                for (int round = 0; round < 15; round++) {
                    try (Execution own = sandbox.start()) {
                        assertThat(sandbox.info().state()).isEqualTo(SandboxState.RUNNING);
                        Lab.end(own);
                        assertThat(Lab.rest(own.stdout())).isEmpty();
                        assertThat(Lab.rest(own.stderr())).isEmpty();
                        assertThat(own.await()).isEqualTo(Exit.exited(3));
                    }
                    assertThat(sandbox.info().state()).isEqualTo(SandboxState.EXITED);
                }
            } finally {
                over.set(true);
            }
            assertThat(seen.get()).isEmpty();
        }
        sandbox.remove();
    }

    @Test
    void onlyOneStartsItsCommand(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .name(NAME)
                .detached()
                .command(ExecSpec.of("sleep", "1000"))
                .build());
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("open", NAME);
            for (int round = 0; round < 5; round++) {
                other.order("own", NAME);
                boolean here;
                try (Execution own = sandbox.start()) {
                    own.detach();
                    here = true;
                } catch (SandboxException.Conflict e) {
                    here = false;
                }
                String there = other.answer().orElseThrow();
                assertThat(there).as("here %s", here).startsWith(here ? "failed conflict" : "ok");
                sandbox.stop(Duration.ofMillis(500));
                assertThat(sandbox.info().state()).isEqualTo(SandboxState.EXITED);
            }
        }
        sandbox.remove();
    }

    /** Whoever works in it while it is removed is told so, and nothing of it comes back. */
    @Test
    void removedWhileAnotherWorksInIt(Sandboxes engine) throws Exception {
        for (int round = 0; round < 3; round++) {
            Sandbox sandbox = engine.create(DetachedTest.named(NAME));
            try (Sandboxes second = Sandboxes.local();
                    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Sandbox same = second.open(NAME);
                List<Future<String>> ends = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    ends.add(threads.submit(() -> {
                        while (true) {
                            try {
                                ExecResult result = same.exec("echo", "on");
                                if (result.exit().reason() == Exit.Reason.SPAWN_FAILED) {
                                    return "not started: " + result.exit().step();
                                }
                            } catch (SandboxException.Closed | SandboxException.NotFound e) {
                                return "told";
                            }
                        }
                    }));
                }
                sandbox.exec("true");
                sandbox.remove();
                for (Future<String> end : ends) {
                    assertThat(end.get()).isEqualTo("told");
                }
                same.close();
            }
        }
    }

    @Test
    void removedByManyAtOnce(Sandboxes engine) throws Exception {
        for (int round = 0; round < 3; round++) {
            engine.create(DetachedTest.named(NAME)).close();
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Sandbox> opened = new ArrayList<>();
                for (int i = 0; i < 5; i++) {
                    opened.add(engine.open(NAME));
                }
                List<Future<?>> removals = new ArrayList<>();
                opened.forEach(same -> removals.add(threads.submit(same::remove)));
                for (Future<?> removal : removals) {
                    removal.get();
                }
            }
        }
    }
}
