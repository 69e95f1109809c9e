package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class JavaTrustTest {
    private static final List<X509Certificate> OURS = new GuestTrust(List.of(GuestTrustTest.PEM)).certificates();

    /** One that the JDK of this test has. */
    private static X509Certificate another() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(
                java.nio.file.Path.of(System.getProperty("java.home"), "lib/security/cacerts")
                        .toFile(),
                (char[]) null);
        return (X509Certificate) store.getCertificate(store.aliases().nextElement());
    }

    private static byte[] store(String type, char[] password) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(type);
        store.load(null, null);
        store.setCertificateEntry("another", another());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        store.store(out, password);
        return out.toByteArray();
    }

    /** As a runtime does: it knows no password. */
    private static KeyStore read(byte[] bytes) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(new ByteArrayInputStream(bytes), null);
        return store;
    }

    @Test
    void bothKindsOfStoresAreAddedToOnce() throws IOException, GeneralSecurityException {
        char[] password = "changeit".toCharArray();
        for (byte[] before : List.of(store("JKS", password), store("PKCS12", password))) {
            byte[] after = JavaTrust.with(before, OURS).orElseThrow();
            KeyStore read = read(after);
            assertThat(read.getCertificate("another")).isEqualTo(another());
            assertThat(read.getCertificateAlias(OURS.getFirst())).startsWith("cay-");
            assertThat(read.size()).isEqualTo(2);
            assertThat(JavaTrust.with(after, OURS)).isEqualTo(Optional.empty());
        }
    }

    @Test
    void whatIsNoStoreIsSaid() {
        byte[] garbage = "no store at all".getBytes(StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> JavaTrust.with(garbage, OURS)).isInstanceOf(IOException.class);
    }
}
