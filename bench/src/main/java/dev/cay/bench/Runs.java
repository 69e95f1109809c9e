package dev.cay.bench;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import java.io.IOException;

/** Our own side: the command that everybody runs, in a sandbox. */
final class Runs {
    static final ExecSpec COMMAND = ExecSpec.builder(Workbench.COMMAND).build();

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
}
