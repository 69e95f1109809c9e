package dev.cay.engine.image;

import dev.cay.ImageConfig.Platform;
import dev.cay.ImageProgress;
import dev.cay.ImageProgress.Step;
import dev.cay.SandboxException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Brings one image from its registry: its documents, then its layers, several at a time, each converted as it comes. */
final class Pull {
    /** Layers that come at a time: more than one connection is faster than one, and a processor is busy with each. */
    private static final int PARALLEL = 4;

    private static final int INDEX_DEPTH = 3;
    private static final long PROGRESS_NANOS = 100_000_000;

    private final ImageStore store;
    private final RegistryClient client;
    private final Reference reference;
    private final Platform platform;
    private final Consumer<ImageProgress> listener;

    /** @param listener is called by one thread at a time */
    Pull(
            ImageStore store,
            RegistryClient client,
            Reference reference,
            Platform platform,
            Consumer<ImageProgress> listener) {
        this.store = store;
        this.client = client;
        this.reference = reference;
        this.platform = platform;
        this.listener = listener;
    }

    private record Found(Digest origin, byte[] bytes, Digest digest, ImageDocument.Manifest manifest) {}

    StoredImage run() throws IOException {
        Found found = find();
        List<References.Name> names = List.of(new References.Name(reference, found.digest(), found.origin()));
        listener.accept(new ImageProgress.Found(
                reference.familiar(),
                found.digest().toString(),
                found.manifest().layers().size()));
        return store.bringing(pin -> {
            byte[] config = config(found);
            ConfigDocument document = Documents.config(config, "the config of " + reference.familiar());
            if (document.layers().size() != found.manifest().layers().size()) {
                throw RegistryClient.bad("the config of " + reference.familiar() + " has "
                        + document.layers().size() + " layers, its manifest "
                        + found.manifest().layers().size());
            }
            pin.keep(document.layers());
            layers(found.manifest().layers(), document.layers());
            return store.enter(found.digest(), found.bytes(), config, names);
        });
    }

    private Found find() throws IOException {
        RegistryClient.Fetched fetched = client.document(reference);
        Digest origin = fetched.digest();
        for (int depth = 0; depth < INDEX_DEPTH; depth++) {
            switch (fetched.document()) {
                case ImageDocument.Manifest manifest -> {
                    return new Found(origin, fetched.bytes(), fetched.digest(), manifest);
                }
                case ImageDocument.Index index -> fetched = client.document(reference.at(chosen(index)));
            }
        }
        throw RegistryClient.bad("the indexes of " + reference.familiar() + " lead to no image");
    }

    private Digest chosen(ImageDocument.Index index) {
        return PlatformChoice.choose(index.images(), platform)
                .orElseThrow(() -> {
                    List<String> all = index.images().stream()
                            .flatMap(image -> image.platform().stream())
                            .filter(one -> !one.os().equals("unknown"))
                            .map(Platform::toString)
                            .distinct()
                            .limit(20)
                            .toList();
                    return new SandboxException.NotFound(
                            "there is no image " + reference.familiar() + " for " + platform,
                            "there is one for " + String.join(", ", all));
                })
                .digest();
    }

    /** The config may be here from a pull before. */
    private byte[] config(Found found) throws IOException {
        Optional<byte[]> here = store.config(found.digest());
        if (here.isPresent() && found.manifest().config().digest().isOf(here.get())) {
            return here.get();
        }
        Descriptor descriptor = found.manifest().config();
        return client.blob(reference, descriptor, Documents.MAXIMUM_CONFIG, "the config");
    }

    /** An image can have a layer twice. */
    private void layers(List<Descriptor> descriptors, List<Digest> digests) throws IOException {
        Map<Digest, Descriptor> missing = new LinkedHashMap<>();
        for (int i = 0; i < digests.size(); i++) {
            Descriptor descriptor = descriptors.get(i);
            if (store.layers().has(digests.get(i))) {
                tell(descriptor, Step.PRESENT, descriptor.size());
            } else {
                missing.putIfAbsent(digests.get(i), descriptor);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        ExecutorService threads = Executors.newFixedThreadPool(
                Math.min(PARALLEL, missing.size()),
                Thread.ofPlatform().daemon().name("cay-layer-", 1).factory());
        try {
            ExecutorCompletionService<Digest> coming = new ExecutorCompletionService<>(threads);
            List<Future<Digest>> all = new ArrayList<>();
            missing.forEach((digest, descriptor) -> all.add(coming.submit(() -> layer(digest, descriptor))));
            for (int i = 0; i < all.size(); i++) {
                coming.take().get();
            }
        } catch (ExecutionException e) {
            throw failure(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException.Closed("the pull was interrupted");
        } finally {
            end(threads);
        }
    }

    private static RuntimeException failure(Throwable cause) throws IOException {
        if (cause instanceof IOException io) {
            throw io;
        }
        if (cause instanceof RuntimeException runtime) {
            throw runtime;
        }
        throw new IllegalStateException(cause);
    }

    /** Nothing is left half-done: whoever is still at work takes back what he began. */
    private void end(ExecutorService threads) {
        threads.shutdownNow();
        client.close();
        threads.close();
    }

    private Digest layer(Digest digest, Descriptor descriptor) throws IOException {
        while (true) {
            Coming coming = new Coming(descriptor);
            try {
                store.layers().add(digest, coming);
                tell(descriptor, Step.DONE, descriptor.size());
                return digest;
            } catch (SandboxException.BadImage | SandboxException.RegistryFailed e) {
                if (coming.stream.isEmpty() || !client.distrust(coming.stream.get(), e)) {
                    throw e;
                }
            }
        }
    }

    private final class Coming implements LayerFiles.Source {
        private final Descriptor descriptor;
        private Optional<BlobStream> stream = Optional.empty();

        private Coming(Descriptor descriptor) {
            this.descriptor = descriptor;
        }

        @Override
        public InputStream open() {
            tell(descriptor, Step.PULLING, 0);
            BlobStream opened = client.layer(reference, descriptor, new Throttled(descriptor));
            stream = Optional.of(opened);
            return opened;
        }

        @Override
        public void waiting() {
            tell(descriptor, Step.WAITING, 0);
        }

        @Override
        public void verify() {
            stream.orElseThrow().verify();
        }
    }

    /** Nobody reads more than ten reports a second. */
    private final class Throttled implements BlobStream.Progress {
        private final Descriptor descriptor;
        private long last = System.nanoTime();

        private Throttled(Descriptor descriptor) {
            this.descriptor = descriptor;
        }

        @Override
        public void come(long bytes, long total) {
            long now = System.nanoTime();
            if (now - last >= PROGRESS_NANOS) {
                last = now;
                tell(descriptor, Step.PULLING, bytes);
            }
        }
    }

    private void tell(Descriptor descriptor, Step step, long bytes) {
        listener.accept(new ImageProgress.Layer(descriptor.digest().toString(), step, bytes, descriptor.size()));
    }
}
