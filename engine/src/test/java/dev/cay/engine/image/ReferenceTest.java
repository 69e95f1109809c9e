package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ReferenceTest {
    private static final String HEX = "0123456789abcdef".repeat(4);

    @ParameterizedTest
    @CsvSource({
        "debian, docker.io/library/debian:latest, debian:latest",
        "debian:12, docker.io/library/debian:12, debian:12",
        "library/debian, docker.io/library/debian:latest, debian:latest",
        "someone/tool:v1.2_3-x, docker.io/someone/tool:v1.2_3-x, someone/tool:v1.2_3-x",
        "docker.io/debian, docker.io/library/debian:latest, debian:latest",
        "index.docker.io/a/b, docker.io/a/b:latest, a/b:latest",
        "localhost/debian, localhost/debian:latest, localhost/debian:latest",
        "localhost:5000/a, localhost:5000/a:latest, localhost:5000/a:latest",
        "r.example:443/a/b/c:t, r.example:443/a/b/c:t, r.example:443/a/b/c:t",
        "HOST/a, HOST/a:latest, HOST/a:latest",
        "[::1]:5000/a__b-c--d.e, [::1]:5000/a__b-c--d.e:latest, [::1]:5000/a__b-c--d.e:latest",
        "127.0.0.1:1/a, 127.0.0.1:1/a:latest, 127.0.0.1:1/a:latest",
        "library/a/b, docker.io/library/a/b:latest, library/a/b:latest"
    })
    void readsWhatDockerReads(String text, String whole, String familiar) {
        Reference reference = Reference.parse(text);

        assertThat(reference).hasToString(whole);
        assertThat(reference.familiar()).isEqualTo(familiar);
        assertThat(Reference.parse(whole)).isEqualTo(reference);
        assertThat(Reference.parse(familiar)).isEqualTo(reference);
    }

    @Test
    void aDigestSaysAll() {
        Reference reference = Reference.parse("debian:12@sha256:" + HEX);

        assertThat(reference).hasToString("docker.io/library/debian@sha256:" + HEX);
        assertThat(reference.version()).isEqualTo("sha256:" + HEX);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                ":",
                "@",
                "/",
                "a/",
                "/a",
                "a//b",
                "A",
                "a/B",
                "a:",
                "a:.x",
                "a@b",
                "a@sha256:00",
                "a b",
                "-a",
                "a-",
                "a..b",
                "a___b",
                "a:b:c",
                "a/b:c/d",
                "http://x/a",
                "r.example/",
                "x.:80/a",
                "a.b:x/c",
                "a\nb",
                "ä",
                "a@sha256:" + "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
                "../a",
                "a/../b",
                "a/."
            })
    void refusesWhatDockerRefuses(String text) {
        assertThatThrownBy(() -> Reference.parse(text)).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void refusesIdsAndWhatIsTooLong() {
        assertThatThrownBy(() -> Reference.parse(HEX)).hasMessageContaining("the id of an image");
        assertThatThrownBy(() -> Reference.parse("a/".repeat(127) + "bc")).hasMessageContaining("longer than 255");
        assertThatThrownBy(() -> Reference.parse("a:" + "t".repeat(129))).hasMessageContaining("no tag");
        assertThatThrownBy(() -> Reference.parse("a".repeat(1_000_000))).hasMessageContaining("longer");
    }

    /** Whatever is typed is read or refused, and what is read is read again. */
    @Test
    void anyText() {
        String alphabet = "ab0A.:/@_-[] ";
        Seeded.run(random -> {
            for (int i = 0; i < 20_000; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(12); n >= 0; n--) {
                    text.append(alphabet.charAt(random.nextInt(alphabet.length())));
                }
                Reference reference;
                try {
                    reference = Reference.parse(text.toString());
                } catch (SandboxException.InvalidSpec e) {
                    continue;
                }
                assertThat(Reference.parse(reference.toString())).isEqualTo(reference);
                assertThat(Reference.parse(reference.familiar())).isEqualTo(reference);
            }
        });
    }
}
