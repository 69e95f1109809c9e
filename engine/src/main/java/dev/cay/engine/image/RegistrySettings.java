package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the administrator has to say about registries, in a file that need not be there:
 *
 * <pre>
 * {"registries": [{
 *     "name": "docker.io",
 *     "mirrors": ["mirror.example:5000"],          asked first, in this order
 *     "insecure": true,                            it may have no trusted certificate, or no encryption at all
 *     "authorities": "/etc/ssl/private-ca.pem"     trusted besides the certificates of this machine
 * }]}
 * </pre>
 *
 * <p>A mirror can have an entry of its own. What {@code /etc/containers/certs.d} or {@code /etc/docker/certs.d} has for a registry
 * is trusted too.
 */
final class RegistrySettings {
    private static final List<Path> CERTIFICATES =
            List.of(Path.of("/etc/containers/certs.d"), Path.of("/etc/docker/certs.d"));
    private static final int MAXIMUM = 1 << 20;

    private final List<Entry> entries;

    private record Entry(String name, List<String> mirrors, boolean insecure, Optional<Path> authorities) {}

    private RegistrySettings(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /**
     * Reads the file; where there is none nothing is special.
     *
     * @throws SandboxException.InvalidSpec if it cannot be understood
     */
    static RegistrySettings read(Path file) throws IOException {
        String json;
        try {
            if (Files.size(file) > MAXIMUM) {
                throw new SandboxException.InvalidSpec(file + " is larger than " + MAXIMUM + " bytes", "shorten it");
            }
            json = Files.readString(file);
        } catch (NoSuchFileException e) {
            return new RegistrySettings(List.of());
        }
        return new RegistrySettings(JsonObject.read(
                json,
                file.toString(),
                "correct the file, or remove it",
                in -> in.objects("registries", RegistrySettings::entry)));
    }

    private static Entry entry(JsonObject in) {
        return new Entry(
                Reference.registry(in.text("name")),
                in.optionalTexts("mirrors").stream().map(Reference::registry).toList(),
                in.optionalFlag("insecure"),
                in.optionalText("authorities").map(Path::of));
    }

    /** Where the images of a registry are looked for: its mirrors first. */
    List<Endpoint> endpoints(String registry) {
        List<Endpoint> endpoints = new ArrayList<>();
        entry(registry).ifPresent(entry -> entry.mirrors().forEach(mirror -> endpoints.add(endpoint(mirror))));
        endpoints.add(endpoint(registry));
        return endpoints;
    }

    /** Where a registry itself is. */
    Endpoint endpoint(String registry) {
        Optional<Entry> entry = entry(registry);
        return Endpoint.of(
                registry,
                entry.map(Entry::insecure).orElse(false),
                entry.flatMap(Entry::authorities).or(() -> certificates(registry)));
    }

    private Optional<Entry> entry(String registry) {
        return entries.stream().filter(entry -> entry.name().equals(registry)).findFirst();
    }

    private static Optional<Path> certificates(String registry) {
        return CERTIFICATES.stream()
                .map(directory -> directory.resolve(registry).resolve("ca.crt"))
                .filter(Files::isReadable)
                .findFirst();
    }
}
