package dev.cay.engine.microvm;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * A guest's memory on the disk: its pages that are not zero one after the other, and a list of where they belong, as pairs of a first
 * page and a number of pages. Most of a guest's memory is zero, and stays a hole when it is read again.
 */
final class TemplateMemory {
    private static final int PAGE = 4096;
    private static final int PAGES_AT_ONCE = 256;

    /** A first page and a number of pages. */
    private static final int PLACE = Long.BYTES + Integer.BYTES;

    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(PAGE).asReadOnlyBuffer();

    private TemplateMemory() {}

    /** Writes all pages of a memory that have something in them. */
    static void write(FileChannel memory, long size, FileChannel pages, DataOutputStream places) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(PAGE * PAGES_AT_ONCE);
        long first = 0;
        int run = 0;
        for (long at = 0; at < size; at += buffer.capacity()) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), size - at));
            readFully(memory, buffer, at);
            for (int page = 0; page < buffer.limit() / PAGE; page++) {
                boolean empty = buffer.slice(page * PAGE, PAGE).mismatch(ZEROS.slice(0, PAGE)) < 0;
                if (!empty) {
                    first = run == 0 ? at / PAGE + page : first;
                    run++;
                    writeFully(pages, buffer.slice(page * PAGE, PAGE));
                } else if (run > 0) {
                    place(places, first, run);
                    run = 0;
                }
            }
        }
        if (run > 0) {
            place(places, first, run);
        }
    }

    private static void place(DataOutputStream places, long first, int run) throws IOException {
        places.writeLong(first);
        places.writeInt(run);
    }

    /**
     * Puts them back.
     *
     * @throws IOException if they are not what was written of a memory of this size
     */
    static void read(FileChannel pages, DataInputStream places, FileChannel memory, long size) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(PAGE * PAGES_AT_ONCE);
        buffer.limit(0);
        while (true) {
            byte[] place = places.readNBytes(PLACE);
            if (place.length < PLACE) {
                if (place.length > 0 || buffer.hasRemaining() || pages.position() < pages.size()) {
                    throw new IOException("it is damaged: places are missing"); // their pages would be zeros
                }
                return;
            }
            long at = ByteBuffer.wrap(place).getLong();
            long end = at + ByteBuffer.wrap(place).getInt(Long.BYTES);
            if (at < 0 || end <= at || end > size / PAGE) {
                throw new IOException("it is damaged: there is no page " + at + " to " + end);
            }
            while (at < end) {
                if (!buffer.hasRemaining()) {
                    buffer.clear();
                    if (pages.read(buffer) < PAGE) {
                        throw new IOException("it is damaged: pages are missing");
                    }
                    buffer.flip();
                }
                int count = (int) Math.min(buffer.remaining() / PAGE, end - at);
                if (count == 0) {
                    throw new IOException("it is damaged: pages are cut off");
                }
                ByteBuffer piece = buffer.slice(buffer.position(), count * PAGE);
                memory.position(at * PAGE);
                writeFully(memory, piece);
                buffer.position(buffer.position() + count * PAGE);
                at += count;
            }
        }
    }

    private static void readFully(FileChannel channel, ByteBuffer buffer, long from) throws IOException {
        long at = from;
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, at);
            if (count < 0) {
                throw new EOFException("the memory is shorter than it was");
            }
            at += count;
        }
        buffer.flip();
    }

    private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
