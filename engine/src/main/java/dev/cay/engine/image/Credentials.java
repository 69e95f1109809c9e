package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * The credentials of this user: those of our own file first, then those that podman and Docker have. Ours is only for its owner to
 * read. Thread-safe, also between processes.
 */
final class Credentials implements CredentialSource {
    private final Path file;
    private final UnaryOperator<String> variables;

    /**
     * @param file ours; need not be there
     * @param variables gives the value of a variable of the environment, or null
     */
    Credentials(Path file, UnaryOperator<String> variables) {
        this.file = file;
        this.variables = variables;
    }

    @Override
    public Optional<Credential> find(String registry, String repository) throws IOException {
        for (Path one : files()) {
            Optional<AuthFile> auth = AuthFile.read(one);
            if (auth.isEmpty()) {
                continue;
            }
            Optional<Credential> found = auth.get().credential(registry, repository);
            if (found.isEmpty()) {
                String asked = registry.equals(Reference.DEFAULT_REGISTRY) ? AuthFile.DEFAULT_KEY : registry;
                found = auth.get().helper(registry).flatMap(helper -> CredentialHelper.ask(helper, asked));
            }
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    private List<Path> files() {
        List<Path> files = new ArrayList<>();
        files.add(file);
        variable("REGISTRY_AUTH_FILE").ifPresent(path -> files.add(Path.of(path)));
        variable("XDG_RUNTIME_DIR").ifPresent(path -> files.add(Path.of(path, "containers/auth.json")));
        Optional<String> home = variable("HOME");
        variable("XDG_CONFIG_HOME")
                .or(() -> home.map(path -> path + "/.config"))
                .ifPresent(path -> files.add(Path.of(path, "containers/auth.json")));
        variable("DOCKER_CONFIG")
                .or(() -> home.map(path -> path + "/.docker"))
                .ifPresent(path -> files.add(Path.of(path, "config.json")));
        return files;
    }

    private Optional<String> variable(String name) {
        return Optional.ofNullable(variables.apply(name)).filter(value -> !value.isEmpty());
    }

    /** Keeps a password in our file. */
    void keep(String registry, Credential.Password password) throws IOException {
        change(registry, credentials -> credentials.put(registry, password));
    }

    /** Forgets what our file has for a registry; false if that is nothing. */
    boolean forget(String registry) throws IOException {
        boolean[] known = {false};
        change(registry, credentials -> known[0] = credentials.remove(registry) != null);
        return known[0];
    }

    private interface Change {
        void of(Map<String, Credential> credentials);
    }

    private void change(String registry, Change change) throws IOException {
        Directories.make(file.getParent());
        FileLocks.locked(file.resolveSibling(file.getFileName() + ".lock").toAbsolutePath(), () -> {
            Map<String, Credential> credentials =
                    AuthFile.read(file).map(AuthFile::credentials).orElseGet(LinkedHashMap::new);
            change.of(credentials);
            write(credentials);
            return registry;
        });
    }

    private void write(Map<String, Credential> credentials) throws IOException {
        String json = JsonWriter.object(out -> out.object(
                "auths",
                all -> credentials.forEach((key, value) -> {
                    if (value instanceof Credential.Password(String user, String secret)) {
                        String text = Base64.getEncoder()
                                .encodeToString((user + ":" + secret).getBytes(StandardCharsets.UTF_8));
                        all.object(key, entry -> entry.field("auth", text));
                    } else if (value instanceof Credential.Token(String token)) {
                        all.object(key, entry -> entry.field("identitytoken", token));
                    }
                })));
        Path born = file.resolveSibling(".new-" + file.getFileName());
        Files.deleteIfExists(born);
        // Nobody can read it even for a moment.
        Files.newByteChannel(
                        born,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))
                .close();
        Durable.write(born, json.getBytes(StandardCharsets.UTF_8));
        Durable.move(born, file);
    }

    /** Nothing is kept of what is not asked for. */
    static SandboxException unknown(String registry) {
        return new SandboxException.NotFound(
                "nobody is logged in to " + registry + " here", "podman and Docker have files of their own");
    }
}
