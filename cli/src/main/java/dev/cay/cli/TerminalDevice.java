package dev.cay.cli;

/** The terminal that the caller sits at, or not. */
interface TerminalDevice {
    /** Whether one of the three streams is a terminal. */
    boolean isTerminal(int descriptor);

    /**
     * Makes the terminal of standard input pass on every key as it is, until that is closed.
     *
     * @throws dev.cay.SandboxException if it cannot be
     */
    RawTerminal raw();
}
