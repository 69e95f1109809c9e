package dev.cay.linux;

/** The processor architectures Cay runs on. */
public enum Architecture {
    X86_64("x86_64"),
    AARCH64("aarch64");

    private final String text;

    Architecture(String text) {
        this.text = text;
    }

    /** The kernel's name of it, as {@code uname -m} prints it. */
    public String text() {
        return text;
    }

    /**
     * The architecture of this machine.
     *
     * @throws UnsupportedOperationException on any other
     */
    public static Architecture current() {
        return switch (System.getProperty("os.arch")) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64" -> AARCH64;
            case String other -> throw new UnsupportedOperationException("no launcher for the architecture " + other);
        };
    }
}
