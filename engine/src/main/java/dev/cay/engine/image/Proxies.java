package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The proxies that the environment names, as curl reads it: {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code
 * NO_PROXY}, in capital letters or not. They are spoken to without encryption. No proxy is asked for this machine itself.
 */
final class Proxies extends ProxySelector {
    private static final int DEFAULT_PORT = 80;

    /**
     * With Basic in this list, as it is by default, java.net.http keeps passwords from proxies on the way to an encrypted registry. It
     * reads it when it is used for the first time: net.properties of the JDK.
     */
    private static final String REFUSED_SCHEMES = "jdk.http.auth.tunneling.disabledSchemes";

    private final UnaryOperator<String> variables;

    /** @param variables gives the value of a variable, or null */
    Proxies(UnaryOperator<String> variables) {
        this.variables = variables;
    }

    /**
     * A proxy.
     *
     * @param variable which names it
     * @param authorization the value of the header that proves who asks; empty if nobody wants to know
     */
    record Server(String variable, String host, int port, Optional<String> authorization) {
        Server {
            requireNonNull(variable, "variable is null");
            requireNonNull(host, "host is null");
            requireNonNull(authorization, "authorization is null");
        }

        /** Without the password. */
        String text() {
            return "the proxy " + host + ":" + port + " (" + variable + ")";
        }
    }

    @Override
    public List<Proxy> select(URI uri) {
        Optional<Server> server = server(uri);
        return List.of(
                server.isPresent()
                        ? new Proxy(
                                Proxy.Type.HTTP,
                                InetSocketAddress.createUnresolved(
                                        server.get().host(), server.get().port()))
                        : Proxy.NO_PROXY);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
        // it is said where the request fails
    }

    /**
     * The proxy that is asked for something; to be called before java.net.http is used.
     *
     * @throws SandboxException.InvalidSpec if the environment names one that cannot be spoken to
     */
    Optional<Server> server(URI uri) {
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        if (isLocal(host) || isExcepted(host, uri.getPort())) {
            return Optional.empty();
        }
        for (String name : List.of(uri.getScheme().toUpperCase(Locale.ROOT) + "_PROXY", "ALL_PROXY")) {
            Optional<String> value = variable(name);
            if (value.isPresent()) {
                Server server = parse(name, value.get().strip());
                if (server.authorization().isPresent() && System.getProperty(REFUSED_SCHEMES) == null) {
                    System.setProperty(REFUSED_SCHEMES, "");
                }
                return Optional.of(server);
            }
        }
        return Optional.empty();
    }

    private Optional<String> variable(String name) {
        return Optional.ofNullable(variables.apply(name))
                .or(() -> Optional.ofNullable(variables.apply(name.toLowerCase(Locale.ROOT))))
                .filter(value -> !value.isBlank());
    }

    private static boolean isLocal(String host) {
        return host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
    }

    /** Hosts and their subdomains, with a port or without; networks, as in 10.0.0.0/8; an asterisk for all. */
    private boolean isExcepted(String host, int port) {
        for (String entry : variable("NO_PROXY").orElse("").split("[,\\s]+")) {
            if (entry.equals("*") || isWithin(host, entry)) {
                return true;
            }
            String name = entry.toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", "");
            int colon = name.lastIndexOf(':');
            if (colon > 0 && !name.endsWith("]")) {
                if (!name.substring(colon + 1).equals(Integer.toString(port))) {
                    continue;
                }
                name = name.substring(0, colon);
            }
            if (!name.isEmpty() && (host.equals(name) || host.endsWith("." + name))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isWithin(String host, String network) {
        int slash = network.indexOf('/');
        if (slash < 0) {
            return false;
        }
        try {
            byte[] address =
                    InetAddress.ofLiteral(host.replaceAll("[\\[\\]]", "")).getAddress();
            byte[] base = InetAddress.ofLiteral(network.substring(0, slash)).getAddress();
            int behind = 8 * base.length - Integer.parseInt(network.substring(slash + 1));
            return address.length == base.length
                    && behind >= 0
                    && new BigInteger(1, address)
                                    .xor(new BigInteger(1, base))
                                    .shiftRight(behind)
                                    .signum()
                            == 0;
        } catch (IllegalArgumentException e) {
            return false; // a name, or no network
        }
    }

    private static Server parse(String variable, String value) {
        try {
            URI uri = URI.create(value.contains("://") ? value : "http://" + value);
            if (uri.getHost() != null && "http".equalsIgnoreCase(uri.getScheme())) {
                return new Server(
                        variable,
                        uri.getHost(),
                        uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort(),
                        Optional.ofNullable(uri.getRawUserInfo()).map(Proxies::authorization));
            }
        } catch (IllegalArgumentException e) {
            // said below, without the password that it may have in it
        }
        throw new SandboxException.InvalidSpec(
                "the variable " + variable + " names a proxy that cannot be spoken to",
                "write http://[USER:PASSWORD@]HOST[:PORT], with special characters as in %40");
    }

    private static String authorization(String userInfo) {
        int colon = userInfo.indexOf(':');
        String user = colon < 0 ? userInfo : userInfo.substring(0, colon);
        String password = colon < 0 ? "" : userInfo.substring(colon + 1);
        return new Credential.Password(decoded(user), decoded(password)).header();
    }

    /** A plus sign is itself here. */
    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
