package dev.cay.engine.container;

import java.io.IOException;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands out ranges of user ids of this host, one for each sandbox, so that no two living sandboxes of the machine share an
 * id with each other or with anybody else. Thread-safe.
 *
 * <p>They are taken from 0x70000000 to 0x7fffffff, which systemd's table of ids leaves to nobody and which is above what
 * /etc/subuid is filled with. Engines claim them in blocks, so that most sandboxes need no file.
 */
final class IdRanges {
    static final int RANGE_SIZE = 65_536;
    private static final int FIRST_ID = 0x7000_0000;
    private static final int BLOCKS = 64;
    private static final int RANGES_IN_BLOCK = 64;

    private final StateDirectory state;
    private final ReentrantLock lock = new ReentrantLock();
    private final BitSet claimedBlocks = new BitSet();
    private final BitSet free = new BitSet();

    IdRanges(StateDirectory state) {
        this.state = state;
    }

    /** A range of ids, given back when it is closed. */
    record Range(int first, Runnable release) implements AutoCloseable {
        @Override
        public void close() {
            release.run();
        }
    }

    /** The range of a sandbox without a user namespace: the host's own ids. */
    static Range hostIds() {
        return new Range(0, () -> {});
    }

    /** Takes a free range. */
    Range take() throws IOException {
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

    /**
     * Takes the range that begins with an id: that of files which an earlier sandbox has left.
     *
     * @throws IOException if the id does not begin a range, or somebody has it
     */
    Range take(long first) throws IOException {
        long index = (first - FIRST_ID) / RANGE_SIZE;
        if (first < FIRST_ID || (first - FIRST_ID) % RANGE_SIZE != 0 || index >= BLOCKS * RANGES_IN_BLOCK) {
            throw new IOException("id " + first + " does not begin a range of ours");
        }
        lock.lock();
        try {
            int block = (int) index / RANGES_IN_BLOCK;
            if (!claimedBlocks.get(block) && state.claimRange(block)) {
                add(block);
            }
            if (!free.get((int) index)) {
                throw new IOException("the ids from " + first + " on are in use by another sandbox");
            }
            return take((int) index);
        } finally {
            lock.unlock();
        }
    }

    private Range take(int index) {
        free.clear(index);
        AtomicBoolean released = new AtomicBoolean(); // given back twice, two sandboxes would get it
        return new Range(FIRST_ID + index * RANGE_SIZE, () -> {
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
        for (int block = 0; block < BLOCKS; block++) {
            if (!claimedBlocks.get(block) && state.claimRange(block)) {
                add(block);
                return;
            }
        }
        throw new IOException("all " + BLOCKS * RANGES_IN_BLOCK + " ranges of user ids are taken");
    }

    private void add(int block) {
        claimedBlocks.set(block);
        free.set(block * RANGES_IN_BLOCK, (block + 1) * RANGES_IN_BLOCK);
    }
}
