package dev.cay.engine.microvm;

/** How a guest's instructions are executed. */
public sealed interface Acceleration {
    /** By the processor. */
    record Kvm() implements Acceleration {}

    /**
     * By a program that translates them: everywhere, and slowly.
     *
     * @param timestampKilohertz how fast the host's time stamp counter counts. The guest's does as that does, and has nothing to
     *     measure it by
     */
    record Emulated(long timestampKilohertz) implements Acceleration {
        public Emulated {
            if (timestampKilohertz <= 0) {
                throw new IllegalArgumentException("no time stamp counter counts by " + timestampKilohertz);
            }
        }
    }
}
