package dev.cay.cli;

import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;

/** Does the same to several sandboxes or volumes: one that fails does not keep the others from being done. */
final class EachName {
    private EachName() {}

    /** What is done to one of them. */
    interface Action {
        void apply(Sandboxes engine, String name);
    }

    /**
     * Does it to all, and prints the names for which it worked.
     *
     * @param done what has been done, in a word, for a program to read
     * @return 0, or 1 if it has failed for some
     */
    static int apply(List<String> names, Format format, String done, Context context, Action action) {
        int code = ExitCode.SUCCESS;
        try (Sandboxes engine = context.engine().open()) {
            for (String name : names) {
                Optional<SandboxException> failure = apply(engine, name, action);
                if (context.engine().stopping()) {
                    break;
                }
                if (failure.isPresent()) {
                    code = ExitCode.PARTIAL;
                    sayFailure(name, failure.get(), format, context.streams());
                } else if (format == Format.JSON) {
                    JsonLine.print(
                            context.streams(), json -> json.field("name", name).field("result", done));
                } else {
                    context.streams().print(Problem.printable(name) + "\n");
                }
            }
        }
        return code;
    }

    private static Optional<SandboxException> apply(Sandboxes engine, String name, Action action) {
        try {
            action.apply(engine, name);
            return Optional.empty();
        } catch (SandboxException e) {
            return Optional.of(e);
        }
    }

    /** Says why it has failed for one of them. */
    static void sayFailure(String name, SandboxException failure, Format format, Streams streams) {
        Problem problem = Problem.of(failure, false);
        if (format == Format.TEXT) {
            streams.say(problem.text());
            return;
        }
        JsonLine.print(
                streams,
                json -> json.field("name", name)
                        .begin("error")
                        .field("code", problem.code())
                        .field("message", problem.message())
                        .field("hint", problem.hint())
                        .end());
    }
}
