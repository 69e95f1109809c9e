package dev.cay.linux;

import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A list as the launcher reads it: a control block, the operations and their data in one piece of memory. The layout is that
 * of {@code launcher-*.S}.
 */
final class Encoding implements Arg.Encoder, AutoCloseable {
    private static final int CONTROL_SIZE = 56;
    private static final int CONTROL_CLONE = 0;
    private static final int CONTROL_CLONE_SIZE = 8;
    static final int CONTROL_LIST = 16;
    static final int CONTROL_FAILED = 24;
    static final int CONTROL_ERRNO = 32;
    private static final int CONTROL_ALL_SIGNALS = 40;

    static final int OP_SIZE = 80;
    static final int OP_ARGUMENTS = 8;
    static final int OP_INDIRECT = 56;
    static final int OP_TOLERATED = 64;
    static final int OP_RESULT = 72;
    private static final long END = -1;

    /** A bit where those of the six arguments are: only the process that the operation makes goes on. */
    private static final long OP_FORKS = 1 << 6;

    /** A number that no architecture has a system call for. */
    static final long NO_SUCH_CALL = 0x7fff_fff0;

    /** {@code struct clone_args} clone(2). */
    private static final int CLONE_SIZE = 88;

    private static final int CLONE_FLAGS = 0;
    private static final int CLONE_PIDFD = 8;
    private static final int CLONE_PARENT_TID = 24;
    private static final int CLONE_EXIT_SIGNAL = 32;
    private static final int CLONE_CGROUP = 80;
    private static final long CLONE_PARENT = 0x8000;
    private static final int SIGCHLD = 17;

    private static final long CLOCK_MONOTONIC = 1;
    private static final int TIMESPEC_SIZE = 16;

    private final OpList list;

    /** Whether a reading of the clock stands before each operation and at the end. */
    private final boolean timed;

    private final Scratch scratch;
    private final ByteBuffer buffer;
    private final int control;
    private final int clone;
    private final int child;
    private final int operations;
    private final int clock;
    private final Map<Arg.Buffer, Integer> buffers = new IdentityHashMap<>();

    Encoding(OpList list, boolean timed) {
        this(list, timed, Scratch.borrow(sizeOf(list, timed)));
    }

    /** @param scratch has {@link #sizeOf} bytes free; closed with this */
    Encoding(OpList list, boolean timed, Scratch scratch) {
        this.list = list;
        this.timed = timed;
        this.scratch = scratch;
        buffer = scratch.buffer();
        control = scratch.allocate(CONTROL_SIZE);
        clone = scratch.allocate(CLONE_SIZE);
        child = scratch.allocate(Long.BYTES);
        operations = scratch.allocate(OP_SIZE * slots(list, timed) + Long.BYTES);
        clock = scratch.allocate(timed ? TIMESPEC_SIZE * (list.size() + 1) : 0);
        buffer.putLong(control + CONTROL_LIST, scratch.address(operations));
        buffer.putLong(control + CONTROL_FAILED, -1);
        buffer.putLong(control + CONTROL_ALL_SIGNALS, -1);
        List<Op> all = list.operations();
        for (int i = 0; i < all.size(); i++) {
            encode(all.get(i), position(i));
        }
        int failing = HostKernel.failing(list);
        if (failing != Faults.NONE) {
            buffer.putLong(position(failing), NO_SUCH_CALL);
        }
        if (timed) {
            for (int i = 0; i <= all.size(); i++) {
                encodeClock(i);
            }
        }
        buffer.putLong(operations + OP_SIZE * slots(list, timed), END);
    }

    private static int slots(OpList list, boolean timed) {
        return timed ? 2 * list.size() + 1 : list.size();
    }

    private int position(int index) {
        return operations + OP_SIZE * (timed ? 2 * index + 1 : index);
    }

    /** {@code int clock_gettime(CLOCK_MONOTONIC, struct timespec *)} clock_getres(2), before an operation. */
    private void encodeClock(int index) {
        int at = operations + OP_SIZE * 2 * index;
        buffer.putLong(at, SystemCall.CLOCK_GETTIME.number(Native.ARCHITECTURE));
        buffer.putLong(at + OP_ARGUMENTS, CLOCK_MONOTONIC);
        buffer.putLong(at + OP_ARGUMENTS + Long.BYTES, scratch.address(clock + TIMESPEC_SIZE * index));
    }

    /** How long each operation took; 0 for one that was not reached or never returned. */
    long[] times() {
        long[] times = new long[list.size()];
        for (int i = 0; i < times.length; i++) {
            times[i] = Math.max(0, time(i + 1) - time(i));
        }
        return times;
    }

    private long time(int index) {
        int at = clock + TIMESPEC_SIZE * index;
        return buffer.getLong(at) * 1_000_000_000 + buffer.getLong(at + Long.BYTES);
    }

    private void encode(Op operation, int at) {
        buffer.putLong(at, operation.call().number(Native.ARCHITECTURE));
        long indirect = 0;
        List<Arg> arguments = operation.arguments();
        for (int i = 0; i < arguments.size(); i++) {
            Arg argument = arguments.get(i);
            buffer.putLong(at + OP_ARGUMENTS + Long.BYTES * i, argument.encode(this));
            if (argument instanceof Arg.Result || argument instanceof Arg.Stored) {
                indirect |= 1L << i;
            }
        }
        buffer.putLong(at + OP_INDIRECT, operation.forks() ? indirect | OP_FORKS : indirect);
        List<Errno> tolerated = operation.tolerated();
        for (int i = 0; i < tolerated.size(); i++) {
            buffer.putShort(at + OP_TOLERATED + Short.BYTES * i, (short)
                    tolerated.get(i).number());
        }
    }

    @Override
    public long number(long value) {
        return value;
    }

    @Override
    public long descriptor(Fd fd) {
        return fd.number();
    }

    @Override
    public long result(Op of) {
        return resultAddress(of);
    }

    @Override
    public long location(Op of) {
        return resultAddress(of);
    }

    @Override
    public long bytes(byte[] value) {
        return scratch.address(scratch.store(value));
    }

    @Override
    public long buffer(Arg.Buffer room) {
        Integer place = buffers.get(room);
        if (place == null) {
            place = scratch.allocate(room.size());
            buffers.put(room, place);
        }
        return scratch.address(place);
    }

    @Override
    public long stored(Arg.Buffer room, int offset) {
        return buffer(room) + offset;
    }

    @Override
    public long struct(byte[] value, List<Arg.Pointer> pointers) {
        int at = scratch.store(value);
        for (Arg.Pointer pointer : pointers) {
            buffer.putLong(at + pointer.offset(), scratch.address(scratch.store(pointer.target())));
        }
        return scratch.address(at);
    }

    private long resultAddress(Op operation) {
        return scratch.address(position(list.indexOf(operation)) + OP_RESULT);
    }

    /** At the most what the encoding takes up. */
    static int sizeOf(OpList list, boolean timed) {
        int size = CONTROL_SIZE + CLONE_SIZE + Long.BYTES + OP_SIZE * slots(list, timed) + Long.BYTES;
        size += timed ? TIMESPEC_SIZE * (list.size() + 1) : 0;
        for (Op operation : list.operations()) {
            for (Arg argument : operation.arguments()) {
                size += argument.footprint();
            }
        }
        return size;
    }

    /** {@code struct clone_args} for a child of our parent that an operation makes; see {@link Op#forking}. */
    static ByteBuffer sibling(long flags, Optional<Fd> cgroup) {
        ByteBuffer clone = Arg.struct(CLONE_SIZE);
        clone.putLong(CLONE_FLAGS, flags | CLONE_PARENT);
        return clone.putLong(CLONE_CGROUP, cgroup.map(Fd::number).orElse(0));
    }

    /** Fills in how the child is made. The kernel leaves its pidfd or its number, whichever the flags ask for. */
    void birth(long flags, Optional<Fd> cgroup) {
        buffer.putLong(clone + CLONE_FLAGS, flags);
        buffer.putLong(clone + CLONE_PIDFD, scratch.address(child));
        buffer.putLong(clone + CLONE_PARENT_TID, scratch.address(child));
        // A child of our parent announces its end as we do, and may not be told how.
        buffer.putLong(clone + CLONE_EXIT_SIGNAL, (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD);
        buffer.putLong(clone + CLONE_CGROUP, cgroup.map(Fd::number).orElse(0));
        buffer.putLong(control + CONTROL_CLONE, scratch.address(clone));
        buffer.putLong(control + CONTROL_CLONE_SIZE, CLONE_SIZE);
    }

    long address() {
        return scratch.address(control);
    }

    /** The child's pidfd or its number; 0 before it is born. */
    int child() {
        return buffer.getInt(child);
    }

    /** The index of the operation that ended the list with an error, or -1. */
    int failed() {
        int slot = (int) buffer.getLong(control + CONTROL_FAILED);
        return timed && slot >= 0 ? slot / 2 : slot;
    }

    SyscallException failure() {
        int step = failed();
        Op operation = list.operations().get(step);
        return new SyscallException(
                operation.call().text(), operation.operands(), (int) buffer.getLong(control + CONTROL_ERRNO), step);
    }

    long result(int index) {
        return buffer.getLong(position(index) + OP_RESULT);
    }

    Results results() {
        long[] values = new long[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = result(i);
        }
        Map<Arg.Buffer, byte[]> contents = new IdentityHashMap<>();
        buffers.forEach((room, position) -> {
            byte[] bytes = new byte[room.size()];
            buffer.get(position, bytes);
            contents.put(room, bytes);
        });
        return new Results(list, values, contents, Fd::new);
    }

    @Override
    public void close() {
        scratch.close();
    }
}
