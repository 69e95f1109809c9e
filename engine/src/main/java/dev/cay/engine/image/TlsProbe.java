package dev.cay.engine.image;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;

/**
 * Hears from the first byte of an answer whether an insecure registry speaks TLS: for a cold JVM the keys of a true attempt, and the
 * classes for them, are a tenth of a second.
 */
final class TlsProbe {
    private static final int ALERT = 0x15;
    private static final int HANDSHAKE = 0x16;
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private TlsProbe() {}

    /** Whether it is spoken to without encryption; empty if that is not clear, or it is behind a proxy. */
    static Optional<Boolean> of(Endpoint endpoint, Proxies proxies, Duration silence) {
        URI uri = endpoint.uri(true, "/");
        if (uri.getPort() < 0
                || proxies.server(uri).isPresent()
                || proxies.server(endpoint.uri(false, "/")).isPresent()) {
            return Optional.empty();
        }
        int patience = (int) (silence.compareTo(PATIENCE) < 0 ? silence : PATIENCE).toMillis();
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), patience);
            socket.setSoTimeout(patience);
            socket.getOutputStream().write(hello());
            return switch (socket.getInputStream().read()) {
                case 'H' -> Optional.of(true); // of HTTP/1.1 400
                case ALERT, HANDSHAKE -> Optional.of(false);
                default -> Optional.empty();
            };
        } catch (IOException e) {
            return Optional.empty(); // a true attempt tells what is wrong
        }
    }

    /** RFC 5246, 7.4.1.2: a ClientHello with one cipher suite, that nobody can accept without an alert or an answer. */
    private static byte[] hello() {
        int random = 32;
        byte[] body = new byte[2 + random + 1 + 4 + 2];
        body[0] = 3;
        body[1] = 3;
        Arrays.fill(body, 2, 2 + random, (byte) '\n'); // who speaks HTTP waits for the end of a line
        int suites = 2 + random + 1;
        body[suites + 1] = 2;
        body[suites + 2] = (byte) 0xC0; // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        body[suites + 3] = 0x2F;
        body[suites + 4] = 1; // one compression, none
        byte[] record = new byte[9 + body.length];
        record[0] = HANDSHAKE;
        record[1] = 3;
        record[2] = 1;
        record[4] = (byte) (4 + body.length);
        record[5] = 1;
        record[8] = (byte) body.length;
        System.arraycopy(body, 0, record, 9, body.length);
        return record;
    }
}
