package dev.cay.engine.image;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Collectors;

/** Images of which the layers are any bytes, kept as they are. */
final class Bytes {
    static final LayerMaker MAKER = (archive, file) -> {
        byte[] content = archive.readAllBytes();
        Files.write(file, content, StandardOpenOption.CREATE_NEW);
        return new LayerMaker.Made(Digest.of(content), content.length, false);
    };

    private Bytes() {}

    static byte[] of(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static Digest digest(String text) {
        return Digest.of(of(text));
    }

    static LayerFiles.Source source(String content) {
        return () -> new ByteArrayInputStream(of(content));
    }

    /** The config of an image with these layers. */
    static byte[] config(String command, List<String> layers) {
        String digests =
                layers.stream().map(layer -> "\"" + digest(layer) + "\"").collect(Collectors.joining(","));
        return of("{\"os\":\"linux\",\"architecture\":\"amd64\",\"config\":{\"Cmd\":[\"" + command
                + "\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" + digests + "]}}");
    }

    static byte[] manifest(byte[] config, List<String> layers) {
        String descriptors = layers.stream()
                .map(layer -> descriptor(MediaTypes.OCI_LAYER, of(layer)))
                .collect(Collectors.joining(","));
        return of("{\"schemaVersion\":2,\"mediaType\":\"" + MediaTypes.OCI_MANIFEST + "\",\"config\":"
                + descriptor(MediaTypes.OCI_CONFIG, config) + ",\"layers\":[" + descriptors + "]}");
    }

    static String descriptor(String type, byte[] content) {
        return "{\"mediaType\":\"" + type + "\",\"digest\":\"" + Digest.of(content) + "\",\"size\":" + content.length
                + "}";
    }

    /** Brings an image as a pull does. */
    static Digest put(ImageStore store, String name, String... layers) throws IOException {
        byte[] config = config("run " + name, List.of(layers));
        byte[] manifest = manifest(config, List.of(layers));
        Digest digest = Digest.of(manifest);
        return store.bringing(pin -> {
            pin.keep(List.of(layers).stream().map(Bytes::digest).toList());
            for (String layer : layers) {
                store.layers().add(digest(layer), source(layer));
            }
            List<References.Name> names =
                    name.isEmpty() ? List.of() : List.of(new References.Name(Reference.parse(name), digest, digest));
            return store.enter(digest, manifest, config, names).digest();
        });
    }

    /** A stream that fails in the middle. */
    static InputStream failing(String content) {
        return new InputStream() {
            private final InputStream in = new ByteArrayInputStream(of(content));

            @Override
            public int read(byte[] target, int offset, int length) throws IOException {
                target[offset] = (byte) read();
                return 1;
            }

            @Override
            public int read() throws IOException {
                int next = in.read();
                if (next < 0) {
                    throw new IOException("connection reset");
                }
                return next;
            }
        };
    }
}
