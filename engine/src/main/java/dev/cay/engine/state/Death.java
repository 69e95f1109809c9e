package dev.cay.engine.state;

import dev.cay.Exit;
import java.util.Optional;

/** Why a sandbox's first process is gone. */
public enum Death {
    OUT_OF_MEMORY("out of memory"),
    EXPIRED("its time was over"),
    IDLE("nobody used it"),
    COMMAND_ENDED("its command had ended"),
    MACHINE_ENDED("its machine ended"),
    FILES_ENDED("what gave it files of this machine ended"),
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

    /** What a first process said last; empty if that is no reason why it would end. */
    static Optional<Death> said(String message) {
        return switch (message.strip()) {
            case "lifetime" -> Optional.of(EXPIRED);
            case "idle" -> Optional.of(IDLE);
            case "command" -> Optional.of(COMMAND_ENDED);
            case "memory" -> Optional.of(OUT_OF_MEMORY);
            default -> Optional.empty();
        };
    }

    /** How the command that ran then is said to have ended. */
    Exit exit() {
        return switch (this) {
            case OUT_OF_MEMORY -> Exit.signalled(Exit.Reason.OOM, SIGKILL);
            case EXPIRED -> Exit.signalled(Exit.Reason.TIMEOUT, SIGKILL);
            case IDLE, COMMAND_ENDED, MACHINE_ENDED, FILES_ENDED, HOST_REBOOTED, KILLED ->
                Exit.signalled(Exit.Reason.KILLED, SIGKILL);
        };
    }

    private static final int SIGKILL = 9;
}
