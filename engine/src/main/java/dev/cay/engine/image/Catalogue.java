package dev.cay.engine.image;

import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What is here at one moment, and what can be said of it.
 *
 * @param sharers how many images have a layer
 */
record Catalogue(
        ImageStore store,
        List<StoredImage> images,
        List<References.Name> names,
        Map<String, Digest> users,
        Map<Digest, Integer> sharers) {
    static Catalogue of(ImageStore store) throws IOException {
        return store.locked(() -> {
            List<StoredImage> images = new ArrayList<>();
            Map<Digest, Integer> sharers = new HashMap<>();
            for (Digest digest : store.digests()) {
                Optional<StoredImage> read = readable(store, digest);
                if (read.isEmpty()) {
                    continue;
                }
                StoredImage image = read.get();
                images.add(image);
                Set<Digest> layers = new LinkedHashSet<>(image.config().layers());
                layers.forEach(layer -> sharers.merge(layer, 1, Integer::sum));
            }
            return new Catalogue(store, images, store.names(), store.users(), sharers);
        });
    }

    /** Empty if it is damaged, of which a check tells: the others are there all the same. */
    private static Optional<StoredImage> readable(ImageStore store, Digest digest) throws IOException {
        try {
            return store.read(digest);
        } catch (SandboxException.BadImage e) {
            return Optional.empty();
        }
    }

    /** All of them, in the order in which they came. */
    List<ImageInfo> all() throws IOException {
        List<ImageInfo> list = new ArrayList<>();
        for (StoredImage image : images) {
            list.add(info(image));
        }
        list.sort(Comparator.comparing(ImageInfo::added).thenComparing(ImageInfo::digest));
        return list;
    }

    ImageInfo info(StoredImage image) throws IOException {
        long size = 0;
        long unshared = 0;
        for (Digest digest : new LinkedHashSet<>(image.config().layers())) {
            long layer = store.layers().size(digest);
            size += layer;
            unshared += sharers.getOrDefault(digest, 0) <= 1 ? layer : 0;
        }
        return new ImageInfo(
                image.digest().toString(),
                image.id().toString(),
                names.stream()
                        .filter(name -> name.image().equals(image.digest()))
                        .map(name -> name.reference().familiar())
                        .toList(),
                image.config().config().platform(),
                store.added(image.digest()),
                Size.bytes(size),
                Size.bytes(unshared),
                users.entrySet().stream()
                        .filter(user -> user.getValue().equals(image.digest()))
                        .map(Map.Entry::getKey)
                        .toList());
    }

    ImageDetails details(StoredImage image) throws IOException {
        List<ImageDetails.Layer> layers = new ArrayList<>();
        for (Digest digest : image.config().layers()) {
            LayerFiles.Layer layer = store.layers().read(digest);
            layers.add(
                    new ImageDetails.Layer(digest.toString(), Size.bytes(layer.size()), Size.bytes(layer.content())));
        }
        return new ImageDetails(info(image), image.config().config(), layers);
    }
}
