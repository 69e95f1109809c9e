package dev.cay.engine.image;

import dev.cay.ImageRemoval;
import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How names, images and layers go: nothing that is in use. */
final class Removal {
    private Removal() {}

    /**
     * Takes a name from an image; with the last one goes the image.
     *
     * @throws SandboxException.Conflict if a sandbox is made of it
     */
    static ImageRemoval of(ImageStore store, String reference) throws IOException {
        return store.locked(() -> {
            Digest digest = store.resolve(reference);
            List<References.Name> all = store.names().stream()
                    .filter(name -> name.image().equals(digest))
                    .toList();
            List<References.Name> meant =
                    all.stream().filter(name -> name.isCalled(reference)).toList();
            List<References.Name> same = meant.stream()
                    .filter(name -> name.reference().equals(Reference.parse(reference)))
                    .toList(); // a digest means names with a tag too, unless it is a name itself
            List<References.Name> taken = meant.isEmpty() ? all : same.isEmpty() ? meant : same;
            if (taken.size() < all.size()) {
                store.take(taken);
                return new ImageRemoval(familiar(taken), List.of(), Size.bytes(0));
            }
            List<String> users = store.users().entrySet().stream()
                    .filter(user -> user.getValue().equals(digest))
                    .map(Map.Entry::getKey)
                    .toList();
            if (!users.isEmpty()) {
                throw new SandboxException.Conflict(
                        "the image " + ImageStore.shown(reference) + " is used by the sandbox "
                                + String.join(", ", users),
                        "remove the sandbox first");
            }
            store.take(taken);
            store.remove(digest);
            long freed = store.removeUnusedLayers();
            return new ImageRemoval(familiar(taken), List.of(digest.toString()), Size.bytes(freed));
        });
    }

    /**
     * Removes what nobody wants, and what killed processes have left.
     *
     * @param all also images that have a name
     */
    static ImageRemoval unused(ImageStore store, boolean all) throws IOException {
        return store.locked(() -> {
            store.sweep();
            Map<String, Digest> users = store.users();
            List<References.Name> names = store.names();
            List<References.Name> taken = new ArrayList<>();
            List<Digest> gone = new ArrayList<>();
            for (Digest digest : store.digests()) {
                List<References.Name> its = names.stream()
                        .filter(name -> name.image().equals(digest))
                        .toList();
                if (!users.containsValue(digest) && (all || its.isEmpty())) {
                    gone.add(digest);
                    taken.addAll(its);
                }
            }
            store.take(taken);
            for (Digest digest : gone) {
                store.remove(digest);
            }
            long freed = store.removeUnusedLayers();
            return new ImageRemoval(
                    familiar(taken), gone.stream().map(Digest::toString).toList(), Size.bytes(freed));
        });
    }

    private static List<String> familiar(List<References.Name> names) {
        return names.stream().map(name -> name.reference().familiar()).toList();
    }
}
