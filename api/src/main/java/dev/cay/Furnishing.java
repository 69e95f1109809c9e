package dev.cay;

import static java.util.Objects.requireNonNull;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What is put into a sandbox's root file system besides what that has. MicroVMs have it; a container refuses it.
 *
 * @param certificates bundles of PEM that its programs are to trust, besides those that they trust anyway: in its trust stores, and
 *     in the variables by which programs are told of one; each of at most 1 MiB, at most 16
 * @param scripts programs by their names, on the PATH of every command; each of at most 100 KiB, at most 64
 * @param init a program of the image that becomes the first process
 */
public record Furnishing(List<String> certificates, Map<String, String> scripts, Optional<Init> init) {
    /**
     * A program of the image that becomes the first process.
     *
     * @param command its absolute path, or {@link #AUTO}, and its arguments
     * @param environment its variables
     * @param workingDirectory where it starts; {@code /} if empty
     */
    public record Init(List<String> command, Map<String, String> environment, Optional<String> workingDirectory) {
        /** In the place of a path: the first that there is of /sbin/init, /lib/systemd/systemd and /usr/lib/systemd/systemd. */
        public static final String AUTO = "auto";

        public Init {
            command = List.copyOf(command);
            Check.that(
                    !command.isEmpty()
                            && (command.get(0).equals(AUTO) || command.get(0).startsWith("/")),
                    command + " cannot be the first process",
                    "write its absolute path, or auto");
            for (String word : command) {
                Check.text("a word of the first process", word);
            }
            environment = Environment.copyOf(environment);
            if (workingDirectory.isPresent()) {
                Check.absolutePath("the first process's working directory", workingDirectory.get());
            }
        }

        /** One without variables, at {@code /}. */
        public static Init of(String... command) {
            return new Init(List.of(command), Map.of(), Optional.empty());
        }
    }

    private static final Furnishing NONE = new Furnishing(List.of(), Map.of(), Optional.empty());

    private static final int MAXIMUM_CERTIFICATES = 16;
    private static final int MAXIMUM_CERTIFICATE = 1 << 20;
    private static final int MAXIMUM_SCRIPTS = 64;
    private static final Pattern SCRIPT = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}");

    public Furnishing {
        certificates = List.copyOf(certificates);
        Check.that(
                certificates.size() <= MAXIMUM_CERTIFICATES,
                certificates.size() + " bundles of certificates are too many",
                "put them into one file, at most " + MAXIMUM_CERTIFICATES);
        for (String pem : certificates) { // no lambdas: every command line passes here
            checkCertificates(pem);
        }
        requireNonNull(init, "init is null");
        scripts = Collections.unmodifiableMap(new LinkedHashMap<>(scripts));
        Check.that(
                scripts.size() <= MAXIMUM_SCRIPTS,
                scripts.size() + " scripts are too many",
                "at most " + MAXIMUM_SCRIPTS);
        for (Map.Entry<String, String> script : scripts.entrySet()) {
            Check.that(
                    SCRIPT.matcher(script.getKey()).matches(),
                    "'" + script.getKey() + "' cannot be the name of a script",
                    "letters, digits, _, . and -, at most 64, the first a letter, a digit or _");
            Check.text("the script " + script.getKey(), requireNonNull(script.getValue(), "body is null"));
        }
    }

    /** Nothing. */
    public static Furnishing none() {
        return NONE;
    }

    public boolean isNone() {
        return certificates.isEmpty() && scripts.isEmpty() && init.isEmpty();
    }

    private static void checkCertificates(String pem) {
        byte[] bytes = pem.getBytes(StandardCharsets.US_ASCII);
        Check.that(bytes.length <= MAXIMUM_CERTIFICATE, "a bundle of certificates is too long", "at most 1 MiB");
        try {
            Check.that(
                    !CertificateFactory.getInstance("X.509")
                            .generateCertificates(new ByteArrayInputStream(bytes))
                            .isEmpty(),
                    "a bundle of certificates has none",
                    "it is to be PEM: -----BEGIN CERTIFICATE-----");
        } catch (CertificateException e) {
            throw new SandboxException.InvalidSpec(
                    "a bundle of certificates cannot be read: " + e.getMessage(),
                    "it is to be PEM: -----BEGIN CERTIFICATE-----");
        }
    }
}
