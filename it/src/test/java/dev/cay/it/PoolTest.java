package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sandboxes that are ready before they are asked for. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoolTest {
    private static SandboxSpec spec(boolean detached) {
        return detached
                ? SandboxSpec.host().detached().build()
                : SandboxSpec.host().build();
    }

    static void awaitFull(SandboxPool pool, int size) {
        while (pool.ready() < size) {
            LockSupport.parkNanos(2_000_000);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eachIsGivenOnceAndReplaced(boolean detached, Sandboxes engine) throws Exception {
        Set<String> ids = ConcurrentHashMap.newKeySet();
        try (SandboxPool pool = engine.pool(spec(detached), 3)) {
            awaitFull(pool, 3);
            List<Future<String>> said = new ArrayList<>();
            try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
                for (int i = 0; i < 12; i++) {
                    said.add(threads.submit(() -> {
                        Sandbox sandbox = pool.take();
                        ids.add(sandbox.id());
                        String output = sandbox.exec("echo", "on").stdout();
                        sandbox.remove();
                        return output;
                    }));
                }
            }
            for (Future<String> one : said) {
                assertThat(one.get()).isEqualTo("on\n");
            }
            assertThat(ids).hasSize(12);
            awaitFull(pool, 3);
            assertThat(pool.ready()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void closedWhileItFillsIsEmpty(boolean detached, Sandboxes engine) {
        for (int round = 0; round < 3; round++) {
            SandboxPool pool = engine.pool(spec(detached), 5);
            Sandbox taken = pool.take();
            pool.close();
            pool.close();
            assertThatThrownBy(pool::take).isInstanceOf(SandboxException.Closed.class);
            assertThat(taken.exec("true").exit().success()).isTrue(); // it is ours
            taken.remove();
        }
    }

    /** One that has died while it waited is not given to anybody. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theDeadAreNotGiven(boolean detached, Sandboxes engine) {
        Set<String> before = ids(engine);
        try (SandboxPool pool = engine.pool(spec(detached), 2)) {
            awaitFull(pool, 2);
            for (SandboxInfo info : engine.list()) {
                if (!before.contains(info.id())) {
                    ProcessHandle process =
                            ProcessHandle.of(info.firstProcess().orElseThrow()).orElseThrow();
                    process.destroyForcibly();
                    process.onExit().join();
                }
            }
            for (int i = 0; i < 3; i++) {
                Sandbox sandbox = pool.take();
                assertThat(sandbox.exec("echo", "on").stdout()).isEqualTo("on\n");
                sandbox.remove();
            }
        } finally {
            for (SandboxInfo info : engine.list()) { // those that died are nobody's
                if (detached && !before.contains(info.id()) && info.state() == SandboxState.DEAD) {
                    engine.open(info.id()).remove();
                }
            }
        }
    }

    private static Set<String> ids(Sandboxes engine) {
        return engine.list().stream().map(SandboxInfo::id).collect(Collectors.toSet());
    }

    @Test
    void whatCannotBeMadeIsToldToWhoTakes(Sandboxes engine) {
        SandboxSpec impossible = SandboxSpec.host().user("nobody-there").build();
        try (SandboxPool pool = engine.pool(impossible, 2)) {
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(pool::take).isInstanceOf(SandboxException.InvalidSpec.class);
            }
            assertThat(pool.ready()).isZero();
        }
    }

    @Test
    void wrongSizesAndNamesAreRefused(Sandboxes engine) {
        for (int size : new int[] {Integer.MIN_VALUE, -1, 0, 1001, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> engine.pool(spec(false), size)).isInstanceOf(SandboxException.InvalidSpec.class);
        }
        assertThatThrownBy(() -> engine.pool(DetachedTest.named("cay-it-pool"), 1))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void endsWithItsEngine() {
        Sandboxes engine = Sandboxes.local();
        SandboxPool pool = engine.pool(spec(false), 2);
        awaitFull(pool, 2);
        engine.close();
        assertThatThrownBy(pool::take).isInstanceOf(SandboxException.Closed.class);
    }
}
