package dev.cay.engine.container;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * Keeps a few preparations of the kind that was asked for last, made in the background. One of a kind that has been asked
 * for only once is made on the spot and not again, so a process that makes a single sandbox pays for a single one.
 * Thread-safe.
 */
final class PreparationPool implements AutoCloseable {
    /** How many are kept. Each costs about 100 KiB of kernel memory. */
    private static final int SIZE = 4;

    private static final long DELAY_MILLISECONDS = 5;

    /** For how long one is good. */
    private static final Duration FRESH_DIRECTORY = Duration.ofSeconds(1);

    private static final Duration FRESH_HOST = Duration.ofMinutes(1);

    private final Preparation.Maker maker;
    private final ImageSource images;
    private final NetworkSource networks;
    private final ScheduledExecutorService background;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Entry> ready = new ArrayDeque<>();
    private Optional<Kind> kind = Optional.empty();
    private boolean filling;
    private boolean closed;

    private record Entry(Preparation preparation, long madeAt) {
        Duration age() {
            return Duration.ofNanos(System.nanoTime() - madeAt);
        }
    }

    /** What a preparation depends on; of a directory, image or network also which one it is, since another can be put in its place. */
    private record Kind(
            Root root,
            Object rootKey,
            Writable writable,
            Object network,
            boolean userNamespace,
            List<Mount> mounts,
            List<String> directories,
            boolean limitedIo) {
        static Kind of(SandboxSpec spec, ImageSource images, NetworkSource networks) throws IOException {
            return new Kind(
                    spec.root(),
                    rootKey(spec.root(), images),
                    spec.writable(),
                    networkKey(spec, networks),
                    spec.userNamespace(),
                    spec.mounts(),
                    PreparationMaker.directories(spec),
                    !spec.limits().io().isNone());
        }

        /** Policy and ports come last; the host name is in the files by which a sandbox on a network knows names. */
        private static Object networkKey(SandboxSpec spec, NetworkSource networks) throws IOException {
            return spec.network() instanceof Network.Named named
                    ? List.of(named.name(), networks.identity(named.name()), named.address(), spec.hostname())
                    : spec.network();
        }

        private static Object rootKey(Root root, ImageSource images) throws IOException {
            if (root instanceof Root.Image image) {
                return images.digest(image.exact());
            }
            return root instanceof Root.Directory(Path path)
                    ? Files.readAttributes(path, BasicFileAttributes.class).fileKey()
                    : "";
        }

        /** What changes in a layer is not seen for certain once it has been mounted. */
        Duration fresh() {
            return root instanceof Root.Directory ? FRESH_DIRECTORY : FRESH_HOST;
        }

        /** A directory for changes is locked by the one sandbox that uses it, and an address is one sandbox's. */
        boolean isPoolable(SandboxSpec spec) {
            boolean anyAddress = !(spec.network() instanceof Network.Named named)
                    || named.address().isEmpty();
            return !(writable instanceof Writable.Directory) && mounts.isEmpty() && anyAddress;
        }
    }

    PreparationPool(
            Preparation.Maker maker, ImageSource images, NetworkSource networks, ScheduledExecutorService background) {
        this.maker = maker;
        this.images = images;
        this.networks = networks;
        this.background = background;
    }

    /** Takes one from the pool, or makes it. */
    Preparation take(SandboxSpec spec) throws IOException {
        Kind wanted = Kind.of(spec, images, networks);
        if (wanted.isPoolable(spec)) {
            Optional<Preparation> pooled = poll(wanted, spec);
            if (pooled.isPresent()) {
                return pooled.get();
            }
        }
        return maker.make(spec);
    }

    private Optional<Preparation> poll(Kind wanted, SandboxSpec spec) {
        lock.lock();
        try {
            boolean again = kind.equals(Optional.of(wanted));
            kind = Optional.of(wanted);
            discard(entry -> !again || entry.age().compareTo(wanted.fresh()) > 0);
            if (!again) {
                return Optional.empty();
            }
            Optional<Preparation> pooled = Optional.ofNullable(ready.poll()).map(Entry::preparation);
            refill(wanted, spec);
            return pooled;
        } finally {
            lock.unlock();
        }
    }

    private void discard(Predicate<Entry> useless) {
        List<Entry> old = ready.stream().filter(useless).toList();
        ready.removeAll(old);
        if (!old.isEmpty()) {
            background.execute(() -> old.forEach(entry -> entry.preparation().close()));
        }
    }

    private void refill(Kind wanted, SandboxSpec spec) {
        if (!filling && !closed && ready.size() < SIZE) {
            filling = true;
            try {
                // While there still are some, whoever has just taken one has the machine to himself for a moment.
                long delay = ready.isEmpty() ? 0 : DELAY_MILLISECONDS;
                var _ = background.schedule(() -> fill(wanted, spec), delay, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException e) {
                filling = false; // the engine is closing
            }
        }
    }

    private void fill(Kind wanted, SandboxSpec spec) {
        boolean more = !closed();
        while (more) {
            Optional<Preparation> made = Optional.empty();
            try {
                Preparation preparation = maker.make(spec);
                made = Optional.of(preparation);
                if (!Kind.of(spec, images, networks).equals(wanted)) {
                    preparation.close(); // the name means another one by now
                    made = Optional.empty();
                }
            } catch (IOException | RuntimeException e) {
                // whoever asks next meets the same failure himself, and is told
            } finally {
                more = add(wanted, made);
            }
        }
    }

    private boolean closed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Whether another one is wanted. */
    private boolean add(Kind wanted, Optional<Preparation> made) {
        boolean current;
        boolean more;
        lock.lock();
        try {
            current = kind.equals(Optional.of(wanted)) && !closed;
            if (current) {
                made.ifPresent(preparation -> ready.add(new Entry(preparation, System.nanoTime())));
            }
            more = made.isPresent() && current && ready.size() < SIZE;
            filling = more;
        } finally {
            lock.unlock();
        }
        if (!current) {
            made.ifPresent(Preparation::close);
        }
        return more;
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            ready.forEach(entry -> entry.preparation().close());
            ready.clear();
        } finally {
            lock.unlock();
        }
    }
}
