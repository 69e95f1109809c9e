package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Challenges, proxies, and files of credentials. */
final class RegistryPartsTest {
    @TempDir
    private Path folder;

    @Test
    void challengesAreRead() {
        assertThat(Challenge.parse("Bearer realm=\"https://a/b\", service=c,scope=\"d e\" , Basic Realm=\"f\\\"g\""))
                .containsExactly(
                        new Challenge("bearer", Map.of("realm", "https://a/b", "service", "c", "scope", "d e")),
                        new Challenge("basic", Map.of("realm", "f\"g")));
        assertThat(Challenge.parse("Negotiate")).containsExactly(new Challenge("negotiate", Map.of()));
        assertThat(Challenge.parse("")).isEmpty();
        assertThat(Challenge.parse("=,\"\"")).allMatch(one -> one.parameters().isEmpty());
        Seeded.run(random -> {
            String alphabet = "aB =,\"\\";
            for (int i = 0; i < 20_000; i++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(20); n > 0; n--) {
                    text.append(alphabet.charAt(random.nextInt(alphabet.length())));
                }
                assertThat(Challenge.parse(text.toString())).isNotNull();
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "https://a.example/, proxy.example:3128",
        "http://a.example/, other:80",
        "https://localhost:5000/, ''",
        "https://127.0.0.1/, ''",
        "https://x.no.example/, ''",
        "https://no.example/, ''",
        "https://anno.example/, proxy.example:3128",
        "https://b.example:443/, proxy.example:3128",
        "https://b.example:5000/, ''",
        "https://10.1.2.3:5000/, ''",
        "https://11.1.2.3/, proxy.example:3128",
        "https://[fd00::1]:5000/, ''",
        "https://[fe00::1]/, proxy.example:3128"
    })
    void proxiesAreThoseOfTheEnvironment(String uri, String proxy) {
        Map<String, String> variables = Map.of(
                "HTTPS_PROXY",
                "http://proxy.example:3128",
                "http_proxy",
                "other",
                "NO_PROXY",
                ".no.example, b.example:5000 10.0.0.0/8,fd00::/8, 1.2.3.4/33 x/y");
        List<Proxy> proxies = new Proxies(variables::get).select(URI.create(uri));

        assertThat(proxies)
                .singleElement()
                .satisfies(one -> assertThat(
                                one.type() == Proxy.Type.DIRECT
                                        ? ""
                                        : one.address().toString().replace("/<unresolved>", ""))
                        .isEqualTo(proxy));
    }

    @Test
    void aProxyMayWantAPassword() {
        Map<String, String> variables = Map.of(
                "https_proxy", "http://us%40er:s+:%e2%82%ac@proxy.example", "ALL_PROXY", "HTTP://user@[::1]:3128/");
        Proxies proxies = new Proxies(variables::get);

        assertThat(proxies.server(URI.create("https://a.example/")))
                .contains(new Proxies.Server(
                        "HTTPS_PROXY",
                        "proxy.example",
                        80,
                        Optional.of(new Credential.Password("us@er", "s+:\u20ac").header())));
        assertThat(proxies.server(URI.create("http://a.example/")))
                .contains(new Proxies.Server(
                        "ALL_PROXY", "[::1]", 3128, Optional.of(new Credential.Password("user", "").header())));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"socks5://p:1080", "https://p", "http://user:secret@", "http://a b", "user:sec#ret@p", "p:port"})
    void aProxyThatNobodyCanSpeakToIsRefused(String value) {
        Proxies proxies = new Proxies(Map.of("HTTPS_PROXY", value)::get);

        assertThatThrownBy(() -> proxies.server(URI.create("https://a.example/")))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("HTTPS_PROXY")
                .message()
                .doesNotContain("sec");
        assertThat(proxies.server(URI.create("http://a.example/"))).isEmpty();
    }

    @Test
    void filesOfDockerAndPodmanAreRead() throws IOException {
        Files.createDirectories(folder.resolve(".docker"));
        Files.writeString(folder.resolve(".docker/config.json"), """
                {"auths": {"https://index.docker.io/v1/": {"auth": "dXNlcjpzOmNyZXQ="}, "r.example": {},
                           "t.example": {"identitytoken": "tok"}, "bad.example": {"auth": "%%%"}},
                 "HttpHeaders": {"a": "b"}, "psFormat": "x"}""");
        Files.writeString(folder.resolve("auth.json"), """
                {"auths": {"r.example": {"auth": "YTph"}, "r.example/x": {"auth": "Yjpi"}, "r.example/x/y": {"auth": "Yzpj"}}}""");
        Map<String, String> variables = Map.of(
                "HOME",
                folder.toString(),
                "REGISTRY_AUTH_FILE",
                folder.resolve("auth.json").toString());
        Credentials credentials = new Credentials(folder.resolve("ours.json"), variables::get);

        assertThat(credentials.find("docker.io", "library/a")).contains(new Credential.Password("user", "s:cret"));
        assertThat(credentials.find("t.example", "a")).contains(new Credential.Token("tok"));
        assertThat(credentials.find("r.example", "a")).contains(new Credential.Password("a", "a"));
        assertThat(credentials.find("r.example", "x/z")).contains(new Credential.Password("b", "b"));
        assertThat(credentials.find("r.example", "x/y")).contains(new Credential.Password("c", "c"));
        assertThat(credentials.find("r.example", "")).contains(new Credential.Password("a", "a"));
        assertThat(credentials.find("bad.example", "a")).isEmpty();
        assertThat(credentials.find("other.example", "a")).isEmpty();
        credentials.keep("r.example", new Credential.Password("mine", "p"));
        assertThat(credentials.find("r.example", "x/y")).contains(new Credential.Password("mine", "p"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("ours.json"))))
                .isEqualTo("rw-------");
        assertThat(credentials.forget("r.example")).isTrue();
        assertThat(credentials.forget("r.example")).isFalse();
        assertThat(new Credential.Password("u", "secret").toString()).doesNotContain("secret");
        Files.writeString(folder.resolve("auth.json"), "{");
        assertThatThrownBy(() -> credentials.find("r.example", "a")).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void helpersHaveNamesOfHelpers() {
        assertThatThrownBy(() -> CredentialHelper.ask("../../bin/sh", "r"))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> CredentialHelper.ask("no-such-helper", "r"))
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessageContaining("docker-credential-no-such-helper");
    }

    private String helper(String script) throws IOException {
        Path program = folder.resolve("docker-credential-x");
        Files.writeString(program, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        return program.toString();
    }

    private Optional<Credential> answer(String script) throws IOException {
        return CredentialHelper.run(helper(script), "r.example", Duration.ofSeconds(60));
    }

    @Test
    void helpersAreAskedAndBelieved() throws IOException {
        assertThat(answer("""
                read registry
                echo '{"ServerURL": "'$registry'", "Username": "'$1'", "Secret": "of '$registry'"}'""")).contains(new Credential.Password("get", "of r.example"));
        assertThat(answer("echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}'"))
                .contains(new Credential.Token("tok"));
        assertThat(answer("echo credentials not found in native keychain; exit 1"))
                .isEmpty();
        assertThat(answer("echo '{\"Username\":\"\",\"Secret\":\"\"}'")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "echo the keychain is locked; exit 1, the keychain is locked",
        "printf 'a\\033[31m'; exit 1, a?[31m",
        "exit 3, exit 3",
        "yes, y?y",
        "echo {} {}, the answer of"
    })
    void helpersThatFailAreNamed(String script, String message) {
        assertThatThrownBy(() -> answer(script))
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessageContaining("docker-credential-x")
                .hasMessageContaining(message);
    }

    /** Nor does what it has started. */
    @Test
    void aHelperDoesNotTakeForEver() throws IOException {
        String program = helper("sleep 1000 & sleep 1000");

        assertThatThrownBy(() -> CredentialHelper.run(program, "r.example", Duration.ofMillis(200)))
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessageContaining("does not end");
    }

    @Test
    void settingsAreRead() throws IOException {
        Path file = folder.resolve("registries.json");
        Map<String, Boolean> insecure = new HashMap<>();
        Files.writeString(file, """
                {"registries": [{"name": "docker.io", "mirrors": ["m.example:5000"]},
                                {"name": "m.example:5000", "insecure": true},
                                {"name": "localhost:1", "authorities": "/x.pem"}]}""");
        RegistrySettings settings = RegistrySettings.read(file);
        settings.endpoints("docker.io").forEach(one -> insecure.put(one.authority(), one.insecure()));

        assertThat(insecure).isEqualTo(Map.of("m.example:5000", true, "registry-1.docker.io", false));
        assertThat(settings.endpoint("localhost:1"))
                .isEqualTo(new Endpoint("localhost:1", "localhost:1", false, Optional.of(Path.of("/x.pem"))));
        assertThat(settings.endpoint("localhost:2").insecure()).isTrue();
        assertThat(settings.endpoint("[::1]:2").insecure()).isTrue();
        assertThat(settings.endpoint("127.0.0.1").insecure()).isTrue();
        assertThat(settings.endpoint("127.0.0.1.example").insecure()).isFalse();
        assertThat(RegistrySettings.read(folder.resolve("none")).endpoints("r.example"))
                .hasSize(1);
        for (String wrong : List.of(
                "",
                "[]",
                "{}",
                "{\"registries\":[{}]}",
                "{\"registries\":[{\"name\":\"a/b\"}]}",
                "{\"registries\":[{\"name\":\"a\",\"insecure\":1}]}",
                "{\"registries\":[],\"x\":1}")) {
            Files.writeString(file, wrong);
            assertThatThrownBy(() -> RegistrySettings.read(file)).isInstanceOf(SandboxException.InvalidSpec.class);
        }
    }

    /** Of an HTTP answer, an alert, a handshake, of nothing that is known, and none at all. */
    @ParameterizedTest
    @CsvSource({"72, true", "21, false", "22, false", "65,", "-1,"})
    void theFirstByteTellsWhoSpeaksTls(int first, Boolean plain) throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofPlatform().daemon().start(() -> {
                try (Socket one = socket.accept()) {
                    String heard = new String(one.getInputStream().readNBytes(50), StandardCharsets.ISO_8859_1);
                    if (first >= 0 && heard.startsWith("\u0016\u0003") && heard.contains("\n")) {
                        one.getOutputStream().write(first);
                    }
                } catch (IOException e) {
                    // it has gone
                }
            });
            Endpoint endpoint = Endpoint.of("127.0.0.1:" + socket.getLocalPort(), true, Optional.empty());
            Proxies none = new Proxies(_ -> null);
            assertThat(TlsProbe.of(endpoint, none, Duration.ofSeconds(20))).isEqualTo(Optional.ofNullable(plain));
        }
    }
}
