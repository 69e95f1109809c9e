package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A file of credentials in the form of Docker and podman: containers-auth.json(5).
 *
 * @param credentials by the name of a registry, or of a folder in it
 * @param helpers by the name of a registry: programs that know its credentials
 * @param store the program that knows all others
 */
record AuthFile(Map<String, Credential> credentials, Map<String, String> helpers, Optional<String> store) {
    private static final int MAXIMUM = 4 << 20;
    private static final String HINT = "correct the file, or log in again";

    AuthFile {
        credentials = new LinkedHashMap<>(credentials);
        helpers = Map.copyOf(helpers);
    }

    /** What Docker's own registry is called in it. */
    static final String DEFAULT_KEY = "https://index." + Reference.DEFAULT_REGISTRY + "/v1/";

    /** Reads a file; empty if there is none, or not for this user. */
    static Optional<AuthFile> read(Path file) throws IOException {
        if (!Files.isReadable(file) || !Files.isRegularFile(file)) {
            return Optional.empty();
        }
        if (Files.size(file) > MAXIMUM) {
            throw new SandboxException.InvalidSpec(file + " is larger than " + MAXIMUM + " bytes", HINT);
        }
        String json = Files.readString(file);
        if (json.isBlank()) {
            return Optional.empty();
        }
        JsonReader reader = new JsonReader(json, file.toString(), HINT);
        return Optional.of(read(reader));
    }

    private static AuthFile read(JsonReader reader) {
        Map<String, Credential> credentials = new LinkedHashMap<>();
        Map<String, String> helpers = new LinkedHashMap<>();
        String[] store = {""};
        reader.document(field -> {
            switch (field) {
                case "auths" ->
                    reader.object(
                            field,
                            registry -> credential(reader).ifPresent(found -> credentials.put(key(registry), found)));
                case "credHelpers" ->
                    reader.object(field, registry -> helpers.put(key(registry), reader.text("a helper")));
                case "credsStore" -> store[0] = reader.text(field);
                default -> reader.skip();
            }
        });
        return new AuthFile(credentials, helpers, store[0].isEmpty() ? Optional.empty() : Optional.of(store[0]));
    }

    private static Optional<Credential> credential(JsonReader reader) {
        Map<String, String> fields = new LinkedHashMap<>();
        reader.object("an entry", field -> {
            if (reader.isText()) {
                fields.put(field, reader.text(field));
            } else {
                reader.skip();
            }
        });
        String token = fields.getOrDefault("identitytoken", "");
        if (!token.isEmpty()) {
            return Optional.of(new Credential.Token(token));
        }
        String auth = fields.getOrDefault("auth", "");
        if (!auth.isEmpty()) {
            return Credential.parse(auth);
        }
        String user = fields.getOrDefault("username", "");
        return user.isEmpty()
                ? Optional.empty()
                : Optional.of(new Credential.Password(user, fields.getOrDefault("password", "")));
    }

    /** Without what some tools write around it. */
    private static String key(String registry) {
        String key = registry.replaceFirst("^https?://", "")
                .replaceFirst("/v[12]/?$", "")
                .replaceFirst("/$", "");
        return key.equals("index." + Reference.DEFAULT_REGISTRY)
                        || key.equals("registry-1." + Reference.DEFAULT_REGISTRY)
                ? Reference.DEFAULT_REGISTRY
                : key;
    }

    /** The credential for a repository: that of its own folder before that of the whole registry. */
    Optional<Credential> credential(String registry, String repository) {
        String key = registry + "/" + repository;
        while (true) {
            Credential found = credentials.get(key);
            if (found != null) {
                return Optional.of(found);
            }
            int slash = key.lastIndexOf('/');
            if (slash < 0) {
                return Optional.empty();
            }
            key = key.substring(0, slash);
        }
    }

    /** The program that knows the credentials of a registry. */
    Optional<String> helper(String registry) {
        return Optional.ofNullable(helpers.get(registry)).or(() -> store);
    }
}
