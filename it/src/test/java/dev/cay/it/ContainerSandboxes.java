package dev.cay.it;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Gives each test of a contract containers of its own. */
abstract class ContainerSandboxes implements SandboxContract {
    private final List<Sandbox> made = new ArrayList<>();
    private Sandboxes engine;

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
    }

    @AfterEach
    void removeAll() {
        made.forEach(Sandbox::remove);
    }

    /** One that is removed after the test. */
    Sandbox make(SandboxSpec spec) {
        made.add(engine.create(spec));
        return made.getLast();
    }

    @Override
    public Sandbox sandbox(boolean detached) {
        SandboxSpec.Builder spec = SandboxContract.dressed(SandboxSpec.host());
        return make(detached ? spec.detached().build() : spec.build());
    }

    @Override
    public Duration moment() {
        return Duration.ofMillis(200);
    }
}
