package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The lower layers that all sandboxes of an engine share, made when first needed. Each is a detached mount: it is visible
 * nowhere on the host and gone with its last descriptor. Thread-safe.
 */
final class Layers implements AutoCloseable {
    /** What a sandbox mounts on. */
    static final List<String> MOUNT_POINTS = List.of("dev", "proc", "sys", "tmp");

    /** Which of them. */
    enum Layer {
        /** See {@link HostSkeleton}. */
        HOST,
        /** The same with the host's name servers, for sandboxes on its network. */
        HOST_WITH_NETWORK,
        /** What lies over the image of a sandbox: see {@link HostSkeleton#names}. */
        NAMES,
        /** The same with the host's name servers. */
        NAMES_WITH_NETWORK,
        /** Nothing but the directories that a sandbox mounts on, for root file systems that lack them. */
        MOUNT_POINTS,
        /** Nothing at all, to hide directories with. */
        EMPTY
    }

    private final Kernel kernel;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Layer, Fd> layers = new EnumMap<>(Layer.class);

    private final Optional<SkeletonCache> skeletons;

    /** @param skeletons where those of earlier engines are, if this one can share them */
    Layers(Kernel kernel, Optional<SkeletonCache> skeletons) {
        this.kernel = kernel;
        this.skeletons = skeletons;
    }

    Fd get(Layer layer) throws IOException {
        lock.lock();
        try {
            Fd existing = layers.get(layer);
            if (existing != null) {
                return existing;
            }
            Fd made = switch (layer) {
                case HOST -> skeletons.isPresent() ? skeletons.get().mount() : HostSkeleton.build(kernel, false);
                case HOST_WITH_NETWORK -> HostSkeleton.build(kernel, true);
                case NAMES -> HostSkeleton.names(kernel, false);
                case NAMES_WITH_NETWORK -> HostSkeleton.names(kernel, true);
                case MOUNT_POINTS -> directories(MOUNT_POINTS);
                case EMPTY -> directories(List.of());
            };
            layers.put(layer, made);
            return made;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has somebody else make a layer that is about to be asked for, if it is not there: that of the host takes a cold JVM milliseconds,
     * in which whoever makes a sandbox can do other things. What goes wrong with it is told to whoever asks for it then.
     */
    void getAhead(Layer layer, Executor background) {
        if (!isMade(layer)) {
            background.execute(() -> {
                try {
                    get(layer);
                } catch (IOException e) {
                    // the next one tries again
                }
            });
        }
    }

    private boolean isMade(Layer layer) {
        lock.lock();
        try {
            return layers.containsKey(layer);
        } finally {
            lock.unlock();
        }
    }

    private Fd directories(List<String> names) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("tmpfs"));
        list.add(Mount.set(context, "mode", "0755"));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC));
        for (String name : names) {
            list.add(FileOps.mkdir(Arg.of(mount), name, 0755));
        }
        if (names.isEmpty()) {
            list.add(Mount.restrict(Arg.of(mount), "empty", Mount.ATTR_RDONLY));
        } else {
            list.add(FileOps.chmod(Arg.of(mount), "tmp", 01777));
        }
        list.add(FileOps.close(context));
        return kernel.run(list.build()).fd(mount);
    }

    @Override
    public void close() {
        lock.lock();
        try {
            layers.values().forEach(Fd::close);
            layers.clear();
        } finally {
            lock.unlock();
        }
    }
}
