package dev.cay.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Debian's docker-registry on a port of loopback. */
final class RegistryLab implements AutoCloseable {
    /** A name that its certificate has, and no name server. */
    static final String HOST = "registry.invalid";

    static final String USER = "cay";
    static final String PASSWORD = "secret";

    /** Of the password; this registry knows no other form. */
    private static final String BCRYPT = "$2b$04$bW.zJ2K0QD0trqsLKOBEK.aajtOFIPVmJOmgc6od4ST3rxgh1VJdO";

    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final Path directory = Lab.directory();
    private final int port;
    private final Process process;

    private RegistryLab(boolean secure) throws IOException {
        port = freePort();
        String configuration = "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem:"
                + " {rootdirectory: " + directory.resolve("data") + "}}\nhttp:\n  addr: 127.0.0.1:" + port + "\n";
        if (secure) {
            certificate(authorities());
            Files.writeString(directory.resolve("htpasswd"), USER + ":" + BCRYPT + "\n");
            configuration += "  tls: {certificate: " + authorities() + ", key: " + authorities() + ".key"
                    + "}\nauth: {htpasswd: {realm: x, path: " + directory.resolve("htpasswd") + "}}\n";
        }
        Path file = Files.writeString(directory.resolve("registry.yml"), configuration);
        process = new ProcessBuilder("docker-registry", "serve", file.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        await();
    }

    /** Without encryption, for everybody. */
    static RegistryLab open() {
        return start(false);
    }

    /** With a certificate that nobody trusts, for one user. */
    static RegistryLab secure() {
        return start(true);
    }

    private static RegistryLab start(boolean secure) {
        try {
            return new RegistryLab(secure);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Makes a certificate that nobody trusts, and its key beside it. */
    static Path certificate(Path file) {
        Lab.onHost(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=registry",
                "-addext",
                "subjectAltName=IP:127.0.0.1,DNS:" + HOST,
                "-keyout",
                file + ".key",
                "-out",
                file.toString());
        return file;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void await() throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (true) {
            try {
                new Socket("127.0.0.1", port).close();
                return;
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    throw new IOException(Files.readString(directory.resolve("log")), e);
                }
                LockSupport.parkNanos(20_000_000);
            }
        }
    }

    Path authorities() {
        return directory.resolve("ca.pem");
    }

    String name() {
        return "127.0.0.1:" + port;
    }

    /** Copies an image into it by skopeo. */
    void push(String source, String image, String... options) {
        List<String> command = new ArrayList<>(List.of(
                "skopeo",
                "--insecure-policy",
                "copy",
                "-q",
                "--dest-tls-verify=false",
                "--dest-creds",
                USER + ":" + PASSWORD));
        command.addAll(List.of(options));
        command.add(source);
        command.add("docker://" + name() + "/" + image);
        Lab.onHost(command.toArray(String[]::new));
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
