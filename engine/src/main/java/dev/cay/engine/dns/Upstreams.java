package dev.cay.engine.dns;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.StringTokenizer;

/** The servers that are asked, the best one first. Thread-safe. */
public interface Upstreams {
    /** The servers of now; asked before each question. */
    List<InetSocketAddress> servers();

    /** Always the same. */
    static Upstreams of(List<InetSocketAddress> servers) {
        List<InetSocketAddress> copy = List.copyOf(servers);
        return () -> copy;
    }

    /** Those of a file in the format of resolv.conf(5), which is read again when it has changed; none if it cannot be read. */
    static Upstreams of(Path file) {
        return new ResolverFile(file);
    }

    /** A {@code resolv.conf}. */
    final class ResolverFile implements Upstreams {
        private static final int PORT = 53;
        private static final int MAXIMUM_SERVERS = 3; // MAXNS of resolv.h
        private static final int MAXIMUM_SIZE = 1 << 16;
        private static final long LOOK_NANOSECONDS = 2_000_000_000L;

        private final Path file;
        private Object seen = new Object();
        private long looked;
        private List<InetSocketAddress> servers = List.of();
        private boolean first = true;

        private ResolverFile(Path file) {
            this.file = file;
        }

        @Override
        public synchronized List<InetSocketAddress> servers() {
            long now = System.nanoTime();
            if (first || now - looked > LOOK_NANOSECONDS) {
                first = false;
                looked = now;
                look();
            }
            return servers;
        }

        private void look() {
            try {
                Object identity = List.of(Files.getLastModifiedTime(file), Files.size(file));
                if (!identity.equals(seen)) {
                    servers = read(file);
                    seen = identity;
                }
            } catch (IOException e) {
                servers = List.of();
                seen = new Object();
            }
        }

        private static List<InetSocketAddress> read(Path file) throws IOException {
            if (Files.size(file) > MAXIMUM_SIZE) {
                throw new IOException(file + " is larger than such a file can be");
            }
            List<InetSocketAddress> servers = new ArrayList<>();
            for (String line : new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
                    .lines()
                    .toList()) {
                StringTokenizer words = new StringTokenizer(line);
                if (words.countTokens() >= 2 && words.nextToken().equals("nameserver")) {
                    address(words.nextToken()).ifPresent(address -> servers.add(new InetSocketAddress(address, PORT)));
                }
            }
            return List.copyOf(servers.subList(0, Math.min(servers.size(), MAXIMUM_SERVERS)));
        }

        /** A literal, with the name of an interface behind a percent sign if it is a link-local one. */
        private static Optional<InetAddress> address(String text) {
            try {
                int percent = text.indexOf('%');
                if (percent < 0) {
                    return Optional.of(InetAddress.ofLiteral(text));
                }
                InetAddress address = InetAddress.ofLiteral(text.substring(0, percent));
                NetworkInterface scope = NetworkInterface.getByName(text.substring(percent + 1));
                return scope == null
                        ? Optional.empty()
                        : Optional.of(Inet6Address.getByAddress("", address.getAddress(), scope));
            } catch (IllegalArgumentException | SocketException | UnknownHostException e) {
                return Optional.empty();
            }
        }
    }
}
