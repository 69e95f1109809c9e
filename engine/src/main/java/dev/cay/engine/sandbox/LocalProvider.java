package dev.cay.engine.sandbox;

import dev.cay.Finding;
import dev.cay.Sandboxes;
import dev.cay.engine.container.Diagnosis;
import dev.cay.spi.SandboxProvider;
import java.util.List;

/** The engine that runs in this process. */
public final class LocalProvider implements SandboxProvider {
    @Override
    public Sandboxes open() {
        return new LocalSandboxes();
    }

    @Override
    public List<Finding> diagnose() {
        return Diagnosis.run();
    }
}
