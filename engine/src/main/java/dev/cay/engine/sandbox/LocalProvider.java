package dev.cay.engine.sandbox;

import dev.cay.Sandboxes;
import dev.cay.spi.SandboxProvider;

/** The engine that runs in this process. */
public final class LocalProvider implements SandboxProvider {
    @Override
    public Sandboxes open() {
        return new LocalSandboxes();
    }
}
