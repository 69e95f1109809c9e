package dev.cay.engine.seccomp;

/** What happens to a call. */
sealed interface Action {
    /** The call is made. */
    record Allow() implements Action {}

    /** The call is made, and noted in the kernel's audit log. */
    record Log() implements Action {}

    /**
     * The call is not made; the caller sees it fail.
     *
     * @param number the error; 0 makes the caller believe that the call succeeded
     */
    record Errno(int number) implements Action {
        // The same on every architecture that we know.
        static final int EPERM = 1;
        static final int ENOSYS = 38;
        static final int EAFNOSUPPORT = 97;
        /** The kernel cuts what a filter asks for down to this ({@code MAX_ERRNO}). */
        static final int MAXIMUM = 4095;

        public Errno {
            if (number < 0 || number > MAXIMUM) {
                throw new IllegalArgumentException("not an error number: " + number);
            }
        }
    }

    /** The call is not made; the thread gets SIGSYS. */
    record Trap() implements Action {}

    /** The thread dies, without a handler having a say. */
    record KillThread() implements Action {}

    /** The process dies, without a handler having a say. */
    record KillProcess() implements Action {}

    /** {@code SECCOMP_RET_*} of {@code <linux/seccomp.h>}: what a filter returns. */
    default int returnValue() {
        return switch (this) {
            case Allow() -> 0x7FFF_0000;
            case Log() -> 0x7FFC_0000;
            case Errno(int number) -> 0x0005_0000 | number;
            case Trap() -> 0x0003_0000;
            case KillThread() -> 0x0000_0000;
            case KillProcess() -> 0x8000_0000;
        };
    }

    /** The kernel's order among filters that disagree: the lower the stricter. */
    default int rank() {
        return returnValue() & 0xFFFF_0000;
    }
}
