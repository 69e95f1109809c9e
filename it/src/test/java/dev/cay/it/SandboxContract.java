package dev.cay.it;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import java.time.Duration;

/**
 * What is promised of every sandbox, whatever stands between it and the machine: interfaces that extend this one have the tests, a
 * class for each wall has them run.
 */
interface SandboxContract {
    /**
     * One that was made of {@link #dressed}, with a shell and the usual small programs. A test leaves nothing in it, and does not close
     * it: it may be that of the next test too.
     *
     * @param detached whether it outlives the process that made it
     */
    Sandbox sandbox(boolean detached);

    /** How long after it was asked for a shell has certainly come to its first command. */
    Duration moment();

    /** What the tests expect of the sandbox. */
    static SandboxSpec.Builder dressed(SandboxSpec.Builder builder) {
        return builder.environment("A", "sandbox").environment("B", "sandbox").workingDirectory("/usr");
    }
}
