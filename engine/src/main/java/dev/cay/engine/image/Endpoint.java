package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A place where a registry is spoken to.
 *
 * @param registry whose credentials are its
 * @param authority the name of the host, and the port
 * @param insecure whether it may have no certificate that is trusted, or no encryption at all
 * @param authorities a file of certificates that are trusted besides those of this machine
 */
record Endpoint(String registry, String authority, boolean insecure, Optional<Path> authorities) {
    /** Docker's registry is at another host than its name says. */
    private static final String DEFAULT_AUTHORITY = "registry-1." + Reference.DEFAULT_REGISTRY;

    Endpoint {
        requireNonNull(registry, "registry is null");
        requireNonNull(authority, "authority is null");
        requireNonNull(authorities, "authorities is null");
    }

    /** Where a registry itself is. */
    static Endpoint of(String registry, boolean insecure, Optional<Path> authorities) {
        String authority = registry.equals(Reference.DEFAULT_REGISTRY) ? DEFAULT_AUTHORITY : registry;
        return new Endpoint(
                registry, authority, insecure || isLoopback(authority) && authorities.isEmpty(), authorities);
    }

    /** What goes to this machine itself can be read by nobody else. */
    private static boolean isLoopback(String authority) {
        String host = authority.replaceFirst(":[0-9]+$", "");
        return host.equals("localhost") || host.matches("127(\\.[0-9]{1,3}){3}") || host.equals("[::1]");
    }

    /** An address there. */
    URI uri(boolean plain, String path) {
        return URI.create((plain ? "http" : "https") + "://" + authority + path);
    }
}
