package dev.cay.engine.sandbox;

import dev.cay.Finding;
import dev.cay.Sandboxes;
import dev.cay.engine.container.Diagnosis;
import dev.cay.engine.container.Places;
import dev.cay.engine.kernels.KernelStore;
import dev.cay.engine.microvm.MachineDiagnosis;
import dev.cay.spi.SandboxProvider;
import java.util.ArrayList;
import java.util.List;

/** The engine that runs in this process. */
public final class LocalProvider implements SandboxProvider {
    @Override
    public Sandboxes open() {
        return new LocalSandboxes();
    }

    @Override
    public List<Finding> diagnose() {
        List<Finding> findings = new ArrayList<>(Diagnosis.run());
        Places places = StoredSandboxes.guarded(Places::ofThisUser);
        findings.addAll(StoredSandboxes.guarded(() -> MachineDiagnosis.of(
                places.data().resolve(KernelStore.NAME), places.run().resolve(MachineDiagnosis.ACCELERATION))));
        return findings;
    }
}
