package dev.cay.it;

import dev.cay.SandboxInfo;
import dev.cay.Sandboxes;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * For tests that make sandboxes that outlive them, besides {@link RootLane}, which closes the engine only after this: fails a
 * test that leaves one.
 */
public final class DetachedLane implements BeforeEachCallback, AfterEachCallback {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(DetachedLane.class);

    /** So that one test that fails is not the failure of all that follow. */
    private static void removeOurs() {
        try (Sandboxes engine = Sandboxes.local()) {
            for (SandboxInfo info : engine.list()) {
                if (info.name().startsWith(Lab.PREFIX)) {
                    engine.open(info.id()).remove();
                }
            }
        }
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(NAMESPACE).put("before", DetachedState.now());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Sandboxes.local().close(); // removes what is left of processes that the test has killed
        DetachedState before = context.getStore(NAMESPACE).remove("before", DetachedState.class);
        String difference = before.differenceFromNow();
        if (!difference.isEmpty()) {
            removeOurs();
            throw new AssertionError("detached sandboxes are not as they were before this test:\n" + difference);
        }
    }
}
