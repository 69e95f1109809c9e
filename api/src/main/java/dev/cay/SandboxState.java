package dev.cay;

/** Where a sandbox is in its life. */
public enum SandboxState {
    /** It is being made. */
    CREATING("creating"),
    /** Commands can run in it; its own command, if it has one, has not been started. */
    CREATED("created"),
    /** Its own command runs, or it has none and lives. */
    RUNNING("running"),
    /** Its own command has ended; other commands can run in it, and its own can be started again. */
    EXITED("exited"),
    /** It has died, or its time was over: nothing runs in it any more, its last output can still be read. */
    DEAD("dead"),
    /** It is being removed. */
    REMOVING("removing");

    private final String text;

    SandboxState(String text) {
        this.text = text;
    }

    /** The stable name of this state in machine-readable output. */
    public String text() {
        return text;
    }
}
