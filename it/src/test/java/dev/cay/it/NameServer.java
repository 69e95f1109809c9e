package dev.cay.it;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;

/** A name server for a few names, IPv4 only. */
final class NameServer {
    private static final int HEADER = 12;

    private NameServer() {}

    /**
     * Begins to answer, until the socket is closed.
     *
     * @param names in small letters, with their addresses
     * @param asked gets all names that somebody asks for
     */
    static void start(DatagramSocket server, Map<String, String> names, Collection<String> asked) {
        Thread.ofPlatform().daemon().start(() -> serve(server, names, asked));
    }

    private static void serve(DatagramSocket server, Map<String, String> names, Collection<String> asked) {
        byte[] buffer = new byte[1500];
        while (!server.isClosed()) {
            try {
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                server.receive(packet);
                StringBuilder name = new StringBuilder();
                int at = HEADER;
                for (; buffer[at] != 0; at += buffer[at] + 1) {
                    name.append(name.isEmpty() ? "" : ".").append(new String(buffer, at + 1, buffer[at], "US-ASCII"));
                }
                int type = buffer[at + 2];
                String lower = name.toString().toLowerCase(java.util.Locale.ROOT);
                asked.add(lower);
                Optional<String> found = Optional.ofNullable(names.get(lower));
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                boolean answer = found.isPresent() && type == 1;
                out.writeBytes(new byte[] {
                    buffer[0],
                    buffer[1],
                    (byte) 0x81,
                    (byte) (found.isPresent() ? 0x80 : 0x83),
                    0,
                    1,
                    0,
                    (byte) (answer ? 1 : 0),
                    0,
                    0,
                    0,
                    0
                });
                out.writeBytes(Arrays.copyOfRange(buffer, HEADER, at + 5));
                if (answer) {
                    out.writeBytes(new byte[] {(byte) 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4});
                    out.writeBytes(InetAddress.ofLiteral(found.get()).getAddress());
                }
                byte[] bytes = out.toByteArray();
                server.send(new DatagramPacket(bytes, bytes.length, packet.getSocketAddress()));
            } catch (IOException e) {
                // closed
            }
        }
    }
}
