package dev.cay.engine.container;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The layers of images, each mounted once for all sandboxes of an engine: then they share what of it is in memory. The mounts
 * are detached: visible nowhere on the host, and gone with this process at the latest. The kernel reads EROFS out of a file; where
 * it cannot, out of a loop device.
 *
 * <p>What no sandbox uses stays mounted until a layer is asked for that is not: whoever runs one command after the other in an
 * image does not mount it each time. Thread-safe.
 */
final class ImageMounts implements AutoCloseable {
    private final Kernel kernel;
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

    ImageMounts(Kernel kernel) {
        this.kernel = kernel;
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
            layer = new Layer(mount(file));
            layers.put(file, layer);
        }
        return layer;
    }

    private Fd mount(Path file) throws IOException {
        try {
            return mountFile(file);
        } catch (SyscallException e) {
            // Not every file system lets another read its files so: tmpfs and overlay do not.
            if (e.is(Errno.ENOTBLK)) {
                return new LoopImages(kernel).mount(file, LoopImages.Kind.EROFS);
            }
            throw e;
        }
    }

    private Fd mountFile(Path file) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("erofs"));
        list.add(Mount.set(context, "source", file.toString()));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, Mount.ATTR_RDONLY | Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        list.add(FileOps.close(context));
        return kernel.run(list.build()).fd(mount);
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
