package dev.cay.cli;

import static java.util.Objects.requireNonNull;

/**
 * What a command has to work with.
 *
 * @param streams where it reads and writes
 * @param variables the caller's environment
 * @param engine where it gets the engine from
 */
record Context(Streams streams, Variables variables, EngineGuard engine) {
    Context {
        requireNonNull(streams, "streams is null");
        requireNonNull(variables, "variables is null");
        requireNonNull(engine, "engine is null");
    }
}
