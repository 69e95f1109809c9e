package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class GuestTrustTest {
    static final String PEM = """
            -----BEGIN CERTIFICATE-----
            MIIBfTCCASOgAwIBAgIUamOniVgO0jyHnfhdNA8SFncKRz0wCgYIKoZIzj0EAwIw
            EzERMA8GA1UEAwwIQ2F5IHRlc3QwIBcNMjYxMTI5MTIzMTA5WhgPMjEyNjExMDUx
            MjMxMDlaMBMxETAPBgNVBAMMCENheSB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
            AQcDQgAEeKLpac9TfRZ5BQSG0SkRbeQP9ac29UB+kM4cOS19O0KMGXoEatpnwk00
            EDSIhywiBz6XvICMT0yMNb4H5a5AiqNTMFEwHQYDVR0OBBYEFP2r1CpaLf2TSFg5
            XNNszEMyacyfMB8GA1UdIwQYMBaAFP2r1CpaLf2TSFg5XNNszEMyacyfMA8GA1Ud
            EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMQq7E3Hgwn6+dG2MKPaRQTD
            Ql8ro3ePrWR08ATSP0ftAiAsCaILxsZa0X6v+nUkeTiYX8nZWl/HFvFyOosB5rkt
            kQ==
            -----END CERTIFICATE-----
            """;

    private static List<String> calls(RecordingKernel kernel) {
        OpList last = kernel.runs().getLast();
        return last.operations().stream().map(Object::toString).toList();
    }

    @Test
    void aCertificateIsWrittenAnewAndOnceWhateverStoodAroundIt() {
        GuestTrust trust = new GuestTrust(List.of("# mine\n" + PEM, PEM + PEM));
        assertThat(trust.certificates()).hasSize(1);
        assertThat(GuestTrust.pem(trust.certificates().getFirst())).isEqualTo(PEM);
        assertThat(GuestTrust.name(trust.certificates().getFirst())).matches("[0-9a-f]{16}");
        assertThatIllegalArgumentException().isThrownBy(() -> new GuestTrust(List.of(PEM.replace("MIIB", "????"))));
    }

    @Test
    void itIsPutWhereToolsAndProgramsLook() throws IOException {
        GuestTrust trust = new GuestTrust(List.of(PEM));
        RecordingKernel empty = new RecordingKernel();
        trust.install(empty);
        assertThat(empty.openDescriptors()).isZero();
        assertThat(calls(empty))
                .filteredOn(call -> call.startsWith("renameat2"))
                .hasSize(3);
        assertThat(Set.copyOf(trust.variables().values())).containsExactly("/etc/ssl/certs/ca-certificates.crt");
        assertThat(trust.variables()).containsKeys("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS");
        assertThat(new GuestTrust(List.of()).variables()).isEmpty();
    }

    @Test
    void aBlockIsThereOnceAndTheRestAsItWas() {
        String once = MarkedBlock.put("a\nno end", "x", "block\n");
        assertThat(once).isEqualTo("a\nno end\n# cay x begin\nblock\n# cay x end\n");
        assertThat(MarkedBlock.put(once, "x", "block\n")).isEqualTo(once);
        assertThat(MarkedBlock.put(once + "b\n", "x", "other\n"))
                .isEqualTo("a\nno end\nb\n# cay x begin\nother\n# cay x end\n");
        assertThat(MarkedBlock.put(once + once, "x", "")).isEqualTo("a\nno end\na\nno end\n");
        assertThat(MarkedBlock.put("", "x", "b\n")).isEqualTo("# cay x begin\nb\n# cay x end\n");
        assertThat(MarkedBlock.put("# cay x begin\nhalf\n", "x", "b\n"))
                .isEqualTo("half\n# cay x begin\nb\n# cay x end\n");
        String bytes = new String(new byte[] {(byte) 0xe4, '\n'}, StandardCharsets.ISO_8859_1);
        assertThat(MarkedBlock.put(bytes, "x", "")).isEqualTo(bytes);
    }
}
