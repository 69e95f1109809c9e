package dev.cay.cli;

import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.PublishedPort.Transport;
import dev.cay.SandboxException;
import java.io.Closeable;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/** Publishes what an image exposes: {@code docker run --publish-all}, but on 127.0.0.1. */
final class ExposedPorts {
    private static final String HINT = "publish what you need with --publish instead";

    private ExposedPorts() {}

    /**
     * The network with a free port of this machine for each exposed one, in the order of the image. Another process may take one of
     * them before the sandbox does, which is said then.
     *
     * @param exposed as in {@code 80/tcp}
     */
    static Network.Named published(Network.Named network, List<String> exposed) {
        List<PublishedPort> ports = new ArrayList<>(network.ports());
        List<Closeable> held = new ArrayList<>(); // so that none is found twice
        try {
            for (String text : exposed) {
                Transport transport = transport(text);
                int port = port(text);
                boolean taken = network.ports().stream()
                        .anyMatch(one -> one.guestPort() == port && one.transport() == transport);
                if (!taken) {
                    ports.add(free(port, transport, held));
                }
            }
            return network.withPorts(ports);
        } catch (IOException e) {
            throw new SandboxException.HostFailed("there is no free port: " + e.getMessage(), HINT, e);
        } finally {
            held.forEach(ExposedPorts::close);
        }
    }

    private static Transport transport(String exposed) {
        String name = exposed.substring(exposed.indexOf('/') + 1);
        if (exposed.indexOf('/') < 0 || name.equals("tcp")) {
            return Transport.TCP;
        }
        if (name.equals("udp")) {
            return Transport.UDP;
        }
        throw refused(exposed);
    }

    private static int port(String exposed) {
        int slash = exposed.indexOf('/');
        String number = slash < 0 ? exposed : exposed.substring(0, slash);
        if (!number.matches("[1-9][0-9]{0,4}")) {
            throw refused(exposed);
        }
        return Integer.parseInt(number);
    }

    private static UsageException refused(String exposed) {
        return new UsageException("the image exposes '" + exposed + "', which cannot be published", HINT);
    }

    private static PublishedPort free(int port, Transport transport, List<Closeable> held) throws IOException {
        InetAddress address = InetAddress.ofLiteral("127.0.0.1");
        if (transport == Transport.TCP) {
            ServerSocket socket = new ServerSocket(0, 1, address);
            held.add(socket);
            return new PublishedPort(address, socket.getLocalPort(), port, transport);
        }
        DatagramSocket socket = new DatagramSocket(new InetSocketAddress(address, 0));
        held.add(socket);
        return new PublishedPort(address, socket.getLocalPort(), port, transport);
    }

    private static void close(Closeable socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // it has been closed all the same
        }
    }
}
