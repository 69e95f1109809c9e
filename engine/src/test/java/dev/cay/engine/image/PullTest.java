package dev.cay.engine.image;

import static dev.cay.engine.image.HostileRegistry.blobPath;
import static dev.cay.engine.image.HostileRegistry.head;
import static dev.cay.engine.image.HostileRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ImageConfig.Platform;
import dev.cay.ImageInfo;
import dev.cay.ImageProgress;
import dev.cay.ImageProgress.Step;
import dev.cay.SandboxException;
import dev.cay.engine.image.HostileRegistry.Behaviour;
import dev.cay.engine.state.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls from registries that do what they should not. */
final class PullTest {
    private static final Patience SHORT =
            new Patience(4, Duration.ofMillis(1), Duration.ofMillis(20), Duration.ofMillis(500));

    @TempDir
    private Path folder;

    private final List<ImageProgress> progress = new CopyOnWriteArrayList<>();
    private final Map<String, String> variables = new HashMap<>();
    private HostileRegistry registry;
    private LocalImages images;

    @BeforeEach
    void here() throws IOException {
        registry = new HostileRegistry();
        images = open();
    }

    @AfterEach
    void end() {
        images.close();
        registry.close();
    }

    private LocalImages open() throws IOException {
        Surroundings surroundings = new Surroundings(
                folder.resolve("registries.json"), folder.resolve("credentials.json"), variables::get, SHORT);
        return LocalImages.open(folder.resolve("images"), _ -> false, Bytes.MAKER, surroundings);
    }

    private ImageInfo pull(String name) {
        return images.pull(registry.name() + "/" + name, Optional.empty(), progress::add);
    }

    /** What is half done, or there for nothing; a layer that has come whole stays for the next attempt. */
    private List<String> left() throws IOException {
        List<String> left = new ArrayList<>();
        for (String part : List.of("layers", "images", "pins", "users")) {
            left.addAll(Directories.names(folder.resolve("images").resolve(part)));
        }
        left.removeIf(name -> Files.exists(folder.resolve("images/layers").resolve(name)) && !name.startsWith("."));
        return left;
    }

    private void refused(String name, Class<? extends SandboxException> type, String message) throws IOException {
        assertThatThrownBy(() -> pull(name)).isInstanceOf(type).hasMessageContaining(message);
        assertThat(images.list()).isEmpty();
        assertThat(left()).isEmpty();
    }

    @Test
    void anImageComesWithItsLayers() throws IOException {
        Digest digest = registry.image("a/b", "1", "lower", "upper", "lower");
        ImageInfo image = pull("a/b:1");

        assertThat(image.digest()).isEqualTo(digest.toString());
        assertThat(image.names()).containsExactly(registry.name() + "/a/b:1");
        assertThat(images.use(image.digest(), "aaaa").layers())
                .hasSize(3)
                .first()
                .satisfies(file -> assertThat(file).hasContent("lower"));
        assertThat(images.check()).isEmpty();
        assertThat(progress).first().isEqualTo(new ImageProgress.Found(registry.name() + "/a/b:1", image.digest(), 3));
        assertThat(progress).filteredOn(PullTest::isDone).hasSize(2);

        progress.clear();
        registry.requests.clear();
        pull("a/b:1");
        assertThat(registry.requests)
                .extracting(HostileRegistry.Request::path)
                .allMatch(path -> path.contains("manifests"));
        assertThat(progress)
                .filteredOn(step -> step instanceof ImageProgress.Layer layer && layer.step() == Step.PRESENT)
                .hasSize(3);
    }

    @Test
    void whatIsDamagedIsMended() throws IOException {
        Digest digest = registry.image("a", "1", "lower", "upper");
        pull("a:1");
        Path image = folder.resolve("images/images").resolve(digest.fileName());
        Files.writeString(image.resolve("config"), "damaged");
        Files.writeString(image.resolve("manifest"), "{}");
        Directories.delete(
                folder.resolve("images/layers").resolve(Bytes.digest("lower").fileName()));
        assertThat(images.check()).isNotEmpty();
        pull("a:1");

        assertThat(images.check()).isEmpty();
        assertThat(images.inspect(digest.toString()).layers()).hasSize(2);
    }

    private static boolean isDone(ImageProgress progress) {
        return progress instanceof ImageProgress.Layer layer && layer.step() == Step.DONE;
    }

    @Test
    void anIndexLeadsToTheImageOfThisMachine() {
        Digest amd = registry.image("a", "amd", "for amd64");
        Digest arm = registry.image("a", "arm", "for arm64");
        byte[] index = Bytes.of(
                "{\"schemaVersion\":2,\"manifests\":[" + entry(arm, "arm64") + "," + entry(amd, "amd64") + "]}");
        registry.manifest("a", "1", MediaTypes.OCI_INDEX, index);

        assertThat(images.pull(registry.name() + "/a:1", Optional.of(Platform.parse("linux/amd64")), progress::add)
                        .digest())
                .isEqualTo(amd.toString());
        assertThat(images.digest(registry.name() + "/a@" + Digest.of(index))).isEqualTo(amd.toString());
        assertThat(images.pull(registry.name() + "/a:1", Optional.of(Platform.parse("linux/arm64")), progress::add)
                        .digest())
                .isEqualTo(arm.toString());
        assertThatThrownBy(() -> images.pull(
                        registry.name() + "/a:1", Optional.of(Platform.parse("linux/s390x")), progress::add))
                .isInstanceOfSatisfying(
                        SandboxException.NotFound.class,
                        e -> assertThat(e.hint()).contains("linux/arm64, linux/amd64"));
    }

    private static String entry(Digest digest, String architecture) {
        return "{\"digest\":\"" + digest + "\",\"size\":9,\"platform\":{\"os\":\"linux\",\"architecture\":\""
                + architecture + "\"}}";
    }

    /** Cut at each byte: the rest is asked for. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5, 11})
    void aLayerThatIsCutIsContinued(int after) throws IOException {
        String layer = "a layer that is cut";
        registry.image("a", "1", layer, "another");
        String path = blobPath("a", Bytes.digest(layer));
        registry.next(path, registry.cut(after), registry.cut(3));
        pull("a:1");

        assertThat(registry.requests(path))
                .extracting(request -> request.headers().getOrDefault("range", "none"))
                .containsExactly("none", after == 0 ? "none" : "bytes=" + after + "-", "bytes=" + (after + 3) + "-");
        assertThat(images.check()).isEmpty();
        assertThat(progress).filteredOn(ImageProgress.Retry.class::isInstance).hasSize(2);
    }

    @Test
    void aRegistryThatKnowsNoRangesGivesAllAgain() {
        String layer = "a layer that is cut";
        registry.image("a", "1", layer);
        Behaviour whole = status(200, Bytes.of(layer));
        registry.next(blobPath("a", Bytes.digest(layer)), registry.cut(4), whole);
        pull("a:1");

        assertThat(images.check()).isEmpty();
    }

    @Test
    void whoeverGivesNothingAnyMoreIsGivenUp() throws IOException {
        String layer = "a layer that never comes";
        registry.image("a", "1", layer);
        Behaviour none = registry.cut(0);
        registry.next(blobPath("a", Bytes.digest(layer)), registry.cut(7), none, none, none, none, none, none, none);

        refused("a:1", SandboxException.RegistryFailed.class, "bytes received");
    }

    @Test
    void whoeverSaysNothingIsAskedAgain() {
        String layer = "a layer that stops";
        registry.image("a", "1", layer);
        registry.next(blobPath("a", Bytes.digest(layer)), registry.silent(5));
        registry.next("/v2/a/manifests/1", registry.silent(9), (_, _) -> Thread.sleep(60_000));
        pull("a:1");

        assertThat(images.check()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 429, 500, 502, 503})
    void whatMayPassIsTriedAgain(int code) {
        String layer = "layer";
        registry.image("a", "1", layer);
        registry.next("/v2/a/manifests/1", status(code, "Retry-After: 100000"), status(code, "Retry-After: nonsense"));
        registry.next(blobPath("a", Bytes.digest(layer)), status(code));
        pull("a:1");

        assertThat(progress)
                .filteredOn(ImageProgress.Retry.class::isInstance)
                .extracting(retry -> ((ImageProgress.Retry) retry).delay())
                .containsExactly(Duration.ofMillis(20), Duration.ofMillis(2), Duration.ofMillis(1));
    }

    @Test
    void butNotForEver() throws IOException {
        registry.image("a", "1", "layer");
        registry.always = status(503);
        assertThatThrownBy(() -> pull("a:1"))
                .isInstanceOfSatisfying(
                        SandboxException.RegistryFailed.class,
                        e -> assertThat(e.status()).isEqualTo(503));
        assertThat(registry.requests("/v2/a/manifests/1")).hasSize(4);
        assertThat(left()).isEmpty();
    }

    @Test
    void whatIsNotThereIsNotFound() throws IOException {
        registry.image("a", "1", "layer");
        refused("a:2", SandboxException.NotFound.class, "manifest unknown?[31m");
    }

    @Test
    void otherBytesThanWereMeantAreRefused() throws IOException {
        registry.image("a", "1", "layer", "other");
        Digest digest = Bytes.digest("layer");

        registry.next(blobPath("a", digest), status(200, Bytes.of("LAYER")));
        refused("a:1", SandboxException.BadImage.class, "is sha256:");
        registry.next(blobPath("a", digest), status(200, Bytes.of("layer and more")));
        refused("a:1", SandboxException.BadImage.class, "longer than 5");
        registry.next(blobPath("a", digest), (_, out) -> {
            out.write(Bytes.of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
            while (true) {
                out.write(Bytes.of("400\r\n" + "x".repeat(0x400) + "\r\n"));
            }
        });
        refused("a:1", SandboxException.BadImage.class, "longer than 5");
        registry.next("/v2/a/manifests/" + digest, status(200, Bytes.of("{}")));
        refused("a@" + digest, SandboxException.BadImage.class, "another digest");
        byte[] config = Bytes.config("x", List.of("layer"));
        registry.blob("a", config);
        registry.manifest("a", "2", MediaTypes.OCI_MANIFEST, Bytes.manifest(config, List.of("layer", "other")));
        refused("a:2", SandboxException.BadImage.class, "1 layers, its manifest 2");
        images.prune(false); // what is here by its digest would not be asked for
        byte[] mixed = Bytes.config("x", List.of("other", "layer"));
        registry.blob("a", mixed);
        registry.manifest("a", "3", MediaTypes.OCI_MANIFEST, Bytes.manifest(mixed, List.of("layer", "layer")));
        refused("a:3", SandboxException.BadImage.class, "instead of");
        pull("a:1");
    }

    @Test
    void documentsWithoutEndAreRefused() throws IOException {
        registry.image("a", "1", "layer");
        registry.next("/v2/a/manifests/1", (_, out) -> {
            head(out, 200, Long.MAX_VALUE);
            byte[] blanks = new byte[1 << 20];
            while (true) {
                out.write(blanks);
            }
        });
        refused("a:1", SandboxException.BadImage.class, "larger than");
        byte[] manifest = Bytes.of("{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" + MediaTypes.OCI_CONFIG
                + "\",\"digest\":\"" + Bytes.digest("x") + "\",\"size\":99999999},\"layers\":[]}");
        registry.manifest("a", "2", MediaTypes.OCI_MANIFEST, manifest);
        refused("a:2", SandboxException.BadImage.class, "larger than");
        byte[] loop =
                Bytes.of("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" + Bytes.digest("y") + "\",\"size\":3}]}");
        registry.manifest("a", "3", MediaTypes.OCI_INDEX, loop);
        refused("a:3", SandboxException.NotFound.class, "has no");
    }

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
            layers.blobs(PullTest::isLayer, status(200, Bytes.of("other")));
            cutting.blobs(PullTest::isLayer, cutting.cut(0));
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

    @Test
    void theSecondJoinsTheFirst() throws Exception {
        String layer = "a layer that takes its time";
        registry.image("a", "1", layer);
        CountDownLatch waiting = new CountDownLatch(1);
        String path = blobPath("a", Bytes.digest(layer));
        Behaviour proper = registry.always;
        registry.next(path, (request, out) -> {
            waiting.await();
            proper.answer(request, out);
        });
        List<Future<ImageInfo>> both = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            for (int i = 0; i < 2; i++) {
                LocalImages mine = open();
                both.add(threads.submit(() -> mine.pull(registry.name() + "/a:1", Optional.empty(), step -> {
                    if (step instanceof ImageProgress.Layer one && one.step() == Step.WAITING) {
                        waiting.countDown();
                    }
                })));
            }
            assertThat(both.get(0).get().digest()).isEqualTo(both.get(1).get().digest());
        }
        assertThat(registry.requests(path)).hasSize(1);
        assertThat(images.check()).isEmpty();
        assertThat(Directories.names(folder.resolve("images/pins"))).isEmpty();
    }

    @Test
    void whatIsClosedInTheMiddleLeavesNothing() throws Exception {
        String layer = "a layer that never ends";
        registry.image("a", "1", layer, "other");
        CountDownLatch asked = new CountDownLatch(1);
        registry.next(blobPath("a", Bytes.digest(layer)), (request, out) -> {
            asked.countDown();
            registry.silent(7).answer(request, out);
        });
        try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
            Future<ImageInfo> pull = thread.submit(() -> pull("a:1"));
            asked.await();
            images.close();
            assertThatThrownBy(pull::get).hasCauseInstanceOf(SandboxException.Closed.class);
        }
        images = open();
        assertThat(left()).isEmpty();
        images.prune(false);
        assertThat(Directories.names(folder.resolve("images/layers"))).isEmpty();
    }

    @Test
    void whoSpeaksNoTlsMaySayNothing() {
        registry.image("a", "1", "layer");
        registry.mute = true;
        pull("a:1");

        assertThat(images.check()).isEmpty();
        assertThat(progress).noneMatch(ImageProgress.Retry.class::isInstance);
    }

    @Test
    void nobodyListens() throws IOException {
        registry.close();
        refused("a:1", SandboxException.RegistryFailed.class, registry.name() + ": nobody listens there");
        assertThat(progress).hasSize(SHORT.attempts() - 1).allMatch(ImageProgress.Retry.class::isInstance);
    }

    /** RFC 6761: no name server knows such a name. */
    @Test
    void aNameOfNobodyIsSaidAtOnce() {
        assertThatThrownBy(() -> images.pull("registry.invalid/a:1", Optional.empty(), progress::add))
                .isInstanceOfSatisfying(
                        SandboxException.RegistryFailed.class,
                        e -> assertThat(e.hint()).contains("spelling"))
                .hasMessageContaining("registry.invalid: there is no host of that name");
        assertThat(progress).isEmpty();
    }

    @Test
    void aProxyThatIsNotThereIsNamed() {
        variables.put("HTTPS_PROXY", "http://user:secret@127.0.0.1:1");
        assertThatThrownBy(() -> images.pull("registry.invalid/a:1", Optional.empty(), progress::add))
                .isInstanceOf(SandboxException.RegistryFailed.class)
                .hasMessageContaining("the proxy 127.0.0.1:1 (HTTPS_PROXY): nobody listens there");
        variables.put("HTTPS_PROXY", "socks5://127.0.0.1:1");
        assertThatThrownBy(() -> images.pull("registry.invalid/a:1", Optional.empty(), progress::add))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
