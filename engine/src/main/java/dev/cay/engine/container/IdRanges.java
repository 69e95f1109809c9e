package dev.cay.engine.container;

import dev.cay.linux.OwnedNamespaces;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands out ranges of user ids of this host, one for each sandbox, so that no two living sandboxes of the machine share an
 * id with each other or with anybody else. Thread-safe.
 *
 * <p>They are taken from 0x70000000 to 0x7fffffff, which systemd's table of ids leaves to nobody and which is above what
 * /etc/subuid is filled with. Engines claim them in blocks, so that most sandboxes need no file.
 */
final class IdRanges implements IdSource {
    static final int RANGE_SIZE = 65_536;

    /** How many of them are ids in the sandbox. */
    static final int MAPPED_IDS = RANGE_SIZE - 1;

    private static final int FIRST_ID = 0x7000_0000;
    private static final int BLOCKS = 64;

    /** Those that engines claim as a whole. The ranges of the others are for sandboxes that outlive their engine. */
    private static final int ENGINE_BLOCKS = 48;

    private static final int RANGES_IN_BLOCK = 64;

    private final StateDirectory state;
    private final ReentrantLock lock = new ReentrantLock();
    private final BitSet claimedBlocks = new BitSet();
    private final BitSet free = new BitSet();

    IdRanges(StateDirectory state) {
        this.state = state;
    }

    /**
     * A range of ids, given back when it is closed.
     *
     * @param first the id of the sandbox's root
     * @param count how many ids the sandbox has
     * @param stubId as whom the first process runs: where there is one more, an id that the sandbox cannot have
     */
    record Range(int first, int count, int stubId, Runnable release) implements AutoCloseable {
        /**
         * The ids of a user namespace, the same for all sandboxes in it.
         *
         * @param ids how many there are
         */
        static Range within(int ids) {
            return ids > 1 ? new Range(0, ids - 1, ids - 1, () -> {}) : new Range(0, 1, 0, () -> {});
        }

        /** One of those of this machine. */
        static Range of(int first, Runnable release) {
            return new Range(first, MAPPED_IDS, first + MAPPED_IDS, release);
        }

        /** The maps of the sandbox's user namespace. In that of an ordinary user root stands alone, and no extent may go beyond it. */
        OwnedNamespaces.Maps maps() {
            List<OwnedNamespaces.Extent> extents = new ArrayList<>();
            boolean alone = first == 0 && count > 1;
            extents.add(new OwnedNamespaces.Extent(0, first, alone ? 1 : count));
            if (alone) {
                extents.add(new OwnedNamespaces.Extent(1, first + 1, count - 1));
            }
            return new OwnedNamespaces.Maps(extents, extents);
        }

        @Override
        public void close() {
            release.run();
        }
    }

    /** The range of a sandbox without a user namespace: the host's own ids. */
    static Range hostIds() {
        return new Range(0, MAPPED_IDS, 0, () -> {});
    }

    @Override
    public Range take() throws IOException {
        lock.lock();
        try {
            if (free.isEmpty()) {
                claimBlock();
            }
            return take(free.nextSetBit(0));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Range take(long first) throws IOException {
        int index = index(first);
        int block = index / RANGES_IN_BLOCK;
        if (block >= ENGINE_BLOCKS) {
            return takeSingle(index, state.engine()); // where a sandbox was that outlived its engine
        }
        lock.lock();
        try {
            if (!claimedBlocks.get(block) && state.claimRange(block)) {
                add(block);
            }
            if (!free.get(index)) {
                throw new IOException("the ids from " + first + " on are in use by another sandbox");
            }
            return take(index);
        } finally {
            lock.unlock();
        }
    }

    /** The number of the range that begins with an id. */
    private static int index(long first) throws IOException {
        long index = (first - FIRST_ID) / RANGE_SIZE;
        if (first < FIRST_ID || (first - FIRST_ID) % RANGE_SIZE != 0 || index >= BLOCKS * RANGES_IN_BLOCK) {
            throw new IOException("id " + first + " does not begin a range of ours");
        }
        return (int) index;
    }

    /** Ranges for a sandbox that outlives its engine, each claimed by itself. */
    IdSource detached(String sandbox) {
        return new IdSource() {
            @Override
            public Range take() throws IOException {
                for (int index = ENGINE_BLOCKS * RANGES_IN_BLOCK; index < BLOCKS * RANGES_IN_BLOCK; index++) {
                    if (state.claim(claim(index), sandbox)) {
                        return single(index, sandbox);
                    }
                }
                throw new IOException("all ranges of user ids for detached sandboxes are taken");
            }

            @Override
            public Range take(long first) throws IOException {
                return takeSingle(index(first), sandbox);
            }
        };
    }

    /** The name of what is claimed for a range: in the blocks that engines have, the whole block. */
    private static String claim(int index) {
        int block = index / RANGES_IN_BLOCK;
        return block < ENGINE_BLOCKS ? Integer.toString(block) : "single-" + index;
    }

    private Range takeSingle(int index, String owner) throws IOException {
        if (!state.claim(claim(index), owner)) {
            throw new IOException("the ids from " + first(index) + " on are in use by another sandbox");
        }
        return single(index, owner);
    }

    private Range single(int index, String owner) {
        return Range.of(first(index), () -> {
            try {
                state.release(claim(index), owner);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static int first(int index) {
        return FIRST_ID + index * RANGE_SIZE;
    }

    private Range take(int index) {
        free.clear(index);
        AtomicBoolean released = new AtomicBoolean(); // given back twice, two sandboxes would get it
        return Range.of(first(index), () -> {
            if (released.compareAndSet(false, true)) {
                release(index);
            }
        });
    }

    private void release(int index) {
        lock.lock();
        try {
            free.set(index);
        } finally {
            lock.unlock();
        }
    }

    private void claimBlock() throws IOException {
        for (int block = 0; block < ENGINE_BLOCKS; block++) {
            if (!claimedBlocks.get(block) && state.claimRange(block)) {
                add(block);
                return;
            }
        }
        throw new IOException("all " + ENGINE_BLOCKS * RANGES_IN_BLOCK + " ranges of user ids are taken");
    }

    private void add(int block) {
        claimedBlocks.set(block);
        free.set(block * RANGES_IN_BLOCK, (block + 1) * RANGES_IN_BLOCK);
    }
}
