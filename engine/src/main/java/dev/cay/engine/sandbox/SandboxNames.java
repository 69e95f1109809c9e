package dev.cay.engine.sandbox;

import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.names.NameService;
import dev.cay.engine.names.NetdStarter;
import dev.cay.engine.state.Lease;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Who answers the questions for names of sandboxes: for this engine's a {@link NameService}, from the first one on; for detached ones
 * a process of its own. Thread-safe.
 */
final class SandboxNames implements AutoCloseable {
    private final Callable<NameService> maker;
    private Optional<FutureTask<NameService>> making = Optional.empty();

    /** @param maker makes what answers for the sandboxes of this engine */
    SandboxNames(Callable<NameService> maker) {
        this.maker = maker;
    }

    /**
     * Begins to make what will answer a sandbox's questions, while the rest of the sandbox is made: the thread lives in the same
     * network namespace as the one that makes it.
     */
    void prepare(boolean detached) {
        if (detached) {
            Thread.ofPlatform().name("cay-names").daemon().start(SandboxNames::startNetd);
        } else {
            var _ = begun(); // waited for by who needs it
        }
    }

    private static void startNetd() {
        try {
            NetdStarter.ensure();
        } catch (IOException | SandboxException e) {
            // it is tried again when it has to be there, and then said
        }
    }

    private synchronized FutureTask<NameService> begun() {
        if (making.isEmpty()) {
            FutureTask<NameService> task = new FutureTask<>(maker);
            making = Optional.of(task);
            Thread.ofPlatform().name("cay-names").daemon().start(task);
        }
        return making.get();
    }

    /** Waits for what answers here; one that failed is made again by whoever needs it next. */
    NameService service() throws IOException {
        FutureTask<NameService> task = begun();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            synchronized (this) {
                making = making.filter(current -> !current.equals(task));
            }
            throw new IOException(
                    "the names of this engine's sandboxes: " + e.getCause().getMessage(), e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized boolean hasBegun() {
        return making.isPresent();
    }

    /** Nothing is answered for a sandbox any more. */
    void leave(Lease lease) throws IOException {
        if (lease.owner().isEmpty()) {
            NetdStarter.tell();
        } else if (hasBegun()) {
            service().leave(lease);
        }
    }

    /**
     * Sees to it that the questions of a detached sandbox are answered that is going to do something. If it cannot be done the sandbox
     * does without names.
     */
    static void awaken(SandboxSpec spec) {
        try {
            if (spec.network() instanceof Network.Named && !NetdStarter.lives()) {
                NetdStarter.ensure();
            }
        } catch (IOException | SandboxException e) {
            System.getLogger(SandboxNames.class.getName())
                    .log(System.Logger.Level.WARNING, "names are not answered", e);
        }
    }

    @Override
    public void close() {
        if (hasBegun()) {
            try {
                service().close();
            } catch (IOException e) {
                // there are none
            }
        }
    }
}
