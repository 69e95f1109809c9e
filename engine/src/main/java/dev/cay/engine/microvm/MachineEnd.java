package dev.cay.engine.microvm;

/** How a machine came to its end. */
public sealed interface MachineEnd {
    /** The guest powered itself off. */
    record PoweredOff() implements MachineEnd {}

    /** The guest restarted itself, which ends the machine: a kernel that has panicked does so. */
    record Reset() implements MachineEnd {}

    /** It was told to end by {@link Machine#quit}. */
    record Quit() implements MachineEnd {}

    /** The VMM was killed. */
    record Killed(int signal) implements MachineEnd {}

    /** The VMM gave up; the console says why. */
    record Failed(int code) implements MachineEnd {}

    /** For messages. */
    default String text() {
        return switch (this) {
            case PoweredOff _ -> "the guest powered off";
            case Reset _ -> "the guest's kernel panicked or restarted";
            case Quit _ -> "the machine was ended";
            case Killed(int signal) -> "the VMM was killed by signal " + signal;
            case Failed(int code) -> "the VMM ended with code " + code;
        };
    }
}
