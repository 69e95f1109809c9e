package dev.cay.engine.agent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.EventStream;
import dev.cay.SandboxException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StandstillTest {
    private static final Duration LONG = Duration.ofHours(1);

    /** What is asked of it, in turn. */
    private static final class FakeHost implements AgentServer.Host {
        private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();
        private final AtomicInteger refusals = new AtomicInteger();

        @Override
        public EventStream events() {
            throw new UnsupportedOperationException("nobody wants to know");
        }

        @Override
        public boolean keepsCommands() {
            return false;
        }

        @Override
        public void setClock(InstantSource time) {
            throw new UnsupportedOperationException("it has none");
        }

        @Override
        public List<String> freeze(boolean frozen) {
            asked.add(frozen ? "freeze" : "thaw");
            if (!frozen && refusals.getAndDecrement() > 0) {
                throw new SandboxException.Conflict("it is paused", "");
            }
            return List.of("disk");
        }

        @Override
        public void restoreNetwork(NetworkRequest request) {
            throw new UnsupportedOperationException("it has none");
        }
    }

    private final FakeHost host = new FakeHost();
    private final Standstill standstill = new Standstill(host);

    @Test
    void itEndsByItself() throws InterruptedException {
        host.refusals.set(1);
        assertThat(standstill.begin(Duration.ofMillis(1))).containsExactly("disk");
        assertThat(host.asked.take()).isEqualTo("freeze");
        assertThat(host.asked.take()).isEqualTo("thaw"); // in vain
        assertThat(host.asked.take()).isEqualTo("thaw");
        standstill.close();
        assertThat(host.asked).isEmpty();
    }

    @Test
    void whoeverEndsItEndsItOnce() {
        standstill.begin(LONG);
        standstill.begin(LONG);
        assertThat(standstill.end()).containsExactly("disk");
        standstill.close();
        assertThat(host.asked).containsExactly("freeze", "freeze", "thaw");
    }

    @Test
    void itEndsWithWhoeverServes() {
        standstill.begin(LONG);
        standstill.close();
        standstill.close();
        assertThat(host.asked).containsExactly("freeze", "thaw");
    }
}
