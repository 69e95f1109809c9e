package dev.cay.engine.names;

import dev.cay.engine.state.SandboxStore;
import dev.cay.linux.Kernel;
import dev.cay.linux.Stub;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The first processes of detached sandboxes, each of which is given what guards its network, see {@link NameFilter#entrust}. So whoever kills
 * this process and takes the rules away has still opened nothing. Used by one thread.
 */
final class WallHolders {
    /** A first process answers in a moment, but one that is paused does it when it goes on. */
    private static final long PATIENCE_MILLIS = 2000;

    private final Kernel kernel;
    private final NameFilter filter;

    /** The directories of sandboxes. */
    private final Path sandboxes;

    private final Map<String, FutureTask<Void>> asked = new HashMap<>();

    WallHolders(Kernel kernel, NameFilter filter, Path sandboxes) {
        this.kernel = kernel;
        this.filter = filter;
        this.sandboxes = sandboxes;
    }

    /**
     * Sees to it that a sandbox's first process is one of them; each is asked once.
     *
     * @return false if it has not answered yet
     * @throws IOException if it cannot be asked; it is asked again the next time
     */
    boolean add(String sandbox) throws IOException {
        FutureTask<Void> before = asked.get(sandbox);
        FutureTask<Void> task = before == null ? new FutureTask<>(() -> entrust(sandbox)) : before;
        if (before == null) {
            asked.put(sandbox, task);
            Thread.ofVirtual().name("cay-wall").start(task);
        }
        try {
            task.get(before == null ? PATIENCE_MILLIS : 0, TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            asked.remove(sandbox);
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private Void entrust(String sandbox) throws IOException {
        Path socket = SandboxStore.socket(sandboxes.resolve(sandbox));
        try (Stub first = new Stub(UnixSocket.connect(kernel, socket.toString()))) {
            filter.entrust(first);
        }
        return null;
    }

    void remove(String sandbox) {
        asked.remove(sandbox);
    }
}
