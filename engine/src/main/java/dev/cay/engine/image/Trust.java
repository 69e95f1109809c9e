package dev.cay.engine.image;

import dev.cay.SandboxException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Which certificates of registries are trusted. */
final class Trust {
    /** Where distributions keep what their administrator trusts; Java has a list of its own. */
    private static final List<Path> SYSTEM =
            List.of(Path.of("/etc/ssl/certs/ca-certificates.crt"), Path.of("/etc/pki/tls/certs/ca-bundle.crt"));

    private Trust() {}

    /** The context for an endpoint; its own certificates are asked first, this machine's last: to read those takes a while. */
    static SSLContext context(Endpoint endpoint) throws IOException {
        try {
            X509ExtendedTrustManager manager = endpoint.insecure() ? new Anyone() : new Several(endpoint.authorities());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {manager}, new SecureRandom());
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("TLS cannot be set up: " + e.getMessage(), e);
        }
    }

    private static X509ExtendedTrustManager managerOf(Optional<Path> file)
            throws GeneralSecurityException, IOException {
        KeyStore store = null; // Java's own list
        if (file.isPresent()) {
            store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : certificates(file.get())) {
                store.setCertificateEntry("ca" + number++, certificate);
            }
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509ExtendedTrustManager extended) {
                return extended;
            }
        }
        throw new GeneralSecurityException("this JDK has no trust manager for X.509");
    }

    private static List<Certificate> certificates(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(in));
        } catch (CertificateException e) {
            throw new SandboxException.InvalidSpec(
                    "the certificates in " + file + " cannot be read: " + e.getMessage(),
                    "a file of PEM certificates is wanted");
        }
    }

    /** Trusts whom one of several lists trusts. */
    private static final class Several extends Servers {
        private interface Check {
            void by(X509ExtendedTrustManager manager) throws CertificateException;
        }

        private final List<Optional<Path>> lists = new ArrayList<>();

        Several(Optional<Path> own) throws IOException {
            own.ifPresent(file -> lists.add(own));
            if (own.isPresent()) {
                Files.size(own.get()); // a file that is missing is said at once
            }
            lists.add(Optional.empty());
            SYSTEM.stream().filter(Files::isReadable).findFirst().ifPresent(file -> lists.add(Optional.of(file)));
        }

        private void check(Check check) throws CertificateException {
            CertificateException first = null;
            for (Optional<Path> list : lists) {
                try {
                    check.by(managerOf(list));
                    return;
                } catch (CertificateException e) {
                    first = first == null ? e : first;
                } catch (GeneralSecurityException | IOException e) {
                    CertificateException failure = new CertificateException(e.getMessage(), e);
                    first = first == null ? failure : first;
                }
            }
            throw first == null ? new CertificateException("nobody is trusted") : first;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type, engine));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type, socket));
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            check(manager -> manager.checkServerTrusted(chain, type));
        }
    }

    /** Looks at servers only: this is none. */
    private abstract static class Servers extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
                throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
                throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            throw new CertificateException("this is no server");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    /** Trusts anyone, of any name: the administrator has said so. */
    private static final class Anyone extends Servers {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
            // whoever it is
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {
            // whoever it is
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {
            // whoever it is
        }
    }
}
