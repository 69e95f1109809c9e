package dev.cay.engine.image;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Looks at all that is in the store. What a killed process has left is not wrong: it goes with the next prune. */
final class StoreCheck {
    private final ImageStore store;
    private final List<String> wrong = new ArrayList<>();
    private final Set<Digest> layers = new HashSet<>();

    StoreCheck(ImageStore store) {
        this.store = store;
    }

    /** What is wrong, in words. */
    List<String> run() throws IOException {
        store.locked(() -> {
            Set<Digest> images = new HashSet<>(store.digests());
            for (References.Name name : store.names()) {
                if (!images.contains(name.image())) {
                    wrong.add("the image of the name " + name.reference().familiar() + " is missing");
                }
            }
            for (Digest digest : images) {
                image(digest);
            }
            return images;
        });
        // Without the lock, since it takes long: what is removed meanwhile is not wrong.
        for (Digest layer : layers) {
            Optional<String> damage = store.layers().check(layer);
            if (damage.isPresent() && store.layers().has(layer)) {
                wrong.add(damage.get());
            }
        }
        return List.copyOf(wrong);
    }

    private void image(Digest digest) throws IOException {
        Optional<StoredImage> found;
        try {
            found = store.read(digest);
        } catch (SandboxException.BadImage e) {
            wrong.add(e.getMessage());
            return;
        }
        if (found.isEmpty()) {
            wrong.add("the image " + digest + " has lost its manifest or its config");
            return;
        }
        StoredImage image = found.get();
        if (!digest.isOf(Files.readAllBytes(image.manifestFile()))) {
            wrong.add("the manifest of the image " + digest + " has another digest");
        }
        if (!image.id().isOf(Files.readAllBytes(image.configFile()))) {
            wrong.add("the config of the image " + digest + " has another digest");
        }
        for (Digest layer : image.config().layers()) {
            if (store.layers().has(layer)) {
                layers.add(layer);
            } else {
                wrong.add("the image " + digest + " lacks its layer " + layer);
            }
        }
    }
}
