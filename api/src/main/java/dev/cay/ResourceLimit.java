package dev.cay;

/** Limits of each single process, see setrlimit(2). */
public enum ResourceLimit {
    /** Bytes of address space. */
    ADDRESS_SPACE,
    /** Bytes of a core dump. */
    CORE,
    /** Seconds of processor time. */
    CPU_SECONDS,
    /** Bytes of the data segment. */
    DATA,
    /** Bytes of the largest file it may write. */
    FILE_SIZE,
    /** Bytes it may lock into memory. */
    LOCKED_MEMORY,
    /** Open file descriptors. */
    OPEN_FILES,
    /** Bytes of the stack of its first thread. */
    STACK
}
