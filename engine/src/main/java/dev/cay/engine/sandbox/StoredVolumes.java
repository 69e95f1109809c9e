package dev.cay.engine.sandbox;

import dev.cay.engine.container.VolumeSource;
import dev.cay.engine.state.VolumeStore;
import java.util.function.Supplier;

/** The volumes of this machine's store, which is opened when one is first named. */
record StoredVolumes(Supplier<VolumeStore> store) implements VolumeSource {
    @Override
    public Place use(String volume, String sandbox) {
        VolumeStore.Place place = store.get().use(volume, sandbox);
        return new Place(place.data(), place.image());
    }

    @Override
    public void release(String volume, String sandbox) {
        store.get().release(volume, sandbox);
    }
}
