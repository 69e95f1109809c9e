package dev.cay.engine.microvm;

import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Certificates that a guest's programs are to trust. They are put where distributions keep those of the owner of a machine, for tools
 * that make bundles of them, and into the bundle that there is, for programs that read it. Doing it again changes nothing.
 */
final class GuestTrust {
    /** Where distributions have theirs: Debian and Alpine; Fedora; OpenBSD's place, which others have too. */
    private static final List<String> BUNDLES =
            List.of("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem");

    private static final List<String> ANCHORS =
            List.of("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors");

    /** By which programs are told of a bundle: OpenSSL's, Python's, curl's, node's. */
    private static final List<String> VARIABLES =
            List.of("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS");

    private static final int LINE = 64;
    private static final int NAME_DIGITS = 16;

    private final List<X509Certificate> certificates;
    private String bundle = BUNDLES.getFirst();

    /** @param pem bundles */
    GuestTrust(List<String> pem) {
        List<X509Certificate> all = new ArrayList<>();
        pem.forEach(text -> all.addAll(parse(text)));
        certificates = all.stream().distinct().toList();
    }

    private static List<X509Certificate> parse(String pem) {
        try {
            Collection<?> read = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
            return read.stream().map(X509Certificate.class::cast).toList();
        } catch (CertificateException e) {
            throw new IllegalArgumentException("no guest trusts " + e.getMessage(), e);
        }
    }

    List<X509Certificate> certificates() {
        return certificates;
    }

    boolean isEmpty() {
        return certificates.isEmpty();
    }

    /** What commands are told, if they are not told otherwise. */
    Map<String, String> variables() {
        Map<String, String> variables = new LinkedHashMap<>();
        if (!isEmpty()) {
            VARIABLES.forEach(name -> variables.put(name, bundle));
        }
        return variables;
    }

    /** Puts them there. */
    void install(Kernel guest) throws IOException {
        Optional<String> text = Optional.empty();
        for (String path : BUNDLES) {
            if (text.isEmpty()) {
                text = GuestFiles.read(guest, path);
                bundle = text.isPresent() ? path : BUNDLES.getFirst();
            }
        }
        StringBuilder own = new StringBuilder();
        GuestFiles files = new GuestFiles();
        for (X509Certificate certificate : certificates) {
            String pem = pem(certificate);
            own.append(pem);
            for (String anchors : ANCHORS) {
                put(files, anchors + "/cay-" + name(certificate) + ".crt", pem);
            }
        }
        put(files, bundle, MarkedBlock.put(text.orElse(""), "certificates", own.toString()));
        guest.run(files.build());
    }

    private static void put(GuestFiles files, String path, String text) {
        int slash = path.lastIndexOf('/');
        Op directory = files.directory(path.substring(0, slash), 0755);
        files.replace(directory, path.substring(slash + 1), text.getBytes(StandardCharsets.ISO_8859_1), 0644);
        files.add(FileOps.close(directory));
    }

    /** Written anew: what else stood in the file is nobody's business. */
    static String pem(X509Certificate certificate) {
        byte[] newline = {'\n'};
        return "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder(LINE, newline).encodeToString(encoded(certificate))
                + "\n-----END CERTIFICATE-----\n";
    }

    /** The same for the same certificate. */
    static String name(X509Certificate certificate) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(encoded(certificate));
            return HexFormat.of().formatHex(digest).substring(0, NAME_DIGITS);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] encoded(X509Certificate certificate) {
        try {
            return certificate.getEncoded();
        } catch (CertificateException e) {
            throw new IllegalArgumentException("no guest trusts " + e.getMessage(), e);
        }
    }
}
