package dev.cay.engine.container;

import dev.cay.linux.Fd;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The layers of images, each mounted once for all sandboxes of an engine: then they share what of it is in memory. The mounts
 * are detached: visible nowhere on the host, and gone with this process at the latest.
 *
 * <p>What no sandbox uses stays mounted until a layer is asked for that is not: whoever runs one command after the other in an
 * image does not mount it each time. Thread-safe.
 */
final class ImageMounts implements AutoCloseable {
    /** Mounts one. */
    interface Mounter {
        /** A detached mount of what is in an EROFS file. */
        Fd mount(Path file) throws IOException;
    }

    private final Mounter mounter;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Path, Layer> layers = new HashMap<>();

    private static final class Layer {
        private final Fd mount;
        private int users;

        private Layer(Fd mount) {
            this.mount = mount;
        }
    }

    /**
     * Somebody's use of some of them.
     *
     * @param layers detached mounts, in the order that they were asked for; to be cloned, not to be closed
     * @param release ends it
     */
    record Use(List<Fd> layers, Runnable release) implements AutoCloseable {
        @Override
        public void close() {
            release.run();
        }
    }

    ImageMounts(Mounter mounter) {
        this.mounter = mounter;
    }

    Use use(List<Path> files) throws IOException {
        lock.lock();
        try {
            if (!layers.keySet().containsAll(files)) {
                dropUnused(files);
            }
            List<Fd> mounts = new ArrayList<>();
            for (Path file : files) {
                mounts.add(layer(file).mount);
            }
            files.forEach(file -> layers.get(file).users++);
            return new Use(List.copyOf(mounts), () -> release(files));
        } finally {
            lock.unlock();
        }
    }

    private Layer layer(Path file) throws IOException {
        Layer layer = layers.get(file);
        if (layer == null) {
            layer = new Layer(mounter.mount(file));
            layers.put(file, layer);
        }
        return layer;
    }

    private void dropUnused(List<Path> wanted) {
        layers.entrySet().removeIf(entry -> {
            boolean useless = entry.getValue().users == 0 && !wanted.contains(entry.getKey());
            if (useless) {
                entry.getValue().mount.close();
            }
            return useless;
        });
    }

    private void release(List<Path> files) {
        lock.lock();
        try {
            files.forEach(file -> {
                Layer layer = layers.get(file);
                if (layer != null) {
                    layer.users--;
                }
            });
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            layers.values().forEach(layer -> layer.mount.close());
            layers.clear();
        } finally {
            lock.unlock();
        }
    }
}
