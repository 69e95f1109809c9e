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
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls from registries that do what they should not. */
final class PullTest extends PullFixture {
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
