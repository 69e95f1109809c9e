package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/** Memory that another process maps at the same address, so that a list in it means the same to both. */
final class SharedMemory implements AutoCloseable {
    private static final long MFD_CLOEXEC = 1;
    private static final long PROT_READ_WRITE = 3;
    private static final long MAP_SHARED = 1;

    /**
     * Where it is put if nothing is there: addresses that small static programs have free, whatever is randomised, and a JVM
     * with an ordinary heap too. The places take turns, so that several launches at a time do not meet.
     */
    private static final long PLACES = 0x20_0000_0000L;

    private static final long PLACE_SIZE = 16 << 20;
    private static final int PLACE_COUNT = 4096;
    private static final AtomicInteger NEXT_PLACE = new AtomicInteger();

    private final Fd fd;
    private final long size;
    private final long address;

    SharedMemory(int atLeast) throws SyscallException {
        size = atLeast + 4095L & ~4095L;
        try (Scratch scratch = Scratch.borrow()) {
            int name = scratch.store("cay-list\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            fd = new Fd((int) Native.check(
                    Native.call(SystemCall.MEMFD_CREATE, scratch.address(name), MFD_CLOEXEC),
                    SystemCall.MEMFD_CREATE,
                    "cay-list"));
        }
        try {
            Native.check(Native.call(SystemCall.FTRUNCATE, fd.number(), size), SystemCall.FTRUNCATE, "cay-list");
            long hint = PLACES + PLACE_SIZE * Math.floorMod(NEXT_PLACE.getAndIncrement(), PLACE_COUNT);
            address = Native.check(
                    Native.call(SystemCall.MMAP, hint, size, PROT_READ_WRITE, MAP_SHARED, fd.number(), 0),
                    SystemCall.MMAP,
                    "cay-list");
        } catch (SyscallException e) {
            fd.close();
            throw e;
        }
    }

    Fd fd() {
        return fd;
    }

    long address() {
        return address;
    }

    long size() {
        return size;
    }

    /** Its bytes; not to be touched once it is closed. */
    ByteBuffer buffer() {
        return Native.memory(address, size);
    }

    @Override
    public void close() {
        Native.call(SystemCall.MUNMAP, address, size);
        fd.close();
    }
}
