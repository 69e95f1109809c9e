package dev.cay.cli;

import dev.cay.ExecutionInfo;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import java.util.List;

/** {@code cay rm}: the end of sandboxes. */
final class RmCommand implements Command {
    private static final Option FORCE = Option.flag(
            "f",
            "force",
            "Also while commands run in it, which are killed; and do not mind if there is no such sandbox.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(FORCE, Format.OPTION);

    @Override
    public String name() {
        return "rm";
    }

    @Override
    public String summary() {
        return "Remove sandboxes and all that is in them";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Removes sandboxes with all they have written, but for named volumes and directories of this machine."
                        + " The exit code is 1 if some could not be removed.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Two at once, whatever they do", "cay rm -f lab web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> names = Operands.some(arguments, "cay rm NAME");
        return EachName.apply(names, format, "removed", context, new Remove(arguments.has(FORCE)));
    }

    private record Remove(boolean force) implements EachName.Action {
        @Override
        public void apply(Sandboxes engine, String name) {
            try (Sandbox sandbox = engine.open(name)) {
                if (!force) {
                    refuseIfUsed(sandbox, name);
                }
                sandbox.remove();
            } catch (SandboxException.NotFound e) {
                if (!force) {
                    throw e;
                }
            }
        }

        private static void refuseIfUsed(Sandbox sandbox, String name) {
            if (!sandbox.info().spec().lifetime().detached()) {
                throw new SandboxException.Conflict(
                        "the sandbox '" + name + "' belongs to the process that made it, and ends with that",
                        "to end it now, add --force");
            }
            for (ExecutionInfo execution : sandbox.executions()) {
                if (execution.exit().isEmpty()) {
                    throw new SandboxException.Conflict(
                            "'" + String.join(" ", execution.command()) + "' runs in the sandbox '" + name + "'",
                            "stop it first: cay stop " + name + ", or add --force");
                }
            }
        }
    }
}
