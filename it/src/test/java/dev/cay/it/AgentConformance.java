package dev.cay.it;

import dev.cay.Sandbox;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Every row of the agent protocol, against a sandbox of any kind that has a shell. */
final class AgentConformance {
    private final List<AgentRows> all;

    /**
     * What a kind of sandbox can do, and another cannot.
     *
     * @param shared whether other processes see its commands
     * @param clock whether it has a clock of its own
     * @param accounts whether it is known what each command has used
     */
    record Abilities(boolean shared, boolean clock, boolean accounts) {}

    /** One row. */
    interface Check {
        void run() throws IOException;
    }

    AgentConformance(Sandbox sandbox, Path socket, Abilities abilities) {
        all = List.of(
                new AgentExecutionRows(sandbox, socket, abilities),
                new AgentFileRows(sandbox, socket, abilities),
                new AgentControlRows(sandbox, socket, abilities));
    }

    /** All rows, one after the other. */
    void run() throws IOException {
        for (AgentRows rows : all) {
            for (Map.Entry<String, Check> check : rows.checks().entrySet()) {
                try {
                    check.getValue().run();
                } catch (RuntimeException | AssertionError e) {
                    throw new AssertionError(check.getKey() + ": " + e.getMessage(), e);
                }
            }
        }
    }
}
