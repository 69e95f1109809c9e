package dev.cay.engine.sandbox;

import dev.cay.engine.container.ImageSource;
import dev.cay.engine.image.LocalImages;
import java.util.function.Supplier;

/** The images of this machine's store, which is opened when one is first named. */
record StoredImages(Supplier<LocalImages> store) implements ImageSource {
    @Override
    public String digest(String reference) {
        return store.get().digest(reference);
    }

    @Override
    public Found find(String reference) {
        LocalImages.Found found = store.get().found(reference);
        return new Found(found.digest(), found.config());
    }

    @Override
    public Image use(String reference, String sandbox) {
        LocalImages.Use use = store.get().use(reference, sandbox);
        return new Image(use.digest(), use.layers(), use.config());
    }

    @Override
    public void release(String sandbox) {
        store.get().release(sandbox);
    }
}
