package dev.cay.engine.state;

import dev.cay.Exit;

/** Why a sandbox's first process is gone. */
public enum Death {
    OUT_OF_MEMORY("out of memory"),
    EXPIRED("its time was over"),
    HOST_REBOOTED("this machine was restarted"),
    KILLED("its first process was killed");

    private final String text;

    Death(String text) {
        this.text = text;
    }

    /** The reason in words. */
    public String text() {
        return text;
    }

    /** How the command that ran then is said to have ended. */
    Exit exit() {
        return switch (this) {
            case OUT_OF_MEMORY -> Exit.signalled(Exit.Reason.OOM, SIGKILL);
            case EXPIRED -> Exit.signalled(Exit.Reason.TIMEOUT, SIGKILL);
            case HOST_REBOOTED, KILLED -> Exit.signalled(Exit.Reason.KILLED, SIGKILL);
        };
    }

    private static final int SIGKILL = 9;
}
