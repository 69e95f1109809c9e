package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Lifetime;
import dev.cay.Sandbox;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Snapshots;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** What {@code cay restore} and {@code cay fork} have in common: a microVM that goes on where another one was. */
final class Copies {
    private static final Option NAME = Option.valued("name", "NAME", "What the new sandbox is to be called.");

    private static final Option DETACH =
            Option.flag("d", "detach", "It lives on its own, until it is removed; its id is printed.");

    static final OptionSet OPTIONS = OptionSet.anywhere(DETACH, NAME, RunOptions.TTL, RunOptions.IDLE);

    static final String OWN =
            "The new sandbox has its own random numbers, clock, host name, address and machine id before"
                    + " anything goes on in it. Commands that ran go on, but what they write to their output is dropped; where"
                    + " both are detached, 'cay logs' and 'cay attach' find them in the new one by the same numbers."
                    + " It publishes no ports: 'cay port add' does.";

    static final String UNTIL =
            "It ends with the COMMAND that is run in it, whose exit code is that of cay. Without one its id is"
                    + " printed, and it ends with cay: by Ctrl-C. With -d it is detached, and takes no COMMAND.";

    private static final long LOOK_NANOSECONDS = 200_000_000;

    private Copies() {}

    /** Makes one. */
    interface Maker {
        Sandbox make(Sandboxes engine, String original, Snapshots.Copy copy);
    }

    private static Snapshots.Copy wanted(Arguments arguments) {
        Optional<String> name = arguments.last(NAME);
        Optional<Duration> limit = SandboxRequest.duration(arguments, RunOptions.TTL);
        Optional<Duration> idle = SandboxRequest.duration(arguments, RunOptions.IDLE);
        return new Snapshots.Copy(name, new Lifetime(arguments.has(DETACH), limit, idle, false));
    }

    static int run(Arguments arguments, String example, Context context, Maker maker) {
        List<String> operands = Operands.some(arguments, example);
        List<String> rest = operands.subList(1, operands.size());
        List<String> line = !rest.isEmpty() && rest.get(0).equals("--") ? rest.subList(1, rest.size()) : rest;
        Snapshots.Copy wanted = wanted(arguments);
        boolean detached = wanted.lifetime().detached();
        if (detached && !line.isEmpty()) {
            throw new UsageException(
                    "a detached copy goes on with what ran before, and takes no command",
                    "run it afterwards: cay exec -d NAME -- COMMAND");
        }
        try (Sandboxes engine = context.engine().open();
                Sandbox copy = maker.make(engine, operands.get(0), wanted)) {
            if (line.isEmpty()) {
                context.streams().print(copy.id() + "\n");
                while (!detached && !context.engine().stopping() && copy.info().state() == SandboxState.RUNNING) {
                    LockSupport.parkNanos(LOOK_NANOSECONDS);
                }
                return ExitCode.SUCCESS;
            }
            ExecSpec command = ExecSpec.builder(line).build();
            Streams streams = context.streams();
            Relay.Outcome outcome;
            try (Execution execution = copy.start(command)) {
                outcome = new Relay(execution, streams.in(), streams.out(), streams.err()).run();
            }
            outcome.check(context);
            return Attachment.report(outcome.exit(), copy.info().spec(), command, context);
        }
    }
}
