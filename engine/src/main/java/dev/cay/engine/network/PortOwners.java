package dev.cay.engine.network;

import dev.cay.PublishedPort;
import dev.cay.PublishedPort.Transport;
import dev.cay.SandboxException;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Who listens on a port of this machine. */
final class PortOwners {
    private static final Path PROC = Path.of("/proc");
    private static final int LOCAL = 1;
    private static final int INODE = 9;

    private PortOwners() {}

    /**
     * Refuses to publish a port that a process of this machine has, or an address that this machine does not have.
     *
     * @throws SandboxException.Conflict with the name of the process, if it can be found out
     */
    static void check(PublishedPort port) throws IOException {
        InetSocketAddress address = new InetSocketAddress(port.bind(), port.hostPort());
        try {
            if (port.transport() == Transport.TCP) {
                try (ServerSocket socket = new ServerSocket()) {
                    socket.setReuseAddress(true); // connections that have ended hinder nobody
                    socket.bind(address);
                }
            } else {
                try (DatagramSocket socket = new DatagramSocket(null)) {
                    socket.bind(address);
                }
            }
        } catch (BindException e) {
            if (String.valueOf(e.getMessage()).contains("Cannot assign")) {
                throw new SandboxException.InvalidSpec(
                        "this machine does not have the address " + port.bind().getHostAddress(),
                        "publish the port on an address of this machine, or on 0.0.0.0");
            }
            throw taken(port);
        } catch (SocketException e) {
            throw taken(port);
        }
    }

    private static SandboxException taken(PublishedPort port) {
        return new SandboxException.Conflict(
                "the port " + port.hostPort() + "/" + port.transport().text() + " of this machine is in use by "
                        + owner(port).orElse("a process that cannot be seen"),
                "publish another port");
    }

    private static Optional<String> owner(PublishedPort port) {
        for (String family : List.of("", "6")) {
            Path table = PROC.resolve("thread-self/net/" + port.transport().text() + family);
            String suffix = ":%04X".formatted(port.hostPort()).toUpperCase(Locale.ROOT);
            try {
                for (String line : Files.readAllLines(table)) {
                    String[] fields = line.strip().split("\\s+");
                    if (fields.length > INODE && fields[LOCAL].endsWith(suffix)) {
                        Optional<String> owner = process("socket:[" + fields[INODE] + "]");
                        if (owner.isPresent()) {
                            return owner;
                        }
                    }
                }
            } catch (IOException e) {
                // a kernel without that family
            }
        }
        return Optional.empty();
    }

    private static Optional<String> process(String socket) {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path process : processes) {
                if (has(process, socket)) {
                    String name = Files.readString(process.resolve("comm")).strip();
                    return Optional.of("the process " + process.getFileName() + " (" + name + ")");
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // it has just ended
        }
        return Optional.empty();
    }

    private static boolean has(Path process, String socket) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path file : files) {
                if (Files.readSymbolicLink(file).toString().equals(socket)) {
                    return true;
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // it has just ended
        }
        return false;
    }
}
