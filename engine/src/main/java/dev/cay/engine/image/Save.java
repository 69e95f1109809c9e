package dev.cay.engine.image;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarWriter;
import dev.cay.engine.erofs.LayerExport;
import dev.cay.engine.json.JsonCopy;
import dev.cay.engine.json.JsonWriter;
import java.io.ByteArrayInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes images into an archive: an OCI image layout, with the file that Docker and podman look for besides. Of layers only what is
 * in them is kept here, so their archives are made anew, and with them the digests. The same image always makes the same archive.
 */
final class Save {
    private static final int MODE = 0644;

    private final ImageStore store;
    private final TarWriter tar;
    private final Map<Digest, Descriptor> layers = new HashMap<>();
    private final Map<String, Content> blobs = new LinkedHashMap<>();

    private Save(ImageStore store, OutputStream target) {
        this.store = store;
        tar = new TarWriter(target);
    }

    /**
     * An image that is to be saved.
     *
     * @param names that the archive is to give it
     */
    private record Wanted(StoredImage image, List<Reference> names) {}

    /** One that is ready to be written. */
    private record Ready(Descriptor manifest, Digest config, List<Digest> layers, List<Reference> names) {}

    /** What a file of the archive has in it. */
    private interface Content {
        long size();

        InputStream open() throws IOException;
    }

    private record Bytes(byte[] bytes) implements Content {
        @Override
        public long size() {
            return bytes.length;
        }

        @Override
        public InputStream open() {
            return new ByteArrayInputStream(bytes);
        }
    }

    private record LayerOf(Path file, long size) implements Content {
        @Override
        public InputStream open() throws IOException {
            return LayerExport.open(file, LayerExport.Form.ARCHIVE);
        }
    }

    static void run(ImageStore store, List<String> references, OutputStream target) throws IOException {
        List<Wanted> wanted = new ArrayList<>();
        store.bringing(pin -> {
            pin.keepAll();
            for (String reference : references) {
                StoredImage image = store.find(reference);
                wanted.add(new Wanted(image, names(store, image, reference)));
            }
            new Save(store, target).write(wanted);
            return wanted;
        });
    }

    /** The name that was asked for, or all if it was a digest. */
    private static List<Reference> names(ImageStore store, StoredImage image, String reference) throws IOException {
        List<References.Name> all = store.names().stream()
                .filter(name -> name.image().equals(image.digest()))
                .filter(name -> name.reference().tag().isPresent())
                .toList();
        List<References.Name> meant =
                all.stream().filter(name -> name.isCalled(reference)).toList();
        return (meant.isEmpty() ? all : meant)
                .stream().map(References.Name::reference).toList();
    }

    private void write(List<Wanted> wanted) throws IOException {
        List<Ready> images = new ArrayList<>();
        for (Wanted one : wanted) {
            images.add(ready(one));
        }
        add("oci-layout", new Bytes(bytes("{\"imageLayoutVersion\":\"1.0.0\"}")));
        for (Map.Entry<String, Content> blob : blobs.entrySet()) {
            add(blob.getKey(), blob.getValue());
        }
        add("index.json", new Bytes(index(images)));
        add("manifest.json", new Bytes(docker(images)));
        tar.finish();
    }

    private Ready ready(Wanted wanted) throws IOException {
        StoredImage image = wanted.image();
        List<Descriptor> descriptors = new ArrayList<>();
        for (Digest digest : image.config().layers()) {
            descriptors.add(layer(digest));
        }
        List<Digest> digests = descriptors.stream().map(Descriptor::digest).toList();
        byte[] config = Files.readAllBytes(image.configFile());
        if (!digests.equals(image.config().layers())) {
            List<String> texts = digests.stream().map(Digest::toString).toList();
            config = JsonCopy.withTexts(config, "rootfs", "diff_ids", texts);
        }
        byte[] manifest = NewImage.manifest(config, descriptors);
        blobs.put(blob(Digest.of(config)), new Bytes(config));
        blobs.put(blob(Digest.of(manifest)), new Bytes(manifest));
        return new Ready(Descriptor.of(MediaTypes.OCI_MANIFEST, manifest), Digest.of(config), digests, wanted.names());
    }

    /** Makes the archive of a layer a first time, to know its digest and size. */
    private Descriptor layer(Digest digest) throws IOException {
        Descriptor known = layers.get(digest);
        if (known != null) {
            return known;
        }
        Path file = store.layers().file(digest);
        MessageDigest computed = Digest.Algorithm.SHA256.start();
        Counted counted = new Counted(new DigestOutputStream(OutputStream.nullOutputStream(), computed));
        LayerExport.write(file, LayerExport.Form.ARCHIVE, counted);
        Descriptor descriptor = new Descriptor(
                MediaTypes.OCI_LAYER,
                Digest.end(Digest.Algorithm.SHA256, computed),
                counted.count,
                Optional.empty(),
                Optional.empty());
        layers.put(digest, descriptor);
        blobs.put(blob(descriptor.digest()), new LayerOf(file, descriptor.size()));
        return descriptor;
    }

    private static String blob(Digest digest) {
        return "blobs/" + digest.toString().replace(':', '/');
    }

    private static byte[] index(List<Ready> images) {
        List<Map.Entry<Ready, Optional<Reference>>> entries = new ArrayList<>();
        for (Ready image : images) {
            if (image.names().isEmpty()) {
                entries.add(Map.entry(image, Optional.empty()));
            }
            image.names().forEach(name -> entries.add(Map.entry(image, Optional.of(name))));
        }
        return bytes(JsonWriter.object(out -> out.field("schemaVersion", 2)
                .field("mediaType", MediaTypes.OCI_INDEX)
                .objects("manifests", entries, (fields, entry) -> {
                    NewImage.descriptor(fields, entry.getKey().manifest());
                    entry.getValue()
                            .ifPresent(name -> fields.object(
                                    "annotations",
                                    notes -> notes.field("io.containerd.image.name", name.toString())
                                            .field("org.opencontainers.image.ref.name", name.version())));
                })));
    }

    private static byte[] docker(List<Ready> images) {
        List<String> objects = images.stream()
                .map(image -> JsonWriter.object(out -> out.field("Config", blob(image.config()))
                        .texts(
                                "RepoTags",
                                image.names().stream().map(Reference::familiar).toList())
                        .texts("Layers", image.layers().stream().map(Save::blob).toList())))
                .toList();
        return bytes("[" + String.join(",", objects) + "]");
    }

    private void add(String name, Content content) throws IOException {
        TarEntry entry = new TarEntry(
                ByteString.of(name), new TarEntry.Kind.File(content.size()), MODE, 0, 0, Instant.EPOCH, Map.of());
        try (InputStream in = content.open()) {
            tar.add(entry, in);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static final class Counted extends FilterOutputStream {
        private long count;

        Counted(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int value) throws IOException {
            out.write(value);
            count++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            out.write(bytes, offset, length);
            count += length;
        }
    }
}
