package dev.cay.cli;

import static java.util.Objects.requireNonNull;

import dev.cay.Finding;
import java.util.List;
import java.util.function.Supplier;

/**
 * What a command has to work with.
 *
 * @param streams where it reads and writes
 * @param variables the caller's environment
 * @param engine where it gets the engine from
 * @param terminal the caller's terminal, if there is one
 * @param time the clock, and how to wait
 * @param diagnosis looks at this machine
 */
record Context(
        Streams streams,
        Variables variables,
        EngineGuard engine,
        TerminalDevice terminal,
        Time time,
        Supplier<List<Finding>> diagnosis) {
    Context {
        requireNonNull(streams, "streams is null");
        requireNonNull(variables, "variables is null");
        requireNonNull(engine, "engine is null");
        requireNonNull(terminal, "terminal is null");
        requireNonNull(time, "time is null");
        requireNonNull(diagnosis, "diagnosis is null");
    }

    /** Whether a person reads what is printed: then it is a table, and may have colours. */
    boolean printsToTerminal() {
        return terminal.isTerminal(Streams.OUT);
    }

    /** See no-color.org; a terminal that calls itself dumb has none either. */
    boolean printsColours() {
        return printsToTerminal()
                && variables.variable("NO_COLOR").orElse("").isEmpty()
                && !variables.variable("TERM").orElse("").equals("dumb");
    }
}
