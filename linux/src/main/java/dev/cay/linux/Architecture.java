package dev.cay.linux;

/** The processor architectures Cay runs on. */
public enum Architecture {
    X86_64("x86_64", 62),
    AARCH64("aarch64", 183);

    private final String text;
    private final int elfMachine;

    Architecture(String text, int elfMachine) {
        this.text = text;
        this.elfMachine = elfMachine;
    }

    /** Its number in the header of a program, {@code EM_*} in elf.h. */
    int elfMachine() {
        return elfMachine;
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
        String name = System.getProperty("os.arch");
        if (name.equals("amd64") || name.equals("x86_64")) {
            return X86_64;
        }
        if (name.equals("aarch64")) {
            return AARCH64;
        }
        throw new UnsupportedOperationException("no launcher for the architecture " + name);
    }
}
