package dev.cay.engine.image;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Pattern;

/** A program {@code docker-credential-NAME} that knows credentials: github.com/docker/docker-credential-helpers. */
final class CredentialHelper {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_.-]{1,100}");
    private static final String TOKEN_USER = "<token>";
    private static final int MAXIMUM = 1 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** What it says of a registry that it does not know: errCredentialsNotFoundMessage of its protocol. */
    private static final String UNKNOWN = "credentials not found in native keychain";

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
        return run("docker-credential-" + name, registry, PATIENCE);
    }

    /** @param patience how long it may take */
    static Optional<Credential> run(String program, String registry, Duration patience) {
        try {
            Process process = new ProcessBuilder(program, "get")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            FutureTask<Boolean> ended = new FutureTask<>(() -> ended(process, patience));
            Thread.ofPlatform().daemon().name("cay-credential-helper").start(ended);
            try (OutputStream in = process.getOutputStream()) {
                in.write(registry.getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // it did not want to know
            }
            byte[] answer;
            try (InputStream out = process.getInputStream()) {
                answer = out.readNBytes(MAXIMUM);
            }
            if (!ended.get()) {
                throw failed(program, "it does not end", null);
            }
            if (process.exitValue() == 0) {
                return parse(answer, program);
            }
            String said = new String(answer, StandardCharsets.UTF_8).strip();
            if (said.equals(UNKNOWN)) {
                return Optional.empty();
            }
            throw failed(program, said.isEmpty() ? "exit " + process.exitValue() : JsonReader.shown(said), null);
        } catch (IOException e) {
            throw failed(program, e.getMessage(), e);
        } catch (ExecutionException e) {
            throw failed(program, e.getCause().getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed(program, "interrupted", e);
        }
    }

    /** Waits for its end, and brings that about when it does not come. */
    private static boolean ended(Process process, Duration patience) throws InterruptedException {
        if (process.waitFor(patience)) {
            return true;
        }
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        return false;
    }

    private static Optional<Credential> parse(byte[] answer, String program) {
        Map<String, String> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        String json = new String(answer, StandardCharsets.UTF_8);
        try {
            JsonReader reader = new JsonReader(json, "the answer of " + program, "mend that program");
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
