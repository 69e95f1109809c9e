package dev.cay.linux;

/** The first process of a sandbox: {@code init-*.S} in an executable that exists only in memory. */
public final class Init {
    private Init() {}

    /** The program, sealed, to be given to {@link Processes#execve(Fd, java.util.List, java.util.List)}. */
    public static Fd program(Kernel kernel) throws SyscallException {
        return Program.sealed(kernel, "cay-init", image(Native.ARCHITECTURE));
    }

    static byte[] image(Architecture architecture) {
        return Program.image(architecture, Native.resource("init-" + architecture.text() + ".bin"), 0);
    }
}
