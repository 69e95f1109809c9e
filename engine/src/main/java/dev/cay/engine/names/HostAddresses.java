package dev.cay.engine.names;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.HashSet;
import java.util.Set;

/** The addresses of this machine, as they were some seconds ago at the most. Thread-safe. */
final class HostAddresses {
    private static final long AGE_NANOSECONDS = 5_000_000_000L;

    private Set<InetAddress> addresses = Set.of();
    private long read = System.nanoTime() - AGE_NANOSECONDS;

    synchronized boolean contains(InetAddress address) {
        long now = System.nanoTime();
        if (now - read >= AGE_NANOSECONDS) {
            read = now;
            try {
                Set<InetAddress> found = new HashSet<>();
                NetworkInterface.networkInterfaces()
                        .flatMap(NetworkInterface::inetAddresses)
                        .forEach(found::add);
                addresses = found;
            } catch (SocketException e) {
                // those of before
            }
        }
        return addresses.contains(address);
    }
}
