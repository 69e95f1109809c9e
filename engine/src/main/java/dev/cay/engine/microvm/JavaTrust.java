package dev.cay.engine.microvm;

import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Certificates that the Java runtimes of a guest are to trust, which ask none of the bundles of the rest. */
final class JavaTrust {
    /** Where runtimes are: directories of them, and directories of other things too. */
    private static final List<String> HOMES = List.of("/usr/lib/jvm", "/usr/java", "/opt/java", "/opt", "/usr/local");

    private static final List<String> STORES = List.of("lib/security/cacerts", "jre/lib/security/cacerts");

    private static final int MAXIMUM_RUNTIMES = 32;

    /** That of all stores of this kind, which is no secret. */
    private static final char[] PASSWORD = "changeit".toCharArray();

    private JavaTrust() {}

    /** Puts them into the store of each runtime that there is. */
    static void install(Kernel guest, List<X509Certificate> certificates) throws IOException {
        List<String> runtimes = new ArrayList<>();
        for (String home : HOMES) {
            for (String name : GuestFiles.list(guest, home)) {
                if (home.endsWith("jvm") || home.endsWith("java") || name.matches(".*(java|jdk|jre|graalvm).*")) {
                    runtimes.add(home + "/" + name);
                }
            }
        }
        for (String runtime : runtimes.subList(0, Math.min(runtimes.size(), MAXIMUM_RUNTIMES))) {
            for (String store : STORES) {
                install(guest, runtime + "/" + store, certificates);
            }
        }
    }

    private static void install(Kernel guest, String path, List<X509Certificate> certificates) throws IOException {
        Optional<String> store = GuestFiles.read(guest, path);
        if (store.isEmpty()) {
            return;
        }
        Optional<byte[]> changed;
        try {
            changed = with(store.get().getBytes(StandardCharsets.ISO_8859_1), certificates);
        } catch (IOException | GeneralSecurityException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
        if (changed.isPresent()) {
            GuestFiles files = new GuestFiles();
            int slash = path.lastIndexOf('/');
            Op directory = files.directory(path.substring(0, slash), 0755);
            files.replace(directory, path.substring(slash + 1), changed.get(), 0644);
            files.add(FileOps.close(directory));
            guest.run(files.build());
        }
    }

    /**
     * A store with certificates; empty if it has them all. What comes out is of the older kind, whose certificates every runtime reads
     * without a password, which is how runtimes read them.
     *
     * @param store of either kind: that of its name, or PKCS 12
     */
    static Optional<byte[]> with(byte[] store, List<X509Certificate> certificates)
            throws IOException, GeneralSecurityException {
        KeyStore known = KeyStore.getInstance("JKS");
        known.load(new ByteArrayInputStream(store), PASSWORD);
        KeyStore all = KeyStore.getInstance("JKS");
        all.load(null, PASSWORD);
        for (String alias : java.util.Collections.list(known.aliases())) {
            if (known.isCertificateEntry(alias)) {
                all.setCertificateEntry(alias, known.getCertificate(alias));
            }
        }
        boolean changed = false;
        for (X509Certificate certificate : certificates) {
            if (known.getCertificateAlias(certificate) == null) {
                all.setCertificateEntry("cay-" + GuestTrust.name(certificate), certificate);
                changed = true;
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        all.store(out, PASSWORD);
        return changed ? Optional.of(out.toByteArray()) : Optional.empty();
    }
}
