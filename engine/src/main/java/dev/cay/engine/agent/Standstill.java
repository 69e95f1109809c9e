package dev.cay.engine.agent;

import dev.cay.SandboxException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** That a sandbox's file systems stand still, and for how long at the most: whoever asked for it may be gone. Thread-safe. */
final class Standstill implements AutoCloseable {
    private static final Duration AGAIN = Duration.ofSeconds(1);

    private final AgentServer.Host host;
    private Optional<Thread> timer = Optional.empty();

    Standstill(AgentServer.Host host) {
        this.host = host;
    }

    /** Begins; the limit of one that has begun already is this one from now on. */
    synchronized List<String> begin(Duration limit) {
        List<String> disks = host.freeze(true);
        cancel();
        timer = Optional.of(Thread.ofVirtual().name("cay-agent-thaw").start(() -> endAfter(limit)));
        return disks;
    }

    synchronized List<String> end() {
        List<String> disks = host.freeze(false);
        cancel();
        return disks;
    }

    private void cancel() {
        timer.ifPresent(Thread::interrupt);
        timer = Optional.empty();
    }

    private void endAfter(Duration limit) {
        try {
            Thread.sleep(limit);
            while (!hasEnded()) {
                Thread.sleep(AGAIN);
            }
        } catch (InterruptedException _) {
            // somebody else has said what is to be
        }
    }

    /** It cannot be ended while the machine is paused. */
    private synchronized boolean hasEnded() {
        if (timer.filter(Thread.currentThread()::equals).isEmpty()) {
            return true;
        }
        try {
            host.freeze(false);
        } catch (SandboxException.Conflict e) {
            return false;
        } catch (SandboxException e) {
            System.getLogger(Standstill.class.getName())
                    .log(System.Logger.Level.WARNING, "file systems that stand still do not go on", e);
        }
        timer = Optional.empty();
        return true;
    }

    /** Nobody is here any more who could say that they may go on. */
    @Override
    public synchronized void close() {
        if (timer.isPresent()) {
            cancel();
            try {
                host.freeze(false);
            } catch (SandboxException _) {
                // it has ended, or is paused: then whoever shuts it down sees to it
            }
        }
    }
}
