package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;

/** {@code cay run --detach}: a sandbox that outlives us, with the command as its own. */
final class DetachedRun {
    private DetachedRun() {}

    static int start(RunRequest request, Sandboxes engine, Context context) {
        try (Sandbox sandbox = engine.create(request.sandbox())) {
            int code;
            try (EngineGuard.Held _ = context.engine().hold(new Remove(sandbox))) {
                code = begin(sandbox, request, context);
            }
            if (code != ExitCode.SUCCESS) {
                return code;
            }
            CreateCommand.print(sandbox, request.format(), context);
            return code;
        }
    }

    private static int begin(Sandbox sandbox, RunRequest request, Context context) {
        int code = ExitCode.FAILURE;
        try (Execution execution = sandbox.start()) {
            code = Background.letGo(execution, request.sandbox(), request.command(), request.interactive(), context);
        } finally {
            // What could not be begun leaves no sandbox behind that nobody knows of.
            if (code != ExitCode.SUCCESS) {
                sandbox.remove();
            }
        }
        return code;
    }

    private record Remove(Sandbox sandbox) implements EngineGuard.Undo {
        @Override
        public void undo() {
            sandbox.remove();
        }
    }
}
