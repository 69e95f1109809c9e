package dev.cay.cli;

import dev.cay.TerminalSize;

/** A terminal in raw mode. Thread-safe. */
interface RawTerminal extends AutoCloseable {
    /** Hears of the sizes that a terminal gets. */
    interface Listener {
        void resized(TerminalSize size);
    }

    /** The size it has now. */
    TerminalSize size();

    /** Tells the size it has and every further one. */
    void follow(Listener listener);

    /** Makes the terminal what it was before, and returns when it is. May be called again without effect. */
    @Override
    void close();
}
