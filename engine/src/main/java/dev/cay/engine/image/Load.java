package dev.cay.engine.image;

import dev.cay.ImageProgress;
import dev.cay.ImageProgress.Step;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Takes images from an archive: an OCI image layout (image-layout.md of the OCI image specification), or what {@code docker save} wrote
 * before it wrote that.
 */
final class Load {
    private static final String OCI_INDEX = "index.json";
    private static final String DOCKER_MANIFEST = "manifest.json";
    private static final int MAXIMUM_IMAGES = 1000;

    private final ImageStore store;
    private final Unpacked archive;
    private final Consumer<ImageProgress> listener;
    private final List<StoredImage> loaded = new ArrayList<>();

    private Load(ImageStore store, Unpacked archive, Consumer<ImageProgress> listener) {
        this.store = store;
        this.archive = archive;
        this.listener = listener;
    }

    static List<StoredImage> run(ImageStore store, InputStream archive, Consumer<ImageProgress> listener)
            throws IOException {
        return store.bringing(pin -> {
            pin.keepAll();
            Load load = new Load(store, Unpacked.read(archive, pin.directory()), listener);
            load.all();
            return load.loaded;
        });
    }

    private void all() throws IOException {
        if (archive.find(OCI_INDEX).isPresent()) {
            layout();
        } else if (archive.find(DOCKER_MANIFEST).isPresent()) {
            docker();
        } else {
            throw Unpacked.bad("it has neither " + OCI_INDEX + " nor " + DOCKER_MANIFEST, null);
        }
        if (loaded.isEmpty()) {
            throw Unpacked.bad("there is no image in it", null);
        }
    }

    private void layout() throws IOException {
        byte[] index = archive.bytes(OCI_INDEX, Documents.MAXIMUM_MANIFEST);
        if (!(Documents.document(index, MediaTypes.OCI_INDEX, OCI_INDEX) instanceof ImageDocument.Index images)) {
            throw Unpacked.bad(OCI_INDEX + " is no index", null);
        }
        for (Descriptor descriptor : images.images()) {
            image(descriptor, descriptor.digest(), name(descriptor.name()), 0);
        }
    }

    /** What a descriptor leads to: an image, or an index that has one for this machine. */
    private void image(Descriptor descriptor, Digest origin, Optional<Reference> name, int depth) throws IOException {
        String what = "the manifest " + descriptor.digest();
        byte[] bytes = verified(descriptor, Documents.MAXIMUM_MANIFEST, what);
        switch (Documents.document(bytes, descriptor.mediaType(), what)) {
            case ImageDocument.Index index -> {
                Descriptor chosen = PlatformChoice.choose(index.images(), PlatformChoice.current())
                        .orElseThrow(() -> Unpacked.bad("it has no image for this machine", null));
                if (depth > 2) {
                    throw Unpacked.bad("its indexes lead to no image", null);
                }
                image(chosen, origin, name, depth + 1);
            }
            case ImageDocument.Manifest manifest -> {
                byte[] config = verified(manifest.config(), Documents.MAXIMUM_CONFIG, "the config");
                List<Layer> layers = new ArrayList<>();
                for (Descriptor layer : manifest.layers()) {
                    layers.add(new Layer(archive.file(blob(layer.digest())), Optional.of(layer)));
                }
                layers(config, layers);
                Digest digest = descriptor.digest();
                List<Reference> names = name.stream().toList();
                loaded.add(store.enter(digest, bytes, config, named(names, digest, origin)));
            }
        }
    }

    private static String blob(Digest digest) {
        return "blobs/" + digest.toString().replace(':', '/');
    }

    private byte[] verified(Descriptor descriptor, int maximum, String what) throws IOException {
        byte[] bytes = archive.bytes(blob(descriptor.digest()), maximum);
        if (!descriptor.digest().isOf(bytes)) {
            throw Unpacked.bad(what + " has another digest", null);
        }
        return bytes;
    }

    /** What is no whole name, as in skopeo's archives without one, is none. */
    private static Optional<Reference> name(Optional<String> text) {
        if (text.isEmpty() || text.get().equals("latest")) {
            return Optional.empty();
        }
        try {
            return Optional.of(Reference.parse(text.get()));
        } catch (SandboxException.InvalidSpec e) {
            return Optional.empty();
        }
    }

    /** One of the images that manifest.json tells of. */
    private static final class Saved {
        private String config = "";
        private List<String> names = List.of();
        private List<String> layers = List.of();
    }

    private void docker() throws IOException {
        byte[] manifest = archive.bytes(DOCKER_MANIFEST, Documents.MAXIMUM_MANIFEST);
        List<Saved> images = Documents.read(
                manifest, Documents.MAXIMUM_MANIFEST, DOCKER_MANIFEST, reader -> reader.documents(() -> saved(reader)));
        if (images.size() > MAXIMUM_IMAGES) {
            throw Unpacked.bad("it has more than " + MAXIMUM_IMAGES + " images", null);
        }
        for (Saved image : images) {
            byte[] config = archive.bytes(image.config, Documents.MAXIMUM_CONFIG);
            List<Layer> layers = new ArrayList<>();
            for (String layer : image.layers) {
                layers.add(new Layer(archive.file(layer), Optional.empty()));
            }
            List<Reference> names = new ArrayList<>();
            image.names.forEach(text -> name(Optional.of(text)).ifPresent(names::add));
            enterDocker(config, layers, names);
        }
    }

    private static Saved saved(JsonReader reader) {
        Saved image = new Saved();
        reader.object("an image", field -> {
            switch (field) {
                case "Config" -> image.config = reader.text(field);
                case "RepoTags" -> image.names = reader.texts(field);
                case "Layers" -> image.layers = reader.texts(field);
                default -> reader.skip();
            }
        });
        return image;
    }

    /** The manifest that Docker did not write. */
    private void enterDocker(byte[] config, List<Layer> layers, List<Reference> names) throws IOException {
        ConfigDocument document = layers(config, layers);
        List<Descriptor> descriptors = new ArrayList<>();
        for (Digest digest : document.layers()) {
            descriptors.add(NewImage.layer(store.layers().read(digest)));
        }
        byte[] manifest = NewImage.manifest(config, descriptors);
        Digest digest = Digest.of(manifest);
        loaded.add(store.enter(digest, manifest, config, named(names, digest, digest)));
    }

    private static List<References.Name> named(List<Reference> names, Digest digest, Digest origin) {
        return names.stream()
                .map(name -> new References.Name(name, digest, origin))
                .toList();
    }

    /**
     * A layer in the archive.
     *
     * @param descriptor what was said of it, if anything was
     */
    private record Layer(Path file, Optional<Descriptor> descriptor) {}

    private ConfigDocument layers(byte[] config, List<Layer> layers) throws IOException {
        ConfigDocument document = Documents.config(config, "the config");
        if (document.layers().size() != layers.size()) {
            throw Unpacked.bad(
                    "an image has " + layers.size() + " layers, its config "
                            + document.layers().size(),
                    null);
        }
        for (int i = 0; i < layers.size(); i++) {
            layer(document.layers().get(i), layers.get(i));
        }
        return document;
    }

    private void layer(Digest digest, Layer layer) throws IOException {
        long size = Files.size(layer.file());
        String shown = layer.descriptor().map(Descriptor::digest).orElse(digest).toString();
        if (store.layers().has(digest)) {
            listener.accept(new ImageProgress.Layer(shown, Step.PRESENT, size, size));
            return;
        }
        listener.accept(new ImageProgress.Layer(shown, Step.PULLING, 0, size));
        store.layers().add(digest, new FileSource(layer));
        listener.accept(new ImageProgress.Layer(shown, Step.DONE, size, size));
    }

    /** Reads a file of the archive and verifies it. */
    private static final class FileSource implements LayerFiles.Source {
        private final Layer layer;
        private final Digest.Algorithm algorithm;
        private final MessageDigest digest;

        FileSource(Layer layer) {
            this.layer = layer;
            algorithm = layer.descriptor().map(one -> one.digest().algorithm()).orElse(Digest.Algorithm.SHA256);
            digest = algorithm.start();
        }

        @Override
        public InputStream open() throws IOException {
            InputStream in = Files.newInputStream(layer.file());
            return layer.descriptor().isPresent() ? new DigestInputStream(in, digest) : in;
        }

        @Override
        public void verify() {
            if (layer.descriptor().isPresent()
                    && !layer.descriptor().get().digest().equals(Digest.end(algorithm, digest))) {
                throw Unpacked.bad(
                        "a layer has another digest than "
                                + layer.descriptor().get().digest(),
                        null);
            }
        }
    }
}
