package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import dev.cay.spi.ProcessEnd;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;

class EngineGuardTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final EngineGuard guard = new EngineGuard(() -> engine);

    @Test
    void theExitCodeCountsIfNoSignalCame() {
        guard.open().close();

        assertThat(guard.finish()).isTrue();
        guard.stop();
        assertThat(guard.stopping()).isFalse();
        assertThat(engine.closed).containsExactly("engine");
    }

    private interface Ending extends Sandboxes, ProcessEnd {}

    /** Not by the JVM, which would wait for threads of the engine. */
    @Test
    void anEngineEndsTheProcess() {
        Sandboxes ending = (Sandboxes) Proxy.newProxyInstance(
                EngineGuardTest.class.getClassLoader(), new Class<?>[] {Ending.class}, (proxy, method, arguments) -> {
                    throw new IllegalStateException(method.getName() + " " + arguments[0]);
                });
        EngineGuard leaving = new EngineGuard(() -> ending);
        leaving.open();

        assertThat(leaving.finish()).isTrue();
        assertThatThrownBy(() -> leaving.leave(3)).hasMessage("endProcess 3");
    }

    @Test
    void aSignalClosesTheEngine() {
        assertThat(guard.open()).isSameAs(engine);

        guard.stop();
        assertThat(engine.closed).containsExactly("engine");
        assertThat(guard.stopping()).isTrue();
        assertThat(guard.finish()).isFalse();
    }

    @Test
    void aSignalThatComesBeforeTheEngineKeepsItFromBeingUsed() {
        guard.stop();

        assertThatThrownBy(guard::open).isInstanceOf(SandboxException.Closed.class);
        assertThat(engine.closed).containsExactly("engine");
    }

    @Test
    void whatIsHeldIsUndoneBeforeTheEngineIsClosed() {
        guard.open();
        guard.hold(() -> engine.closed.add("first"));
        guard.hold(() -> {
            throw new IllegalStateException("cannot be undone");
        });
        guard.hold(() -> engine.closed.add("second"));
        guard.hold(() -> engine.closed.add("let go of")).close();

        guard.stop();
        assertThat(engine.closed).containsExactly("first", "second", "engine");
    }

    @Test
    void whatIsHeldTooLateIsUndoneAtOnce() {
        guard.stop();

        guard.hold(() -> engine.closed.add("late")).close();
        assertThat(engine.closed).containsExactly("late");
    }

    @Test
    void nothingIsUndoneAfterTheEnd() {
        guard.hold(() -> engine.closed.add("held"));
        assertThat(guard.finish()).isTrue();

        guard.stop();
        assertThat(engine.closed).isEmpty();
    }
}
