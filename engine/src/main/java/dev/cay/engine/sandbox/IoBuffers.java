package dev.cay.engine.sandbox;

import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Memory outside the heap for reading and writing pipes, reused: the collector would free it much too late. */
final class IoBuffers {
    /** A larger one does not stay in the processor's caches: at 256 KiB throughput is half of this (./dev bench io). */
    private static final int SIZE = 64 * 1024;

    private static final ConcurrentLinkedQueue<ByteBuffer> FREE = new ConcurrentLinkedQueue<>();

    private IoBuffers() {}

    static ByteBuffer borrow() {
        ByteBuffer buffer = FREE.poll();
        return buffer == null ? ByteBuffer.allocateDirect(SIZE) : buffer;
    }

    static void giveBack(ByteBuffer buffer) {
        FREE.add(buffer);
    }
}
