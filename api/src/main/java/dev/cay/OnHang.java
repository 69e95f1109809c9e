package dev.cay;

/** What is done with a microVM whose guest has not answered for half a minute, though its machine runs and is not paused. */
public enum OnHang {
    /** Nothing, but {@link MachineInfo#health} says so. */
    REPORT("report"),
    /** Its machine is killed, and with it all that ran in it. */
    KILL("kill");

    private final String text;

    OnHang(String text) {
        this.text = text;
    }

    /** The stable name. */
    public String text() {
        return text;
    }
}
