package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Memory outside the heap for one call's arguments, reused: fresh memory would cost more than most calls. Borrowed by one
 * thread at a time, so a pool serves virtual threads, of which there may be very many, as well.
 */
final class Scratch implements AutoCloseable {
    /** Room for a sandbox's list and all its strings. */
    private static final int SIZE = 64 * 1024;

    private static final byte[] ZEROES = new byte[64];

    private static final ConcurrentLinkedQueue<Scratch> FREE = new ConcurrentLinkedQueue<>();

    private final ByteBuffer buffer;
    private final long address;
    private final boolean reusable;
    private int used;

    private Scratch(ByteBuffer buffer, boolean reusable) {
        this.buffer = buffer.order(ByteOrder.nativeOrder());
        this.reusable = reusable;
        address = Native.address(buffer);
    }

    private static Scratch ofSize(int size) {
        return new Scratch(ByteBuffer.allocateDirect(size), size == SIZE);
    }

    /** Parcels out memory that belongs to somebody else. */
    static Scratch of(ByteBuffer direct) {
        return new Scratch(direct, false);
    }

    /** Memory of at least this size, its content undefined. */
    static Scratch borrow(int size) {
        if (size > SIZE) {
            return ofSize(size);
        }
        Scratch scratch = FREE.poll();
        return scratch == null ? ofSize(SIZE) : scratch;
    }

    static Scratch borrow() {
        return borrow(0);
    }

    /** Sets aside zeroed bytes, aligned to 8: their position in {@link #buffer()}. */
    int allocate(int size) {
        int position = used;
        int end = align(position + size);
        int i = position;
        for (; end - i >= ZEROES.length; i += ZEROES.length) {
            buffer.put(i, ZEROES); // eight at a time take a cold JVM half a millisecond for a buffer
        }
        for (; i < end; i += Long.BYTES) {
            buffer.putLong(i, 0);
        }
        used = end;
        return position;
    }

    /** Copies bytes in: their position. */
    int store(byte[] bytes) {
        int position = used;
        used = align(position + bytes.length);
        buffer.put(position, bytes);
        return position;
    }

    /** What {@link #allocate} and {@link #store} take up for so many bytes. */
    static int align(int size) {
        return size + 7 & ~7;
    }

    ByteBuffer buffer() {
        return buffer;
    }

    long address(int position) {
        return address + position;
    }

    @Override
    public void close() {
        used = 0;
        if (reusable) {
            FREE.add(this);
        }
    }
}
