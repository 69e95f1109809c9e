package dev.cay;

import dev.cay.spi.SandboxProvider;
import java.util.ServiceLoader;

/**
 * An engine that makes sandboxes. It is thread-safe, made to be shared, and may be called from virtual threads.
 *
 * <p>Sandboxes are attached to the process that made them: when it ends, however it ends, they end with it.
 */
public interface Sandboxes extends AutoCloseable {
    /**
     * Opens the engine that runs in this process.
     *
     * @throws SandboxException.Unsupported if no engine is on the module path, or this machine cannot run one
     */
    static Sandboxes local() {
        return ServiceLoader.load(SandboxProvider.class)
                .findFirst()
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "no engine is on the module path or class path",
                        "add the artifact dev.cay:cay-engine, which needs Java 25"))
                .open();
    }

    /**
     * Makes a sandbox and returns when commands can run in it.
     *
     * @throws SandboxException.InvalidSpec if the specification is refused; nothing was done
     * @throws SandboxException.SetupFailed if a step of the set-up failed; what had been made is gone again
     */
    Sandbox create(SandboxSpec spec);

    /**
     * Makes a sandbox, runs one command in it to its end and throws the sandbox away.
     *
     * @throws SandboxException as {@link #create} does; a command that cannot be started is a result, not an exception
     */
    default ExecResult run(SandboxSpec spec, ExecSpec command) {
        try (Sandbox sandbox = create(spec)) {
            return sandbox.exec(command);
        }
    }

    /** Ends every sandbox of this engine and gives back all it holds. May be called again without effect. */
    @Override
    void close();
}
