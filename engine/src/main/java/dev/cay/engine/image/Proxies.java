package dev.cay.engine.image;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The proxies that the environment names, as curl reads it: {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code
 * NO_PROXY}, in capital letters or not. No proxy is asked for this machine itself.
 */
final class Proxies extends ProxySelector {
    private static final int DEFAULT_PORT = 80;

    private final UnaryOperator<String> variables;

    /** @param variables gives the value of a variable, or null */
    Proxies(UnaryOperator<String> variables) {
        this.variables = variables;
    }

    @Override
    public List<Proxy> select(URI uri) {
        Optional<InetSocketAddress> proxy = proxy(uri);
        return List.of(proxy.isPresent() ? new Proxy(Proxy.Type.HTTP, proxy.get()) : Proxy.NO_PROXY);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
        // it is said where the request fails
    }

    private Optional<InetSocketAddress> proxy(URI uri) {
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        if (isLocal(host) || isExcepted(host, uri.getPort())) {
            return Optional.empty();
        }
        String scheme = uri.getScheme().toUpperCase(Locale.ROOT);
        return variable(scheme + "_PROXY").or(() -> variable("ALL_PROXY")).flatMap(Proxies::address);
    }

    private Optional<String> variable(String name) {
        return Optional.ofNullable(variables.apply(name))
                .or(() -> Optional.ofNullable(variables.apply(name.toLowerCase(Locale.ROOT))))
                .filter(value -> !value.isBlank());
    }

    private static boolean isLocal(String host) {
        return host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]");
    }

    /** Hosts and their subdomains, with a port or without; an asterisk for all. Networks are not understood. */
    private boolean isExcepted(String host, int port) {
        for (String entry : variable("NO_PROXY").orElse("").split("[,\\s]+")) {
            String name = entry.toLowerCase(Locale.ROOT).replaceFirst("^\\*?\\.", "");
            int colon = name.lastIndexOf(':');
            if (colon > 0 && !name.endsWith("]")) {
                if (!name.substring(colon + 1).equals(Integer.toString(port))) {
                    continue;
                }
                name = name.substring(0, colon);
            }
            if (entry.equals("*") || !name.isEmpty() && (host.equals(name) || host.endsWith("." + name))) {
                return true;
            }
        }
        return false;
    }

    private static Optional<InetSocketAddress> address(String text) {
        try {
            URI uri = URI.create(text.contains("://") ? text : "http://" + text);
            if (uri.getHost() == null) {
                return Optional.empty();
            }
            return Optional.of(InetSocketAddress.createUnresolved(
                    uri.getHost(), uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
