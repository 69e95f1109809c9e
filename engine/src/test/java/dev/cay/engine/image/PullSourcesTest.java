package dev.cay.engine.image;

import static dev.cay.engine.image.HostileRegistry.blobPath;
import static dev.cay.engine.image.HostileRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ImageInfo;
import dev.cay.ImageProgress;
import dev.cay.SandboxException;
import dev.cay.engine.image.HostileRegistry.Behaviour;
import dev.cay.engine.state.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whom a pull asks, and what it tells him: redirections, tokens and mirrors. */
final class PullSourcesTest extends PullFixture {
    @Test
    void aRedirectionGetsNoCredentials() throws IOException {
        try (HostileRegistry storage = new HostileRegistry()) {
            String layer = "a layer that is elsewhere";
            registry.image("a", "1", layer);
            storage.image("a", "1", layer);
            Files.writeString(
                    folder.resolve("credentials.json"),
                    "{\"auths\":{\"" + registry.name() + "\":{\"auth\":\"dXNlcjpzZWNyZXQ=\"}}}");
            String path = blobPath("a", Bytes.digest(layer));
            registry.next("/v2/a/manifests/1", status(401, "WWW-Authenticate: Basic realm=\"x\""));
            registry.next(path, status(307, "Location: http://" + storage.name() + path + "?signed=1"));
            storage.next(path, status(302, "Location: " + path), storage.cut(5));
            registry.next(path, status(307, "Location: http://" + storage.name() + path));
            pull("a:1");

            assertThat(registry.requests(path))
                    .hasSize(2)
                    .allMatch(request -> request.headers().containsValue("Basic dXNlcjpzZWNyZXQ="));
            assertThat(storage.requests)
                    .hasSize(3)
                    .noneMatch(request -> request.headers().containsKey("authorization"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "file:///etc/passwd", "http://", "gopher://x/", "http://[", "//", "/v2/a/manifests/1"})
    void redirectionsToNowhereAreRefused(String location) throws IOException {
        registry.always = status(302, "Location: " + location);
        refused("a:1", SandboxException.RegistryFailed.class, "redirects");
    }

    @Test
    void tokensAreFetchedAndKept() throws IOException {
        registry.image("a/b", "1", "one", "two");
        Behaviour proper = registry.always;
        registry.always = (request, out) -> {
            String authorization = request.headers().getOrDefault("authorization", "");
            if (request.path().startsWith("/token")) {
                boolean known = authorization.equals("Basic dXNlcjpzZWNyZXQ=");
                status(known ? 200 : 401, Bytes.of("{\"access_token\":\"t0ken\"}"))
                        .answer(request, out);
            } else if (authorization.equals("Bearer t0ken")) {
                proper.answer(request, out);
            } else {
                String challenge = "Bearer realm=\"http://" + registry.name()
                        + "/token?x=y\",service=\"a \\\"registry\\\"\",scope=\"repository:a/b:pull\"";
                status(401, "WWW-Authenticate: Unknown a=b, " + challenge).answer(request, out);
            }
        };
        refused("a/b:1", SandboxException.RegistryFailed.class, "wants to know who asks");
        assertThatThrownBy(() -> images.login(registry.name(), "user", "wrong"))
                .hasMessageContaining("does not accept");
        assertThat(folder.resolve("credentials.json")).doesNotExist();
        images.login(registry.name(), "user", "secret");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("credentials.json"))))
                .isEqualTo("rw-------");
        registry.requests.clear();
        pull("a/b:1");

        assertThat(registry.requests.stream().filter(request -> request.path().startsWith("/token")))
                .singleElement()
                .extracting(HostileRegistry.Request::path)
                .isEqualTo("/token?x=y&client_id=cay&service=a+%22registry%22&scope=repository%3Aa%2Fb%3Apull");
        images.logout(registry.name());
        assertThatThrownBy(() -> images.logout(registry.name())).isInstanceOf(SandboxException.NotFound.class);
        assertThatThrownBy(() -> pull("a/b:1")).hasMessageContaining("wants to know who asks");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"token\":1}",
                "[]",
                "",
                "{\"token\":\"a\\r\\nX: y\"}",
                "{\"token\":\"\"}",
                "{\"token\":\"a b\"}"
            })
    void tokensThatAreNoneAreRefused(String answer) throws IOException {
        registry.always = (request, out) -> {
            if (request.path().startsWith("/token")) {
                status(200, Bytes.of(answer)).answer(request, out);
            } else {
                status(401, "WWW-Authenticate: Bearer realm=\"http://" + registry.name() + "/token\"")
                        .answer(request, out);
            }
        };
        assertThatThrownBy(() -> pull("a:1"))
                .isInstanceOfAny(SandboxException.RegistryFailed.class, SandboxException.BadImage.class);
        assertThat(left()).isEmpty();
    }

    @Test
    void mirrorsAreAskedFirst() throws IOException {
        try (HostileRegistry mirror = new HostileRegistry();
                HostileRegistry broken = new HostileRegistry()) {
            Digest digest = mirror.image("library/a", "1", "layer");
            broken.always = status(403);
            Files.writeString(
                    folder.resolve("registries.json"),
                    "{\"registries\":[{\"name\":\"docker.io\",\"mirrors\":[\"" + broken.name() + "\",\"" + mirror.name()
                            + "\"]}]}");
            assertThat(images.pull("a:1", Optional.empty(), progress::add))
                    .satisfies(image -> assertThat(image.names()).containsExactly("a:1"))
                    .extracting(ImageInfo::digest)
                    .isEqualTo(digest.toString());
            assertThat(broken.requests).isNotEmpty();
        }
        Files.writeString(folder.resolve("registries.json"), "{\"registries\":[{\"name\":\"a b\"}]}");
        assertThatThrownBy(() -> pull("a:1")).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    private void mirrors(HostileRegistry... mirrors) throws IOException {
        String names = Stream.of(mirrors).map(one -> '"' + one.name() + '"').collect(Collectors.joining(","));
        Files.writeString(
                folder.resolve("registries.json"),
                "{\"registries\":[{\"name\":\"" + registry.name() + "\",\"mirrors\":[" + names + "]}]}");
    }

    /** One has another config, one other layers, one never all of them. */
    @Test
    void whoMirrorsSomethingElseIsAskedNoMore() throws IOException {
        registry.image("a", "1", "first", "second");
        try (HostileRegistry config = new HostileRegistry();
                HostileRegistry layers = new HostileRegistry();
                HostileRegistry cutting = new HostileRegistry()) {
            List<HostileRegistry> mirrors = List.of(config, layers, cutting);
            mirrors.forEach(one -> one.image("a", "1", "first", "second"));
            config.blobs(one -> true, status(200, Bytes.of("other")));
            layers.blobs(PullSourcesTest::isLayer, status(200, Bytes.of("other")));
            cutting.blobs(PullSourcesTest::isLayer, cutting.cut(0));
            mirrors(config, layers, cutting);
            pull("a:1");
            assertThat(images.check()).isEmpty();
            assertThat(registry.requests).hasSizeGreaterThanOrEqualTo(2).allMatch(one -> isLayer(one.path()));
            for (HostileRegistry one : mirrors) {
                assertThat(progress)
                        .filteredOn(step -> step instanceof ImageProgress.Retry retry
                                && retry.what().contains("the mirror " + one.name() + " is asked no more: "))
                        .hasSize(1);
            }
        }
        assertThat(Directories.names(folder.resolve("images/pins"))).isEmpty();
    }

    private static boolean isLayer(String path) {
        return List.of("first", "second").stream().anyMatch(layer -> path.equals(blobPath("a", Bytes.digest(layer))));
    }

    @Test
    void whereAllGiveSomethingElseItIsSaid() throws IOException {
        registry.image("a", "1", "layer");
        try (HostileRegistry mirror = new HostileRegistry()) {
            mirror.image("a", "1", "layer");
            mirrors(mirror);
            for (HostileRegistry one : List.of(registry, mirror)) {
                one.next(blobPath("a", Bytes.digest("layer")), status(200, Bytes.of("other")));
            }
            refused("a:1", SandboxException.BadImage.class, "what the registry gives for " + Bytes.digest("layer"));
        }
    }
}
