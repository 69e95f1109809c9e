package dev.cay.bench;

/**
 * Something whose time is taken.
 *
 * @param warm how often it is run before, at the most: what runs in this JVM gets faster, another program does not
 * @param prepare what has to be there before; its time is not taken
 * @param run throws when what it did is not what was to be done
 */
record Case(String name, int warm, Step prepare, Step run) {
    /** Enough to have a program and its libraries in memory. */
    private static final int WARM_PROGRAM = 3;

    /** A piece of work. */
    interface Step {
        void run() throws Exception;
    }

    /** Work of this JVM. */
    static Case here(String name, Step run) {
        return new Case(name, Integer.MAX_VALUE, () -> {}, run);
    }

    static Case here(String name, Step prepare, Step run) {
        return new Case(name, Integer.MAX_VALUE, prepare, run);
    }

    /** Work of another program. */
    static Case program(String name, Step run) {
        return new Case(name, WARM_PROGRAM, () -> {}, run);
    }
}
