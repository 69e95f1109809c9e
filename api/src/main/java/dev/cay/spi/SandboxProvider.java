package dev.cay.spi;

import dev.cay.Finding;
import dev.cay.Sandboxes;
import java.util.List;

/** The engine behind {@link Sandboxes#local()}; implementations are registered as services. */
public interface SandboxProvider {
    /**
     * Opens an engine in this process.
     *
     * @throws dev.cay.SandboxException if this machine cannot run sandboxes; the hint says what is missing
     */
    Sandboxes open();

    /** What this machine has, or lacks, of what the engine needs; changes nothing. */
    List<Finding> diagnose();
}
