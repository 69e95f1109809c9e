package dev.cay.engine.microvm;

import dev.cay.Network;
import dev.cay.engine.container.NetworkSource;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Tap;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;

/**
 * A machine's port of a network. Its policy is in force before the machine begins, and what the guest does about its end changes
 * nothing of what may pass.
 */
record GuestNetwork(NetworkSource.Connection connection, Fd device) implements AutoCloseable {
    /**
     * Connects a machine that is not there yet.
     *
     * @param detached whether it outlives this engine
     * @param hostname by which neighbours may call it
     */
    static GuestNetwork connect(
            Kernel host, NetworkSource networks, String id, boolean detached, Network.Named wanted, String hostname)
            throws IOException {
        Op open = Tap.open();
        Fd device = host.run(OpList.of(open)).fd(open);
        try {
            NetworkSource.Connection connection =
                    networks.connect(id, detached, wanted, new NetworkSource.Port.Tap(device));
            try {
                connection.open(wanted, List.of(hostname));
                return new GuestNetwork(connection, device);
            } catch (IOException | RuntimeException e) {
                connection.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            device.close();
            throw e;
        }
    }

    MachineSpec.NetworkCard card() {
        return new MachineSpec.NetworkCard(device, connection.station());
    }

    /** The addresses of this machine on the network. */
    List<String> gateways() {
        return connection.gateways().stream().map(InetAddress::getHostAddress).toList();
    }

    /** By which the guest gets its addresses. */
    GuestStep step() {
        return new GuestStep.Talk("network", true, connection::configure);
    }

    /** Takes the machine off its network. */
    @Override
    public void close() throws IOException {
        device.close();
        connection.close();
    }
}
