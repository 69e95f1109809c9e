package dev.cay;

import static java.util.Objects.requireNonNull;

/**
 * How a command ended.
 *
 * @param reason why it ended
 * @param code the exit code, 0 to 255, when the reason is {@link Reason#EXITED}; otherwise -1
 * @param signal the number of the signal that ended it, 0 if none did
 * @param errno the error number of the system call that kept it from starting, 0 if it started
 * @param step the system call that kept it from starting, such as {@code execve: ENOENT (step 21)}; empty if it started
 * @param core whether the signal had its memory written to a file, core(5): only where {@link ResourceLimit#CORE} lets it
 */
public record Exit(Reason reason, int code, int signal, int errno, String step, boolean core) {
    /** Why a command ended. */
    public enum Reason {
        /** It exited by itself. */
        EXITED("exited"),
        /** A signal ended it that neither a limit nor the caller had asked for. */
        SIGNALLED("signalled"),
        /** It ran longer than its {@link ExecSpec#timeout()}. */
        TIMEOUT("timeout"),
        /** The sandbox ran out of memory and all that ran in it was killed. */
        OOM("oom"),
        /** The caller killed it, or closed its sandbox. */
        KILLED("killed"),
        /** It was never started. */
        SPAWN_FAILED("spawn-failed");

        private final String text;

        Reason(String text) {
            this.text = text;
        }

        /** The stable name of this reason in machine-readable output. */
        public String text() {
            return text;
        }
    }

    /** Without a core file. */
    public Exit(Reason reason, int code, int signal, int errno, String step) {
        this(reason, code, signal, errno, step, false);
    }

    public Exit {
        requireNonNull(reason, "reason is null");
        requireNonNull(step, "step is null");
        if ((reason == Reason.EXITED) != (code >= 0) || code > 255) {
            throw new IllegalArgumentException("exit code " + code + " does not fit the reason " + reason);
        }
        boolean bySignal = reason != Reason.EXITED && reason != Reason.SPAWN_FAILED;
        if (bySignal != (signal > 0) || (reason == Reason.SPAWN_FAILED) != (errno > 0)) {
            throw new IllegalArgumentException(
                    "signal " + signal + ", errno " + errno + " do not fit the reason " + reason);
        }
        if (core && !bySignal) {
            throw new IllegalArgumentException("only a signal leaves a core file, not the reason " + reason);
        }
    }

    /** Whether the command exited by itself with code 0. */
    public boolean success() {
        return code == 0;
    }

    /**
     * The one number a shell would report: the exit code, 128 + signal, 124 for a timeout, 127 for a command that was not
     * found and 126 for one that could not be started.
     */
    public int shellCode() {
        return switch (reason) {
            case EXITED -> code;
            case TIMEOUT -> 124;
            case SPAWN_FAILED -> errno == NOT_FOUND ? 127 : 126;
            case SIGNALLED, OOM, KILLED -> 128 + signal;
        };
    }

    private static final int NOT_FOUND = 2;

    /** Exited by itself. */
    public static Exit exited(int code) {
        return new Exit(Reason.EXITED, code, 0, 0, "");
    }

    /** Ended by a signal, for one of the reasons that a signal can have. */
    public static Exit signalled(Reason reason, int signal) {
        return new Exit(reason, -1, signal, 0, "");
    }

    /** The same with a core file, if there is one. */
    public Exit withCore(boolean written) {
        return new Exit(reason, code, signal, errno, step, written);
    }

    /** Never started. */
    public static Exit spawnFailed(int errno, String step) {
        return new Exit(Reason.SPAWN_FAILED, -1, 0, errno, step);
    }
}
