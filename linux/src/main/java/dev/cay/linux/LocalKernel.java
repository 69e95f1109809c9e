package dev.cay.linux;

import java.util.Optional;

/** The kernel of this machine, as the host's root or as the root of a user namespace of this user. Thread-safe. */
public sealed interface LocalKernel extends Kernel permits HostKernel, RootlessKernel {
    /** This process as it is, without that root. */
    HostKernel host();

    /** {@code int sethostname(const char *name, size_t len)} sethostname(2), in the uts namespace of another process. */
    void sethostname(Child member, String name) throws SyscallException;

    /**
     * Makes namespaces that no process lives in.
     *
     * @param user the maps of a user namespace, if there is to be one
     * @param network whether there is to be a network namespace; it belongs to the user namespace if there is one
     */
    OwnedNamespaces namespaces(Optional<OwnedNamespaces.Maps> user, boolean network) throws SyscallException;
}
