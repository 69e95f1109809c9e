package dev.cay.engine.image;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/** A registry on loopback, without encryption, that answers as it should, but for what it is told to do to certain requests. */
final class HostileRegistry implements AutoCloseable {
    /** How a request is answered. */
    interface Behaviour {
        void answer(Request request, OutputStream out) throws IOException, InterruptedException;
    }

    /** Header names are in lower case. */
    record Request(String path, Map<String, String> headers) {
        long rangeStart() {
            String range = headers.getOrDefault("range", "");
            return range.isEmpty() ? 0 : Long.parseLong(range.substring("bytes=".length(), range.length() - 1));
        }
    }

    private final ServerSocket socket;
    private final Map<String, byte[]> contents = new ConcurrentHashMap<>();
    private final Map<String, String> types = new ConcurrentHashMap<>();
    private final Map<String, Deque<Behaviour>> behaviours = new ConcurrentHashMap<>();
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    final List<Request> requests = new CopyOnWriteArrayList<>();
    volatile Behaviour always;

    /** Whether it has nothing to say to who speaks TLS. */
    volatile boolean mute;

    HostileRegistry() throws IOException {
        socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        always = this::properly;
        Thread.ofPlatform().daemon().start(this::accept);
    }

    String name() {
        return "127.0.0.1:" + socket.getLocalPort();
    }

    /** Offers an image; its layers are the bytes of these texts. */
    Digest image(String repository, String tag, String... layers) {
        byte[] config = Bytes.config("run " + repository, List.of(layers));
        byte[] manifest = Bytes.manifest(config, List.of(layers));
        blob(repository, config);
        for (String layer : layers) {
            blob(repository, Bytes.of(layer));
        }
        manifest(repository, tag, MediaTypes.OCI_MANIFEST, manifest);
        return Digest.of(manifest);
    }

    void blob(String repository, byte[] content) {
        contents.put(blobPath(repository, Digest.of(content)), content);
    }

    void manifest(String repository, String tag, String type, byte[] content) {
        for (String version : List.of(tag, Digest.of(content).toString())) {
            contents.put("/v2/" + repository + "/manifests/" + version, content);
            types.put("/v2/" + repository + "/manifests/" + version, type);
        }
    }

    static String blobPath(String repository, Digest digest) {
        return "/v2/" + repository + "/blobs/" + digest;
    }

    /** The next requests for a path are answered like this, one after the other. */
    void next(String path, Behaviour... some) {
        behaviours.computeIfAbsent(path, _ -> new ArrayDeque<>()).addAll(List.of(some));
    }

    /** All requests for some of the blobs are answered like this. */
    void blobs(Predicate<String> which, Behaviour behaviour) {
        always = (request, out) -> {
            boolean meant = request.path().contains("/blobs/") && which.test(request.path());
            (meant ? behaviour : (Behaviour) this::properly).answer(request, out);
        };
    }

    List<Request> requests(String path) {
        return requests.stream().filter(request -> request.path().equals(path)).toList();
    }

    static Behaviour status(int status, String... headers) {
        return (_, out) -> head(out, status, 0, headers);
    }

    static Behaviour status(int status, byte[] body, String... headers) {
        return (_, out) -> {
            head(out, status, body.length, headers);
            out.write(body);
        };
    }

    /** Sends only the first bytes of what it has announced. */
    Behaviour cut(int after) {
        return (request, out) -> {
            byte[] whole = contents.get(request.path());
            int start = (int) request.rangeStart();
            partial(out, whole, start);
            out.write(whole, start, Math.min(after, whole.length - start));
        };
    }

    /** Sends the first bytes and then nothing, until the client gives up. */
    Behaviour silent(int after) {
        return (request, out) -> {
            cut(after).answer(request, out);
            out.flush();
            Thread.sleep(60_000);
        };
    }

    private static void partial(OutputStream out, byte[] whole, int start) throws IOException {
        if (start == 0) {
            head(out, 200, whole.length);
        } else {
            head(
                    out,
                    206,
                    whole.length - start,
                    "Content-Range: bytes " + start + "-" + (whole.length - 1) + "/" + whole.length);
        }
    }

    static void head(OutputStream out, int status, long length, String... headers) throws IOException {
        StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " X\r\nContent-Length: " + length + "\r\n");
        for (String header : headers) {
            head.append(header).append("\r\n");
        }
        out.write(head.append("Connection: close\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
    }

    private void properly(Request request, OutputStream out) throws IOException {
        byte[] content = contents.get(request.path());
        if (content == null) {
            int status = request.path().equals("/v2/") ? 200 : 404;
            byte[] body = Bytes.of("{\"errors\":[{\"code\":\"X\",\"message\":\"manifest unknown\\u001b[31m\"}]}");
            head(out, status, body.length);
            out.write(body);
            return;
        }
        int start = (int) request.rangeStart();
        if (types.containsKey(request.path())) {
            head(out, 200, content.length, "Content-Type: " + types.get(request.path()) + "; charset=utf-8");
        } else {
            partial(out, content, start);
        }
        out.write(content, start, content.length - start);
    }

    private void accept() {
        try {
            while (true) {
                Socket one = socket.accept();
                open.add(one);
                Thread.ofPlatform().daemon().start(() -> serve(one));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket one) {
        try (one) {
            InputStream in = new BufferedInputStream(one.getInputStream());
            String first = line(in);
            if (!first.startsWith("GET ")) {
                if (mute) {
                    Thread.sleep(60_000);
                }
                return; // TLS, which is tried first
            }
            Map<String, String> headers = new LinkedHashMap<>();
            for (String line = line(in); !line.isEmpty(); line = line(in)) {
                String[] parts = line.split(": ?", 2);
                headers.put(parts[0].toLowerCase(Locale.ROOT), parts[1]);
            }
            Request request = new Request(first.split(" ")[1], headers);
            requests.add(request);
            OutputStream out = one.getOutputStream();
            behaviour(request).answer(request, out);
            out.flush();
        } catch (IOException | InterruptedException e) {
            // the client has gone
        }
    }

    private Behaviour behaviour(Request request) {
        Deque<Behaviour> some = behaviours.get(request.path().replaceFirst("\\?.*", ""));
        if (some != null) {
            synchronized (some) {
                if (!some.isEmpty()) {
                    return some.remove();
                }
            }
        }
        return always;
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                return line.toString(StandardCharsets.ISO_8859_1);
            }
            if (next != '\r') {
                line.write(next);
            }
        }
        return line.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
        try {
            socket.close();
            for (Socket one : open) {
                one.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
