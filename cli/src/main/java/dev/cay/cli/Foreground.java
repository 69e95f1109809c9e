package dev.cay.cli;

import dev.cay.Execution;
import dev.cay.TerminalSize;
import java.util.Optional;

/**
 * The caller's terminal while a command has it: in raw mode, its sizes passed on. Without a terminal at standard input there is
 * nothing to be done.
 */
final class Foreground implements AutoCloseable {
    private final Optional<RawTerminal> raw;
    private final Optional<EngineGuard.Held> held;

    private Foreground(Optional<RawTerminal> raw, Optional<EngineGuard.Held> held) {
        this.raw = raw;
        this.held = held;
    }

    /** To be opened before anything else, so that it is the first to be undone. */
    static Foreground open(Context context) {
        if (!context.terminal().isTerminal(Streams.IN)) {
            return none();
        }
        RawTerminal terminal = context.terminal().raw();
        EngineGuard.Held held = context.engine().hold(new Restore(terminal));
        return new Foreground(Optional.of(terminal), Optional.of(held));
    }

    /** For a command without a terminal. */
    static Foreground none() {
        return new Foreground(Optional.empty(), Optional.empty());
    }

    private record Restore(RawTerminal terminal) implements EngineGuard.Undo {
        @Override
        public void undo() {
            terminal.close();
        }
    }

    TerminalSize size() {
        return raw.isPresent() ? raw.get().size() : TerminalSize.STANDARD;
    }

    /** From now on the command's terminal is as large as the caller's. */
    void follow(Execution execution) {
        if (raw.isPresent()) {
            raw.get().follow(new Resize(execution));
        }
    }

    private record Resize(Execution execution) implements RawTerminal.Listener {
        @Override
        public void resized(TerminalSize size) {
            try {
                execution.resize(size);
            } catch (RuntimeException e) {
                // The command has ended meanwhile, or its end is on the way to be told.
                return;
            }
        }
    }

    @Override
    public void close() {
        if (raw.isPresent()) {
            raw.get().close();
        }
        if (held.isPresent()) {
            held.get().close();
        }
    }
}
