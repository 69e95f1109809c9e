package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.ImageProgress;
import dev.cay.SandboxException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import javax.net.ssl.SSLHandshakeException;

/**
 * Gets documents and layers from registries: OCI distribution specification 1.1, and what Docker's registry does. What has a digest
 * is verified, and read no further than its size. What fails for a reason that may pass is tried again. Thread-safe.
 */
final class RegistryClient implements AutoCloseable {
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes ([0-9]{1,18})-[0-9]{1,18}/(?:[0-9]{1,18}|\\*)");

    private final RegistrySettings settings;
    private final CredentialSource credentials;
    private final Proxies proxies;
    private final Patience patience;
    private final Consumer<ImageProgress> listener;
    private final Map<Endpoint, Connection> connections = new HashMap<>();
    private final Silence silence;

    /** Mirrors that gave something else than was meant. */
    private final Set<Endpoint> distrusted = ConcurrentHashMap.newKeySet();

    private final Set<BlobStream> streams = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /** @param listener is told what is tried again; by any thread */
    RegistryClient(
            RegistrySettings settings,
            CredentialSource credentials,
            Proxies proxies,
            Patience patience,
            Consumer<ImageProgress> listener) {
        this.settings = settings;
        this.credentials = credentials;
        this.proxies = proxies;
        this.patience = patience;
        this.listener = listener;
        silence = new Silence(patience.silence());
    }

    /**
     * A manifest or an index as it came.
     *
     * @param document what they say
     * @param digest of the bytes
     */
    record Fetched(byte[] bytes, ImageDocument document, Digest digest) {
        Fetched {
            requireNonNull(document, "document is null");
            requireNonNull(digest, "digest is null");
        }
    }

    Patience patience() {
        return patience;
    }

    Silence silence() {
        return silence;
    }

    /** The manifest or the index that a reference means. */
    Fetched document(Reference reference) throws IOException {
        String path = "/v2/" + reference.repository() + "/manifests/" + reference.version();
        Map<String, String> accept = Map.of("Accept", String.join(", ", MediaTypes.DOCUMENTS));
        return anywhere(
                reference,
                connection -> retrying(reference.toString(), () -> {
                    HttpResponse<InputStream> response = connection.get(reference.repository(), path, accept);
                    try (InputStream in = body(response, connection, reference.familiar())) {
                        byte[] bytes = silence.watched(in, body -> body.readNBytes(Documents.MAXIMUM_MANIFEST + 1));
                        Digest.Algorithm algorithm =
                                reference.digest().map(Digest::algorithm).orElse(Digest.Algorithm.SHA256);
                        Digest digest = Digest.of(bytes, algorithm);
                        if (bytes.length > Documents.MAXIMUM_MANIFEST) {
                            throw bad("the manifest of " + reference.familiar() + " is larger than "
                                    + Documents.MAXIMUM_MANIFEST + " bytes");
                        }
                        if (reference.digest().isPresent()
                                && !reference.digest().get().equals(digest)) {
                            throw bad("the manifest of " + reference.familiar() + " has another digest: " + digest);
                        }
                        String type =
                                response.headers().firstValue("Content-Type").orElse("");
                        ImageDocument document = Documents.document(
                                bytes, type.replaceFirst(";.*", "").strip(), "the manifest of " + reference.familiar());
                        return new Fetched(bytes, document, digest);
                    }
                }));
    }

    /** A document that a manifest names. */
    byte[] blob(Reference reference, Descriptor descriptor, int maximum, String what) throws IOException {
        if (descriptor.size() > maximum) {
            throw bad(what + " of " + reference.familiar() + " is larger than " + maximum + " bytes");
        }
        while (true) {
            BlobStream stream = layer(reference, descriptor, (bytes, total) -> {});
            try (stream) {
                byte[] bytes = stream.readAllBytes();
                stream.verify();
                return bytes;
            } catch (SandboxException.BadImage | SandboxException.RegistryFailed e) {
                if (!distrust(stream, e)) {
                    throw e;
                }
            }
        }
    }

    /**
     * Something that was read cannot be used.
     *
     * @return whether a mirror may be to blame: it is asked no more, so that another attempt is worth it
     */
    boolean distrust(BlobStream stream, SandboxException failure) {
        Set<Endpoint> mirrors = stream.suspects();
        for (Endpoint mirror : mirrors) {
            if (distrusted.add(mirror)) {
                String why = "the mirror " + mirror.authority() + " is asked no more: " + failure.getMessage();
                listener.accept(new ImageProgress.Retry(why, Duration.ZERO));
            }
        }
        return !mirrors.isEmpty();
    }

    /** A layer, or anything else that has a descriptor; nothing is asked for before it is read. */
    BlobStream layer(Reference reference, Descriptor descriptor, BlobStream.Progress progress) {
        BlobStream stream = new BlobStream(this, reference, descriptor, progress);
        streams.add(stream);
        if (closed) {
            stream.cancel();
        }
        return stream;
    }

    void left(BlobStream stream) {
        streams.remove(stream);
    }

    /**
     * The bytes of a blob from a position on.
     *
     * @param giver is told who gives them
     */
    InputStream open(Reference reference, Descriptor descriptor, long position, Consumer<Endpoint> giver)
            throws IOException {
        String path = "/v2/" + reference.repository() + "/blobs/" + descriptor.digest();
        Map<String, String> headers = position == 0 ? Map.of() : Map.of("Range", "bytes=" + position + "-");
        String what = "a layer of " + reference.familiar();
        return anywhere(
                reference,
                connection -> retrying(what, () -> {
                    HttpResponse<InputStream> response = connection.get(reference.repository(), path, headers);
                    InputStream in = body(response, connection, what);
                    giver.accept(connection.endpoint());
                    try {
                        skip(in, position - start(response, position));
                        return in;
                    } catch (IOException | RuntimeException e) {
                        in.close();
                        throw e;
                    }
                }));
    }

    /** Where an answer begins. */
    private static long start(HttpResponse<InputStream> response, long asked) throws IOException {
        if (response.statusCode() != 206) {
            return 0;
        }
        var range = CONTENT_RANGE.matcher(
                response.headers().firstValue("Content-Range").orElse(""));
        long start = range.matches() ? Long.parseLong(range.group(1)) : -1;
        if (start != asked) {
            throw new IOException("the registry gives another part than was asked for");
        }
        return start;
    }

    private static void skip(InputStream in, long count) throws IOException {
        byte[] buffer = new byte[64 * 1024];
        for (long rest = count; rest > 0; ) {
            int read = in.read(buffer, 0, (int) Math.min(buffer.length, rest));
            if (read < 0) {
                throw new IOException("the registry gives less than it gave before");
            }
            rest -= read;
        }
    }

    /**
     * Asks whether somebody may come in at all.
     *
     * @throws SandboxException.RegistryFailed if not
     */
    void knock(String registry) throws IOException {
        Endpoint endpoint = settings.endpoint(registry);
        Connection connection = connection(endpoint);
        retrying(registry, () -> {
            HttpResponse<InputStream> response = connection.get("", "/v2/", Map.of());
            body(response, connection, "anything").close();
            return response;
        });
    }

    /** The body of an answer that is none of a failure. */
    private static InputStream body(HttpResponse<InputStream> response, Connection connection, String what)
            throws IOException {
        int status = response.statusCode();
        if (status == 200 || status == 206) {
            return response.body();
        }
        String reason = Connection.reason(response);
        String registry = connection.endpoint().authority();
        if (status == 404) {
            throw new SandboxException.NotFound(
                    "the registry " + registry + " has no " + what + reason, "look at the name and the tag");
        }
        if (status == 401 || status == 403) {
            throw new SandboxException.RegistryFailed(
                    "the registry " + registry + " does not give " + what + " to you" + reason,
                    "log in: cay registry login " + connection.endpoint().registry() + "; or there is no such image",
                    status,
                    null);
        }
        if (status == 408 || status == 429 || status >= 500) {
            throw new TryAgain(registry + " answers with status " + status + reason, status, retryAfter(response));
        }
        throw new SandboxException.RegistryFailed(
                "the registry " + registry + " answers with status " + status + " to the wish for " + what + reason,
                "look whether it is a registry, and at the name",
                status,
                null);
    }

    private static Duration retryAfter(HttpResponse<InputStream> response) {
        String text = response.headers().firstValue("Retry-After").orElse("");
        return text.matches("[0-9]{1,6}") ? Duration.ofSeconds(Long.parseLong(text)) : Duration.ZERO;
    }

    /** An answer that will be another later. */
    private static final class TryAgain extends IOException {
        private static final long serialVersionUID = 1;

        private final int status;
        private final transient Duration after;

        TryAgain(String message, int status, Duration after) {
            super(message);
            this.status = status;
            this.after = after;
        }
    }

    private interface Asking<T> {
        T of(Connection connection) throws IOException;
    }

    /** Asks the mirrors, then the registry; whose failure is told is the registry. */
    private <T> T anywhere(Reference reference, Asking<T> asking) throws IOException {
        RuntimeException failure = new IllegalStateException("there is always an endpoint");
        for (Endpoint endpoint : settings.endpoints(reference.registry())) {
            if (distrusted.contains(endpoint)) {
                continue;
            }
            try {
                return asking.of(connection(endpoint));
            } catch (SandboxException.RegistryFailed | SandboxException.NotFound | SandboxException.BadImage e) {
                failure = e;
            }
        }
        throw failure;
    }

    private Connection connection(Endpoint endpoint) throws IOException {
        synchronized (connections) {
            requireOpen();
            Connection connection = connections.get(endpoint);
            if (connection == null) {
                connection = new Connection(endpoint, credentials, proxies, patience.silence());
                connections.put(endpoint, connection);
            }
            return connection;
        }
    }

    private interface Attempt<T> {
        T run() throws IOException;
    }

    private <T> T retrying(String what, Attempt<T> attempt) throws IOException {
        for (int number = 1; ; number++) {
            requireOpen();
            try {
                return attempt.run();
            } catch (InterruptedIOException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                again(what, number, e); // a time-out
            } catch (IOException e) {
                again(what, number, e);
            }
        }
    }

    private void again(String what, int number, IOException failure) throws IOException {
        requireOpen();
        boolean nowhere = failure instanceof Connection.Unreachable there && there.isUnresolved();
        if (nowhere || failure instanceof SSLHandshakeException || number >= patience.attempts()) {
            throw failed(what, failure);
        }
        Duration asked = failure instanceof TryAgain answer ? answer.after : Duration.ZERO;
        pause(message(failure), number + 1, asked);
    }

    /**
     * Waits before another attempt.
     *
     * @param asked how long the registry wants it to be
     */
    void pause(String why, int attempt, Duration asked) throws IOException {
        requireOpen();
        Duration delay = patience.before(attempt);
        Duration longer = asked.compareTo(patience.longest()) < 0 ? asked : patience.longest();
        delay = longer.compareTo(delay) > 0 ? longer : delay;
        listener.accept(new ImageProgress.Retry(why, delay));
        try {
            Thread.sleep(delay);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for a registry");
        }
    }

    static SandboxException failed(String what, IOException failure) {
        int status = failure instanceof TryAgain answer ? answer.status : 0;
        String hint = "look at the network, the proxy and the name of the registry, or try again later";
        if (failure instanceof SSLHandshakeException) {
            hint = "name the certificates that it is to be trusted by, as \"authorities\", in /etc/cay/registries.json";
        } else if (failure instanceof Connection.Unreachable there && there.isUnresolved()) {
            hint = "look at the spelling of the name, and whether this machine finds others: getent hosts NAME";
        } else if (status == 429) {
            hint = "it lets nobody ask so often: log in, or try again later";
        }
        return new SandboxException.RegistryFailed(
                "cannot get " + what + ": " + message(failure), hint, status, failure);
    }

    /** Some exceptions have no message of their own, and some say less than their cause. */
    static String message(IOException failure) {
        if (failure.getCause() instanceof IOException cause && cause.getMessage() != null) {
            return cause.getMessage();
        }
        return failure.getMessage() == null || failure.getMessage().isEmpty()
                ? failure.getClass().getSimpleName()
                : failure.getMessage();
    }

    private void requireOpen() {
        if (closed) {
            throw new SandboxException.Closed("the engine is closed");
        }
    }

    static SandboxException bad(String message) {
        return new SandboxException.BadImage(
                message, "the registry, or somebody on the way, is not to be trusted: tell its maker", null);
    }

    /** Ends all that is going on. */
    @Override
    public void close() {
        closed = true;
        silence.close();
        streams.forEach(BlobStream::cancel);
        synchronized (connections) {
            connections.values().forEach(Connection::close);
            connections.clear();
        }
    }
}
