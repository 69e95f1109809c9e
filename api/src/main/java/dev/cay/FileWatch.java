package dev.cay;

import java.time.Duration;
import java.util.List;

/** A watched directory. Meant for one thread; closed by any. */
public interface FileWatch extends AutoCloseable {
    /**
     * Waits for events, at the most so long; empty if there were none.
     *
     * @throws SandboxException.FileFailed if the directory cannot be watched any more
     */
    List<FileEvent> next(Duration timeout);

    @Override
    void close();
}
