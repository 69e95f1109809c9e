package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import dev.cay.ImageInfo;
import dev.cay.ImageRemoval;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.state.Directories;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LocalImagesTest {
    @TempDir
    private Path base;

    private final Set<String> sandboxes = ConcurrentHashMap.newKeySet();
    private LocalImages images;
    private ImageStore store;

    @BeforeEach
    void here() throws IOException {
        images = LocalImages.open(base, sandboxes::contains, Bytes.MAKER, Surroundings.of(base));
        store = ImageStore.open(base, sandboxes::contains, Bytes.MAKER);
    }

    private List<String> names() {
        return images.list().stream()
                .flatMap(image -> image.names().stream())
                .sorted()
                .toList();
    }

    private int layers() throws IOException {
        return store.layers().all().size();
    }

    @Test
    void sizesAddUp() throws IOException {
        Bytes.put(store, "a:1", "base", "of a");
        Bytes.put(store, "b:1", "base", "just b");
        Digest again = Bytes.put(store, "r.example/b", "base", "just b");

        assertThat(images.list())
                .extracting(ImageInfo::names, ImageInfo::size, ImageInfo::unshared)
                .containsExactlyInAnyOrder(
                        tuple(List.of("a:1"), Size.bytes(8), Size.bytes(4)),
                        tuple(List.of("b:1"), Size.bytes(10), Size.bytes(0)),
                        tuple(List.of("r.example/b:latest"), Size.bytes(10), Size.bytes(0)));
        assertThat(layers()).isEqualTo(3);
        assertThat(images.inspect(again.toString()).config().command()).containsExactly("run r.example/b");
        assertThat(images.check()).isEmpty();
    }

    @Test
    void anImageIsFoundByNameDigestAndId() throws IOException {
        Digest digest = Bytes.put(store, "docker.io/library/a:1", "layer");
        String id = images.inspect("a:1").info().id();

        for (String reference : List.of(
                "a:1",
                "library/a:1",
                "docker.io/a:1",
                "a@" + digest,
                digest.toString(),
                digest.hex(),
                digest.hex().substring(0, 12),
                id,
                id.substring("sha256:".length(), 20))) {
            assertThat(images.digest(reference)).as(reference).isEqualTo(digest.toString());
        }
        for (String reference : List.of("a", "a:2", "b:1", "r.example/a:1", "b@" + digest, "0".repeat(64))) {
            assertThatThrownBy(() -> images.digest(reference)).isInstanceOf(SandboxException.NotFound.class);
        }
        assertThatThrownBy(() -> images.digest("A B")).isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void aNameGoesToAnotherImage() throws IOException {
        Digest first = Bytes.put(store, "a", "one");
        Digest second = Bytes.put(store, "a", "one", "two");

        assertThat(images.digest("a")).isEqualTo(second.toString());
        assertThat(images.inspect(first.toString()).info().names()).isEmpty();
        images.tag(first.hex(), "old");
        assertThat(names()).containsExactly("a:latest", "old:latest");
        assertThat(images.remove("old"))
                .isEqualTo(new ImageRemoval(List.of("old:latest"), List.of(first.toString()), Size.bytes(0)));
        assertThat(images.remove("a").freed()).isEqualTo(Size.bytes(6));
        assertThat(layers()).isZero();
        assertThatThrownBy(() -> images.tag("a", "b")).isInstanceOf(SandboxException.NotFound.class);
    }

    @Test
    void anImageGoesWithItsLastName() throws IOException {
        Digest digest = Bytes.put(store, "a", "layer");
        images.tag("a", "b");

        assertThat(images.remove("a")).isEqualTo(new ImageRemoval(List.of("a:latest"), List.of(), Size.bytes(0)));
        images.tag("b", "c");
        assertThat(images.remove(digest.hex()))
                .isEqualTo(
                        new ImageRemoval(List.of("b:latest", "c:latest"), List.of(digest.toString()), Size.bytes(5)));
        assertThat(images.list()).isEmpty();
    }

    @Test
    void aNameWithADigestGoesAlone() throws IOException {
        Digest digest = Bytes.put(store, "a", "layer");
        Bytes.put(store, "a@" + digest, "layer");
        store.locked(() -> {
            Reference name = Reference.parse("a@" + digest);
            store.give(List.of(new References.Name(name, digest, digest)));
            return name;
        });
        assertThat(images.remove("a@" + digest).names()).containsExactly("a@" + digest);
        assertThat(images.digest("a@" + digest)).isEqualTo(digest.toString());
        assertThat(images.remove("a@" + digest).names()).containsExactly("a:latest");
    }

    @Test
    void whatASandboxUsesStays() throws IOException {
        Digest digest = Bytes.put(store, "a", "lower", "upper");
        sandboxes.add("beef");
        LocalImages.Use use = images.use("a", "beef");

        assertThat(use.digest()).isEqualTo(digest.toString());
        assertThat(use.layers()).hasSize(2);
        assertThat(use.layers().get(0)).hasContent("lower");
        assertThat(use.layers().get(1)).hasContent("upper");
        assertThat(use.config().command()).containsExactly("run a");
        assertThat(images.list().get(0).users()).containsExactly("beef");
        assertThatThrownBy(() -> images.remove("a"))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessageContaining("beef");
        Bytes.put(store, "a", "another");
        assertThat(images.prune(true).digests()).hasSize(1).doesNotContain(digest.toString());
        assertThat(use.layers()).allMatch(Files::exists);
        images.release("beef");
        images.release("beef");
        assertThat(images.prune(false).digests()).containsExactly(digest.toString());
        assertThat(layers()).isZero();
        assertThatThrownBy(() -> images.use("a", "../beef")).isInstanceOf(IllegalArgumentException.class);
    }

    /** As after a restart of the machine, or while a sandbox is being made. */
    @Test
    void aUserThatIsNoSandboxCountsForAMinute() throws IOException {
        Bytes.put(store, "a", "layer");
        images.use("a", "dead");

        assertThatThrownBy(() -> images.remove("a")).isInstanceOf(SandboxException.Conflict.class);
        Files.setLastModifiedTime(
                base.resolve("users/dead"), FileTime.from(Instant.now().minusSeconds(100)));
        assertThat(images.prune(true).names()).containsExactly("a:latest");
        assertThat(Directories.names(base.resolve("users"))).isEmpty();
    }

    @Test
    void aLayerThatIsNotWhatItWasToBeIsNotKept() throws IOException {
        assertThatThrownBy(() -> store.layers().add(Bytes.digest("one"), Bytes.source("two")))
                .isInstanceOf(SandboxException.BadImage.class);
        assertThatThrownBy(() -> store.layers().add(Bytes.digest("one"), () -> Bytes.failing("on")))
                .isInstanceOf(IOException.class);
        assertThat(Directories.names(base.resolve("layers"))).isEmpty();
        store.layers().add(Bytes.digest("one"), Bytes.source("one"));
        assertThat(store.layers().has(Bytes.digest("one"))).isTrue();
    }

    @Test
    void pinnedLayersAreNotPruned() throws IOException {
        store.bringing(pin -> {
            pin.keep(List.of(Bytes.digest("one")));
            store.layers().add(Bytes.digest("one"), Bytes.source("one"));
            store.layers().add(Bytes.digest("two"), Bytes.source("two"));
            try (ExecutorService other = Executors.newSingleThreadExecutor()) {
                assertThat(other.submit(() -> images.prune(true)).get().freed()).isEqualTo(Size.bytes(3));
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            return pin;
        });
        assertThat(store.layers().all()).containsExactly(Bytes.digest("one"));
        images.prune(false);
        assertThat(layers()).isZero();
        assertThat(Directories.names(base.resolve("pins"))).isEmpty();
    }

    /** What a process leaves that is killed at any moment. */
    @Test
    void leftoversArePruned() throws IOException {
        Digest digest = Bytes.put(store, "a", "layer");
        Path dead = Files.createDirectories(
                base.resolve("layers/.new-" + Bytes.digest("other").fileName()));
        Files.writeString(dead.resolve("layer.erofs"), "half");
        Files.createDirectories(base.resolve("layers/.gone-x/y"));
        Path image = Files.createDirectories(base.resolve("images/.new-x"));
        Files.setLastModifiedTime(image, FileTime.from(Instant.EPOCH));
        Files.writeString(base.resolve("pins/x"), digest("layer") + "\n");
        Files.writeString(base.resolve("pins/x.lock"), "");
        Files.writeString(base.resolve("locks/import-x"), "");

        assertThat(images.check()).isEmpty();
        assertThat(images.prune(false)).isEqualTo(new ImageRemoval(List.of(), List.of(), Size.bytes(0)));
        assertThat(Directories.names(base.resolve("layers")))
                .containsExactly(digest("layer").fileName());
        assertThat(Directories.names(base.resolve("images"))).containsExactly(digest.fileName());
        assertThat(Directories.names(base.resolve("pins"))).isEmpty();
        assertThat(Directories.names(base.resolve("locks"))).noneMatch(name -> name.startsWith("import"));
        store.layers().add(Bytes.digest("other"), Bytes.source("other"));
    }

    private static Digest digest(String layer) {
        return Bytes.digest(layer);
    }

    @Test
    void damageIsFound() throws IOException {
        Digest digest = Bytes.put(store, "a", "one", "two");
        Digest other = Bytes.put(store, "b", "one", "three");
        Files.writeString(store.layers().file(digest("one")), "eno");
        Directories.delete(base.resolve("layers").resolve(digest("two").fileName()));
        Path config = base.resolve("images").resolve(other.fileName()).resolve("config");
        Files.writeString(config, Files.readString(config).replace("run b", "run c"));
        store.locked(() -> {
            store.give(List.of(new References.Name(Reference.parse("c"), digest("none"), digest("none"))));
            return null;
        });

        assertThat(images.check())
                .containsExactlyInAnyOrder(
                        "the file of the layer " + digest("one") + " is damaged",
                        "the image " + digest + " lacks its layer " + digest("two"),
                        "the config of the image " + other + " has another digest",
                        "the image of the name c:latest is missing");
        Files.writeString(config, "no config");
        assertThat(images.check()).anyMatch(wrong -> wrong.contains("cannot be read as JSON"));
        assertThat(images.list()).extracting(ImageInfo::digest).containsExactly(digest.toString());
        assertThat(images.prune(false).freed()).isEqualTo(Size.bytes(0));
        images.remove(other.hex());
        images.remove(digest.hex());
        images.remove("c");
        assertThat(images.check()).isEmpty();
    }

    @Test
    void twoThatBringALayerShareTheWork() throws Exception {
        AtomicInteger opened = new AtomicInteger();
        Set<Thread> waiting = ConcurrentHashMap.newKeySet();
        CountDownLatch allWait = new CountDownLatch(3);
        LayerFiles.Source slow = new LayerFiles.Source() {
            @Override
            public InputStream open() throws IOException {
                opened.incrementAndGet();
                try {
                    allWait.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                return Bytes.source("layer").open();
            }

            @Override
            public void waiting() {
                if (waiting.add(Thread.currentThread())) {
                    allWait.countDown();
                }
            }
        };
        List<Future<?>> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int i = 0; i < 4; i++) {
                all.add(threads.submit(() -> {
                    ImageStore.open(base, sandboxes::contains, Bytes.MAKER)
                            .layers()
                            .add(digest("layer"), slow);
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
        assertThat(opened).hasValue(1);
        assertThat(waiting).hasSize(3);
        assertThat(store.layers().has(digest("layer"))).isTrue();
    }

    @Test
    void aDamagedFileOfNamesIsSaid() throws IOException {
        Bytes.put(store, "a", "one");
        Files.writeString(base.resolve("references"), "a b\n");
        assertThatThrownBy(() -> images.list())
                .isInstanceOf(SandboxException.HostFailed.class)
                .hasMessageContaining("references is damaged");
    }
}
