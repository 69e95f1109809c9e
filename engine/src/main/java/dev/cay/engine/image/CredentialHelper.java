package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** A program {@code docker-credential-NAME} that knows credentials: github.com/docker/docker-credential-helpers. */
final class CredentialHelper {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_.-]{1,100}");
    private static final String TOKEN_USER = "<token>";
    private static final int MAXIMUM = 1 << 20;
    private static final long PATIENCE_SECONDS = 30;

    private CredentialHelper() {}

    /**
     * Asks it. Empty if it knows nothing of the registry.
     *
     * @throws SandboxException.HostFailed if it cannot be run, or says what nobody understands
     */
    static Optional<Credential> ask(String name, String registry) {
        if (!NAME.matcher(name).matches()) {
            throw new SandboxException.InvalidSpec(
                    "'" + name + "' is not the name of a credential helper",
                    "see credHelpers in the file of credentials");
        }
        String program = "docker-credential-" + name;
        try {
            Process process = new ProcessBuilder(program, "get")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (OutputStream in = process.getOutputStream()) {
                in.write(registry.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // it did not want to know
            }
            byte[] answer = process.getInputStream().readNBytes(MAXIMUM);
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw failed(program, "it does not end", null);
            }
            return process.exitValue() == 0 ? parse(answer, program) : Optional.empty();
        } catch (IOException e) {
            throw failed(program, e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(program, "interrupted", e);
        }
    }

    private static Optional<Credential> parse(byte[] answer, String program) {
        Map<String, String> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        String json = new String(answer, StandardCharsets.UTF_8);
        try (JsonReader reader = new JsonReader(json, "the answer of " + program, "mend that program")) {
            reader.document(field -> {
                if (reader.isText()) {
                    fields.put(field, reader.text(field));
                } else {
                    reader.skip();
                }
            });
        } catch (SandboxException.InvalidSpec e) {
            throw failed(program, e.getMessage(), e);
        }
        String user = fields.getOrDefault("Username", "");
        String secret = fields.getOrDefault("Secret", "");
        if (secret.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(
                user.equals(TOKEN_USER) ? new Credential.Token(secret) : new Credential.Password(user, secret));
    }

    private static SandboxException failed(String program, String why, Exception cause) {
        return new SandboxException.HostFailed(
                "the credential helper " + program + " has failed: " + why,
                "install it, or take it out of the file of credentials that names it",
                cause);
    }
}
