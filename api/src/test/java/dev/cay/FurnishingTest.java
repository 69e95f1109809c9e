package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FurnishingTest {
    @Test
    void whatIsNoCertificateAndNoNameIsRefused() {
        assertThat(Furnishing.none().isNone()).isTrue();
        assertThat(SandboxSpec.host().script("a-1.sh", "").build().furnishing().isNone())
                .isFalse();
        for (String pem : List.of("", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")) {
            assertThatThrownBy(() -> new Furnishing(List.of(pem), Map.of(), Optional.empty()))
                    .as(pem)
                    .isInstanceOf(SandboxException.InvalidSpec.class);
        }
        for (String name : List.of("", "a/b", "..", ".hidden", "-x", "x".repeat(65), "a b")) {
            assertThatThrownBy(() -> new Furnishing(List.of(), Map.of(name, ""), Optional.empty()))
                    .as(name)
                    .isInstanceOf(SandboxException.InvalidSpec.class);
        }
        assertThatThrownBy(() -> Furnishing.Init.of("init")).isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> new Furnishing(List.of(), Map.of("a", "\0"), Optional.empty()))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
