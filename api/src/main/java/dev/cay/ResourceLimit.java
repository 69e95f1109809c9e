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
    /** Locks of files; of no effect since Linux 2.4.25. */
    FILE_LOCKS,
    /** Bytes of the largest file it may write. */
    FILE_SIZE,
    /** Bytes it may lock into memory. */
    LOCKED_MEMORY,
    /** Bytes of the message queues of its user. */
    MESSAGE_QUEUES,
    /** How far it may raise its priority: 20 less the lowest nice value. */
    NICE,
    /** Open file descriptors. */
    OPEN_FILES,
    /** Signals that wait for processes of its user. */
    PENDING_SIGNALS,
    /** Processes and threads of its user. */
    PROCESSES,
    /** The highest real-time priority it may take. */
    REAL_TIME_PRIORITY,
    /** Microseconds of processor time that a real-time process may take without a pause. */
    REAL_TIME,
    /** Bytes of memory in use; of no effect since Linux 2.4.30. */
    RESIDENT_MEMORY,
    /** Bytes of the stack of its first thread. */
    STACK
}
