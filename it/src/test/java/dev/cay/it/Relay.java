package dev.cay.it;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * Stands before a registry, under a name of its own or as a proxy: notes what is asked for, and does to the answers what it is told.
 * As a proxy it takes everybody to that registry, whatever name he asks for.
 */
final class Relay implements AutoCloseable {
    /** What TLS begins with, RFC 8446: it is not spoken here but within a tunnel. */
    private static final int TLS_HANDSHAKE = 22;

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** What happens to the body of an answer; when it returns the connection is cut. */
    interface Passing {
        void body(Request request, InputStream from, OutputStream to) throws IOException;
    }

    /**
     * A request.
     *
     * @param line its first line, without the version of HTTP
     * @param range what it wants of it, as in {@code bytes=5-}; empty if all
     */
    record Request(String line, String range) {
        boolean isForBlob() {
            return line.contains("/blobs/");
        }
    }

    private final int target;
    private final Optional<String> authorization;
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private volatile Passing passing = (request, from, to) -> from.transferTo(to);

    /** @param authorization what a header has to say so that anything is done; empty if nothing */
    Relay(RegistryLab registry, Optional<String> authorization) throws IOException {
        target = Integer.parseInt(registry.name().replaceFirst(".*:", ""));
        this.authorization = authorization;
        threads.execute(this::accept);
    }

    Relay(RegistryLab registry) throws IOException {
        this(registry, Optional.empty());
    }

    String name() {
        return "127.0.0.1:" + socket.getLocalPort();
    }

    void passing(Passing how) {
        passing = how;
    }

    /** All that has been asked for, the refused included. */
    List<Request> requests() {
        return List.copyOf(requests);
    }

    /** Waits until enough has been asked for. */
    void await(Predicate<List<Request>> enough) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!enough.test(requests())) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("only this has been asked for: " + requests);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = socket.accept();
                open.add(client);
                threads.execute(() -> serve(client));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket client) {
        try (client;
                Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
            open.add(server);
            OutputStream out = client.getOutputStream();
            List<String> head = head(client.getInputStream());
            if (head.isEmpty()) {
                return; // whoever it was, he has gone
            }
            String line = head.get(0).replaceFirst(" HTTP/1\\.1$", "");
            Request request = new Request(line, header(head, "range").orElse(""));
            requests.add(request);
            if (authorization.isPresent()
                    && !header(head, "proxy-authorization").equals(authorization)) {
                out.write(
                        bytes("HTTP/1.1 407 X\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"));
            } else if (line.startsWith("CONNECT ")) {
                out.write(bytes("HTTP/1.1 200 X\r\n\r\n"));
                threads.execute(() -> pass(client, server));
                server.getInputStream().transferTo(out);
            } else {
                server.getOutputStream().write(bytes(forwarded(head)));
                InputStream in = server.getInputStream();
                out.write(bytes(String.join("\r\n", head(in)) + "\r\n\r\n"));
                passing.body(request, in, out);
            }
        } catch (IOException e) {
            // one of them has gone
        }
    }

    private static void pass(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException e) {
            // one of them has gone
        }
    }

    /** The lines of a head; none if there is none. */
    private static List<String> head(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        String text = "";
        while (!text.endsWith("\r\n\r\n")) {
            int next = in.read();
            if (next < 0 || head.size() == 0 && next == TLS_HANDSHAKE) {
                return List.of();
            }
            head.write(next);
            text = next == '\n' ? head.toString(StandardCharsets.ISO_8859_1) : "";
        }
        return text.strip().lines().toList();
    }

    private static Optional<String> header(List<String> head, String name) {
        return head.stream()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                .map(line -> line.substring(name.length() + 1).strip())
                .findFirst();
    }

    /** Without what is for a proxy, and so that nothing comes after the answer. */
    private static String forwarded(List<String> head) {
        StringBuilder text = new StringBuilder();
        for (String line : head) {
            String lower = line.toLowerCase(Locale.ROOT);
            if (!lower.startsWith("proxy-") && !lower.startsWith("connection:")) {
                text.append(line.replaceFirst("^(GET) http://[^/ ]*", "$1 ")).append("\r\n");
            }
        }
        return text.append("Connection: close\r\n\r\n").toString();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() throws IOException {
        socket.close();
        for (Socket one : open) {
            one.close();
        }
        threads.shutdownNow();
        threads.close();
    }
}
