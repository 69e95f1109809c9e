package dev.cay;

/** The network a sandbox has. */
public sealed interface Network {
    /** A network namespace of its own with nothing in it but the loopback interface. */
    record None() implements Network {}

    /**
     * The host's own network, unfiltered: the sandbox reaches whatever the host reaches, its loopback services included.
     */
    record Host() implements Network {}

    static Network none() {
        return new None();
    }

    static Network host() {
        return new Host();
    }
}
