package dev.cay.bench;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Lifetime;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;

/** Our own side: the command that everybody runs, in a sandbox. */
final class Runs {
    static final ExecSpec COMMAND = ExecSpec.builder(Workbench.COMMAND).build();

    /** For the case that this process dies and cannot remove what it has made. */
    private static final Duration DETACHED_LIFE = Duration.ofHours(1);

    private Runs() {}

    /**
     * @throws IOException if the command does not exit with 0
     */
    static void exec(Sandbox sandbox, ExecSpec command) throws IOException {
        ExecResult result = sandbox.exec(command);
        if (!result.exit().success()) {
            throw new IOException(result.exit() + " " + result.stderr().strip());
        }
    }

    /**
     * Makes a sandbox that our command line finds too; closing the workbench removes it. The command line does that, because
     * no engine can be opened while this process is ending.
     */
    static Sandbox detached(Workbench bench, Product product, Sandboxes engine, SandboxSpec.Builder spec) {
        Sandbox sandbox = engine.create(
                spec.lifetime(Lifetime.untilRemoved().limit(DETACHED_LIFE)).build());
        String id = sandbox.id();
        bench.onClose(() -> bench.tools().run(product.command("rm", "--force", id)));
        return sandbox;
    }
}
