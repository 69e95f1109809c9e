package dev.cay.engine.sandbox;

import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.engine.agent.NetworkRequest;
import dev.cay.engine.container.Container;
import dev.cay.engine.microvm.Guest;
import dev.cay.engine.network.HostNetworks;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Optional;

/**
 * Gives a sandbox again the address, the netmask and the ways that its network gave it: root in it may have changed them. Others it cannot
 * have, as the rules of the network, which are this machine's, let nothing pass but what is of the sandbox's lease.
 */
record NetworkReturn(StoredNetworks stored) {
    /** @throws SandboxException.Unsupported if what is asked for is not what its network gave it */
    void give(Sandbox sandbox, NetworkRequest request) throws IOException {
        // For one that is on none nothing is opened.
        Optional<Lease> found = StoredNetworks.isUsed() ? NetworkStore.open().lease(sandbox.id()) : Optional.empty();
        if (found.isEmpty()) {
            throw new SandboxException.Unsupported(
                    "the sandbox " + sandbox.id() + " is on no network", "make it with --network bridge");
        }
        Lease lease = found.get();
        HostNetworks networks = stored.host();
        NetworkDefinition network = networks.store().network(lease.network()).orElseThrow();
        require("address", lease.address(), Optional.of(request.address()));
        require("netmask", mask(network.subnet().prefix()), request.netmask());
        require("gateway", network.gateway(), request.gateway());
        if (sandbox instanceof MachineSandbox machine) {
            machine.machine().reached(guest -> networks.restore(lease, network, guest));
        } else if (sandbox instanceof LocalSandbox local) {
            restore(networks, local.container(), lease, network);
        } else if (sandbox instanceof StoredSandbox outlasting) {
            Optional<Guest> guest = outlasting.guest();
            if (guest.isPresent()) {
                guest.get().reached(inside -> networks.restore(lease, network, inside));
            } else {
                restore(networks, outlasting.container(), lease, network);
            }
        }
    }

    /** Its first process is in its network namespace. */
    private static void restore(HostNetworks networks, Container container, Lease lease, NetworkDefinition network)
            throws IOException {
        networks.restoreIn(lease, network, container.first().pidfd());
    }

    private static void require(String what, InetAddress given, Optional<InetAddress> asked) {
        if (asked.isPresent() && !asked.get().equals(given)) {
            throw new SandboxException.Unsupported(
                    "the " + what + " that its network gave it is " + given.getHostAddress() + ", not "
                            + asked.get().getHostAddress() + ": the rules of the network let nothing else pass",
                    "");
        }
    }

    private static InetAddress mask(int prefix) throws IOException {
        int bits = -1 << 32 - prefix;
        return InetAddress.getByAddress(
                new byte[] {(byte) (bits >>> 24), (byte) (bits >>> 16), (byte) (bits >>> 8), (byte) bits});
    }
}
