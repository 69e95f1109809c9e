package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Exit;
import java.util.Optional;

/** Waits for what comes first: the end of a command, or our leave of it. Thread-safe. */
final class Ending implements Pump.Abandonment {
    private boolean over;
    private Optional<Exit> exit = Optional.empty();
    private Optional<RuntimeException> failure = Optional.empty();

    /** Watches a command, on a thread of its own. */
    void watch(Execution execution) {
        Thread watcher = new Thread("cay-exit") {
            @Override
            public void run() {
                try {
                    end(Optional.of(execution.await()), Optional.empty());
                } catch (RuntimeException e) {
                    end(Optional.empty(), Optional.of(e));
                }
            }
        };
        watcher.setDaemon(true);
        watcher.start();
    }

    /** We leave the command. */
    void leave() {
        end(Optional.empty(), Optional.empty());
    }

    @Override
    public void abandon() {
        leave();
    }

    private synchronized void end(Optional<Exit> how, Optional<RuntimeException> why) {
        if (!over) {
            over = true;
            exit = how;
            failure = why;
            notifyAll();
        }
    }

    /** How the command ended; empty if it is us who left. */
    synchronized Optional<Exit> await() {
        try {
            while (!over) {
                wait();
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the thread of a command", e);
        }
        if (failure.isPresent()) {
            throw failure.get();
        }
        return exit;
    }
}
