package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Images from real registries, by processes that have a store of their own: in a mount namespace with a directory of theirs over
 * /var/lib/cay.
 */
@ExtendWith(RootLane.class)
class ImagesTest {
    /** What a sandbox of it sees; the last words are those of the command. */
    private static final String LOOK =
            "stat -c '%n %a %u:%g %h %F' /first /second /pipe; cat /first /hidden/* /long/*/*;"
                    + " readlink /escape; ls /hidden /etc/gone /device /hidden/below; tail -n 1 /kept/numbers; wc -c < /kept/zeros";

    private static Path folder;
    private static Path image;
    private static RegistryLab registry;
    private static RegistryLab secure;

    @BeforeAll
    static void start() {
        folder = Lab.directory();
        image = ImageArchives.ODD.make();
        registry = RegistryLab.open();
        secure = RegistryLab.secure();
        String archive = "docker-archive:" + image;
        registry.push(archive, "a/odd:1");
        registry.push(archive, "a/odd:zstd", "--format", "oci", "--dest-compress-format", "zstd");
        secure.push(archive, "a/odd:1");
    }

    @AfterAll
    static void end() {
        registry.close();
        secure.close();
    }

    private static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output;
            try (InputStream in = process.getInputStream()) {
                output = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
            }
            process.getErrorStream().close();
            if (process.waitFor() != 0) {
                throw new AssertionError(String.join(" ", command) + ": " + output);
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static OwnStore store() {
        return OwnStore.open()
                .registries("{\"name\":\"" + secure.name() + "\",\"authorities\":\"" + secure.authorities()
                        + "\"},{\"name\":\"" + secure.name().replace("127.0.0.1", "localhost")
                        + "\",\"authorities\":\"" + RegistryLab.certificate(folder.resolve("other.pem")) + "\"}");
    }

    /** A process with an empty store, which sees our settings of registries. */
    private static OtherProcess process() {
        return process(store());
    }

    private static OtherProcess process(OwnStore store) {
        return OtherProcess.start(store.wrapper(), Map.of("HOME", folder.toString()));
    }

    private static String odd(RegistryLab of, String tag) {
        return of.name() + "/a/odd:" + tag;
    }

    @Test
    void whatIsPulledRuns() {
        try (OtherProcess process = process()) {
            String digest = process.tell("image", "pull", odd(registry, "1"));

            assertThat(process.tell("image", "check")).isEqualTo("[]");
            assertThat(process.tell("image", "pull", odd(registry, "1"))).isEqualTo(digest);
            assertThat(process.tell("image", "pull", registry.name() + "/a/odd@" + digest))
                    .isEqualTo(digest);
            String seen = process.tell("image", "run", odd(registry, "1") + " " + LOOK);
            assertThat(seen)
                    .contains("/first 4751 12345:54321 3 regular file")
                    .contains("/second 4751 12345:54321 3 regular file")
                    .contains("/pipe 644 0:0 1 fifo")
                    .contains("twice above deep ../../../../etc/shadow")
                    .contains("40000 300000")
                    .contains("ls: /etc/gone: No such file")
                    .contains("ls: /device: No such file")
                    .contains("ls: /hidden/below: No such file");
            // The same layers, compressed otherwise.
            process.tell("image", "pull", odd(registry, "zstd"));
            assertThat(process.tell("image", "remove", odd(registry, "1"))).contains("freed=0");
            assertThat(process.tell("image", "run", odd(registry, "zstd") + " " + LOOK))
                    .isEqualTo(seen);
            process.tell("image", "remove", odd(registry, "zstd"));
            process.tell("image", "remove", registry.name() + "/a/odd@" + digest);
            assertThat(process.tell("image", "list")).isEqualTo("[]");
        }
    }

    @Test
    void registriesWithCertificatesAndPasswords() {
        try (OtherProcess process = process()) {
            process.order("image", "pull", odd(secure, "1"));
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("who asks");
            process.order("image", "login", secure.name() + " cay wrong");
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("credentials");
            process.tell("image", "login", secure.name() + " " + RegistryLab.USER + " " + RegistryLab.PASSWORD);
            process.tell("image", "pull", odd(secure, "1"));
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            process.tell("image", "logout", secure.name());
            process.order("image", "pull", odd(secure, "1"));
            assertThat(process.answer().orElseThrow()).startsWith("failed registry-failed");
        }
        try (OtherProcess process = process()) {
            process.order("image", "login", secure.name().replace("127.0.0.1", "localhost") + " a b");
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("PKIX");
        }
    }

    @Test
    void whatIsSavedIsReadByOthers() {
        Path saved = folder.resolve("saved.tar");
        try (OtherProcess process = process()) {
            process.tell("image", "load", image.toString());
            process.tell("image", "save", "odd:1 " + saved);
        }
        for (String form : List.of("docker-archive:" + saved, "oci-archive:" + saved)) {
            run(
                    "skopeo",
                    "--insecure-policy",
                    "copy",
                    "-q",
                    form,
                    "dir:" + Lab.directory().resolve("copy"));
        }
        try (OtherProcess process = process()) {
            assertThat(process.tell("image", "load", saved.toString())).isEqualTo("[[odd:1]]");
            assertThat(process.tell("image", "run", "odd:1 " + LOOK))
                    .contains("twice above deep")
                    .contains("300000");
            Path again = folder.resolve("again.tar");
            process.tell("image", "save", "odd:1 " + again);
            assertThat(again).hasSameBinaryContentAs(saved);
        }
    }
}
