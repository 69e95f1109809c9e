package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLException;

/**
 * Speaks HTTP to one endpoint, and proves who asks when it wants to know: OCI distribution specification, and Docker's token
 * authentication. Credentials go to the registry whose they are and to the server of tokens that it names, encrypted unless the
 * registry itself is not; a redirection gets none. One attempt each. Thread-safe.
 */
final class Connection implements AutoCloseable {
    private static final int REDIRECTIONS = 5;
    private static final int MAXIMUM_TOKEN = 1 << 20;

    /** What java.net.http says when a proxy does not connect it with anybody; many do so for few ports only. */
    private static final String TUNNEL_FAILED = "Tunnel failed";

    /** Some who speak no TLS wait for the rest of a line that never comes. */
    private static final Duration TLS_PATIENCE = Duration.ofSeconds(10);

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);

    private final Endpoint endpoint;
    private final CredentialSource credentials;
    private final HttpClient client;
    private final Proxies proxies;
    private final Duration silence;

    /** By repository: what proved to be enough. */
    private final Map<String, String> authorizations = new ConcurrentHashMap<>();

    /** Whether it is spoken to without encryption; known when it has answered once. */
    private volatile Optional<Boolean> plain;

    Connection(Endpoint endpoint, CredentialSource credentials, Proxies proxies, Duration silence) throws IOException {
        this.endpoint = endpoint;
        this.credentials = credentials;
        this.proxies = proxies;
        this.silence = silence;
        plain = endpoint.insecure() ? Optional.empty() : Optional.of(false);
        proxies.server(endpoint.uri(false, "")); // what cannot be spoken to is said before anything is asked
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT_TIMEOUT)
                .proxy(proxies)
                .sslContext(Trust.context(endpoint))
                .build();
    }

    Endpoint endpoint() {
        return endpoint;
    }

    /**
     * Asks for something; the answer may be a failure.
     *
     * @param repository whose it is; empty if it is nobody's
     * @throws IOException if there was no answer
     * @throws SandboxException.RegistryFailed if the registry does not believe who asks
     */
    HttpResponse<InputStream> get(String repository, String path, Map<String, String> headers) throws IOException {
        URI uri = endpoint.uri(isPlain(), path);
        String known = authorizations.getOrDefault(repository, "");
        HttpResponse<InputStream> response = send(request(uri, headers, known));
        if (response.statusCode() == 401) {
            response.body().close();
            String authorization = authorize(repository, response.headers());
            response = send(request(uri, headers, authorization));
            if (response.statusCode() == 401) {
                response.body().close();
                throw refused("does not accept the credentials", 401);
            }
            authorizations.put(repository, authorization);
        }
        return followed(uri, response, headers);
    }

    /** An insecure registry may speak TLS all the same: that is tried first. */
    private boolean isPlain() throws IOException {
        Optional<Boolean> known = plain;
        if (known.isPresent()) {
            return known.get();
        }
        Optional<Boolean> heard = TlsProbe.of(endpoint, proxies, silence);
        if (heard.isPresent()) {
            plain = heard;
            return heard.get();
        }
        boolean answer = false;
        try {
            Duration patience = silence.compareTo(TLS_PATIENCE) < 0 ? silence : TLS_PATIENCE;
            HttpRequest probe =
                    builder(endpoint.uri(false, "/v2/")).timeout(patience).build();
            send(probe).body().close();
        } catch (SSLException | ConnectException | HttpTimeoutException e) {
            answer = true;
        } catch (IOException e) {
            if (!String.valueOf(e.getMessage()).startsWith(TUNNEL_FAILED)) {
                throw e;
            }
            answer = true;
        }
        plain = Optional.of(answer);
        return answer;
    }

    private HttpRequest request(URI uri, Map<String, String> headers, String authorization) {
        HttpRequest.Builder request = builder(uri);
        headers.forEach(request::setHeader);
        if (!authorization.isEmpty()) {
            request.setHeader("Authorization", authorization);
        }
        return request.build();
    }

    private HttpRequest.Builder builder(URI uri) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(silence);
        // Only the proxy gets to see it.
        proxies.server(uri)
                .flatMap(Proxies.Server::authorization)
                .ifPresent(value -> request.setHeader("Proxy-Authorization", value));
        return request;
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            HttpResponse<InputStream> response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() == 407) {
                if (response.body() != null) { // of who refuses to connect there is none
                    response.body().close();
                }
                throw refusedByProxy(request);
            }
            return response;
        } catch (ConnectException e) {
            throw new Unreachable(
                    proxies.server(request.uri())
                            .map(Proxies.Server::text)
                            .orElse(request.uri().getAuthority()),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for " + endpoint.authority());
        }
    }

    private SandboxException refusedByProxy(HttpRequest request) {
        Proxies.Server proxy = proxies.server(request.uri()).orElseThrow();
        return new SandboxException.RegistryFailed(
                proxy.text()
                        + (proxy.authorization().isPresent()
                                ? " does not accept the user and the password"
                                : " wants a user and a password"),
                "write " + proxy.variable() + "=http://USER:PASSWORD@" + proxy.host() + ":" + proxy.port(),
                407,
                null);
    }

    /** There is nobody to ask. */
    static final class Unreachable extends ConnectException {
        private static final long serialVersionUID = 1;

        private final boolean unresolved;

        Unreachable(String whom, ConnectException failure) {
            super(whom + ": " + (isUnresolved(failure) ? "there is no host of that name" : reason(failure)));
            initCause(failure);
            unresolved = isUnresolved(failure);
        }

        /** Whether there is no host of that name. */
        boolean isUnresolved() {
            return unresolved;
        }

        private static boolean isUnresolved(Throwable failure) {
            for (Throwable one = failure; one != null; one = one.getCause()) {
                if (one instanceof UnresolvedAddressException || one instanceof UnknownHostException) {
                    return true;
                }
            }
            return false;
        }

        private static String reason(Throwable failure) {
            for (Throwable one = failure; one != null; one = one.getCause()) {
                if (one.getMessage() != null && !one.getMessage().isEmpty()) {
                    return one.getMessage();
                }
            }
            return "nobody listens there";
        }
    }

    private HttpResponse<InputStream> followed(URI asked, HttpResponse<InputStream> answer, Map<String, String> headers)
            throws IOException {
        URI uri = asked;
        HttpResponse<InputStream> response = answer;
        for (int i = 0; isRedirection(response.statusCode()); i++) {
            response.body().close();
            if (i == REDIRECTIONS) {
                throw refused("redirects without end", response.statusCode());
            }
            uri = target(uri, response);
            try {
                response = send(request(uri, headers, ""));
            } catch (IllegalArgumentException e) {
                throw refused("redirects to where nothing can be", response.statusCode());
            }
        }
        return response;
    }

    private static boolean isRedirection(int status) {
        return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    }

    private URI target(URI from, HttpResponse<InputStream> response) {
        String location = response.headers().firstValue("Location").orElse("");
        URI to;
        try {
            to = from.resolve(location);
        } catch (IllegalArgumentException e) {
            throw refused("redirects to where nothing can be", response.statusCode());
        }
        boolean encrypted = "https".equalsIgnoreCase(to.getScheme());
        boolean allowed = encrypted || "http".equalsIgnoreCase(to.getScheme()) && endpoint.insecure();
        if (!allowed || to.getHost() == null) {
            throw refused("redirects to where no encryption is", response.statusCode());
        }
        return to;
    }

    /** What to say so that it believes who asks. */
    private String authorize(String repository, HttpHeaders headers) throws IOException {
        List<Challenge> challenges = new ArrayList<>();
        headers.allValues("WWW-Authenticate").forEach(value -> challenges.addAll(Challenge.parse(value)));
        Optional<Credential> credential = credentials.find(endpoint.registry(), repository);
        for (Challenge challenge : challenges) {
            if (challenge.scheme().equals("bearer") && challenge.parameters().containsKey("realm")) {
                return "Bearer " + token(challenge, repository, credential);
            }
        }
        for (Challenge challenge : challenges) {
            if (challenge.scheme().equals("basic")) {
                if (credential.isPresent() && credential.get() instanceof Credential.Password password) {
                    return password.header();
                }
                throw refused("wants to know who asks", 401);
            }
        }
        throw refused("wants to know who asks, in a way that is not known here", 401);
    }

    private String token(Challenge challenge, String repository, Optional<Credential> credential) throws IOException {
        HttpResponse<InputStream> response;
        try {
            response = send(tokenRequest(challenge, repository, credential));
        } catch (IllegalArgumentException e) {
            throw refused("names a server of tokens that cannot be one", 401);
        }
        byte[] body;
        try (InputStream in = response.body()) {
            body = in.readNBytes(MAXIMUM_TOKEN);
        }
        int status = response.statusCode();
        if (status == 429 || status >= 500) {
            throw new IOException("its server of tokens answers with status " + status);
        }
        if (status != 200) {
            throw refused(
                    credential.isPresent() ? "does not accept the credentials" : "wants to know who asks", status);
        }
        String[] token = {"", ""};
        Documents.read(body, MAXIMUM_TOKEN, "the answer of the server of tokens", reader -> {
            reader.document(field -> {
                switch (field) {
                    case "token" -> token[0] = reader.text(field);
                    case "access_token" -> token[1] = reader.text(field);
                    default -> reader.skip();
                }
            });
            return token;
        });
        String found = token[0].isEmpty() ? token[1] : token[0];
        if (found.isEmpty() || !found.matches("[!-~]+")) {
            throw refused("gives no token", status);
        }
        return found;
    }

    private HttpRequest tokenRequest(Challenge challenge, String repository, Optional<Credential> credential) {
        Map<String, String> parameters = challenge.parameters();
        URI realm = URI.create(parameters.get("realm"));
        boolean allowed = "https".equalsIgnoreCase(realm.getScheme()) || endpoint.insecure();
        if (!allowed) {
            throw refused("names a server of tokens that would get the credentials without encryption", 401);
        }
        String scope =
                parameters.getOrDefault("scope", repository.isEmpty() ? "" : "repository:" + repository + ":pull");
        String query = parameter("service", parameters.getOrDefault("service", "")) + parameter("scope", scope);
        if (credential.isPresent() && credential.get() instanceof Credential.Token(String token)) {
            String form = "grant_type=refresh_token&client_id=cay" + query + parameter("refresh_token", token);
            return builder(realm)
                    .setHeader("Content-Type", "application/x-www-form-urlencoded")
                    .POST(HttpRequest.BodyPublishers.ofString(form))
                    .build();
        }
        String separator = realm.getRawQuery() == null ? "?" : "&";
        URI uri = URI.create(realm + separator + "client_id=cay" + query);
        String authorization = credential.isPresent() && credential.get() instanceof Credential.Password password
                ? password.header()
                : "";
        return request(uri, Map.of(), authorization);
    }

    private static String parameter(String name, String value) {
        return value.isEmpty() ? "" : "&" + name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8);
    }

    private SandboxException refused(String what, int status) {
        boolean credentialsMatter = status == 401 || status == 403;
        return new SandboxException.RegistryFailed(
                "the registry " + endpoint.authority() + " " + what,
                credentialsMatter
                        ? "log in: cay registry login " + endpoint.registry()
                        : "ask whoever runs the registry, or try again later",
                status,
                null);
    }

    /** What the registry says of a failure, fit for a message: OCI distribution specification, error codes. */
    static String reason(HttpResponse<InputStream> response) {
        String[] said = {""};
        try (InputStream in = response.body()) {
            byte[] body = in.readNBytes(64 * 1024);
            Documents.read(body, body.length, "an answer", reader -> {
                reader.document(field -> {
                    if (field.equals("errors")) {
                        reader.array(field, () -> {
                            reader.object("an error", part -> {
                                if (reader.isText() && part.equals("message")) {
                                    said[0] = said[0].isEmpty() ? reader.text(part) : said[0];
                                } else {
                                    reader.skip();
                                }
                            });
                            return said;
                        });
                    } else {
                        reader.skip();
                    }
                });
                return said;
            });
        } catch (IOException | SandboxException e) {
            return ""; // it says nothing that can be understood
        }
        return said[0].isEmpty() ? "" : ": " + JsonReader.shown(said[0]);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
