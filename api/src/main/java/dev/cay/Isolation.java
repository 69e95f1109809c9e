package dev.cay;

/** What stands between a sandbox and this machine. */
public enum Isolation {
    /** Namespaces, control groups, a system call filter: the kernel is this machine's. Starts in a millisecond. */
    CONTAINER,
    /** A virtual machine with a kernel of its own, see {@link Kernels}; the VMM sits in a container. */
    MICROVM
}
