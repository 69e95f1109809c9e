package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A list as the stub reads it: like {@link Encoding}, but in offsets instead of addresses, since it runs elsewhere. The layout is
 * that of {@code list.h} in the module {@code guest}.
 */
final class StubList implements Arg.Encoder {
    /** Where a list runs. */
    enum Mode {
        /** In the stub itself: what it changes stays. */
        INLINE,
        /** In a process of its own that shares the stub's descriptors and ends with the list. */
        CHILD,
        /** In a process of its own, up to its execve. */
        EXECUTION
    }

    private static final int HEADER_SIZE = 80;
    private static final int AT_TOTAL = 0;
    private static final int AT_ROOM = 4;
    private static final int AT_OPERATIONS = 8;
    private static final int AT_RELOCATIONS = 10;
    private static final int AT_DESCRIPTORS = 12;
    private static final int AT_MODE = 14;
    private static final int AT_FLAGS = 16;
    private static final int AT_CGROUP = 24;
    private static final int AT_REPLY = 28;
    private static final int AT_REPLY_LENGTH = 32;
    private static final int AT_EXECUTION = 36;
    private static final int AT_RECORD = 40;
    private static final int AT_KILL = 44;
    private static final int AT_TIMEOUT = 48;
    private static final int AT_GRACE = 52;
    private static final int AT_STREAMS = 56;
    private static final int AT_RING = 68;

    /** A stub takes more for an attack. */
    private static final int MAXIMUM_DESCRIPTORS = 32;

    /** Room for the numbers of descriptors, of lists for the stub of a machine. */
    private static final int NUMBERS_SIZE = Integer.BYTES * MAXIMUM_DESCRIPTORS;

    private static final int RELOCATION_SIZE = 8;
    private static final int MAXIMUM_SIZE = 8 << 20;
    private static final int MAXIMUM_RELOCATIONS = 0xffff;
    /** Bits of a mask for the first argument: it is the address of the value, an offset, the index of a descriptor. */
    private static final long VALUE = 1;

    private static final long OFFSET = 1 << 8;
    private static final long DESCRIPTOR = 1 << 16;
    private static final long MASK_SENT = 1 << 25;
    private static final int NONE = -1;

    /** Of a reply: the index of the operation that failed, or one of two negatives, and its errno. */
    private static final int REPLY_HEADER_SIZE = 8;

    static final int REFUSED = -2;

    private final OpList list;
    private final ByteBuffer buffer;
    private final List<Fd> descriptors = new ArrayList<>();
    private final Map<Arg.Buffer, Integer> buffers = new IdentityHashMap<>();
    private final Map<byte[], Integer> structs = new IdentityHashMap<>();
    private final boolean sends;
    private final int numbers;
    private int data;
    private int relocation;

    /** What has to be known of the argument that was encoded last. */
    private long bits;

    private int room;

    private StubList(OpList list, Mode mode, int relocations, int size, boolean numbered) {
        this.list = list;
        sends = mode != Mode.EXECUTION && !endsInAnother(list);
        buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        relocation = HEADER_SIZE + Encoding.OP_SIZE * list.size();
        numbers = relocation + RELOCATION_SIZE * relocations;
        data = numbers + (numbered ? NUMBERS_SIZE : 0);
    }

    /**
     * Encodes a list that belongs to no execution, or to one that is not kept.
     *
     * @throws SyscallException E2BIG if it is longer than a stub takes
     */
    static StubList of(OpList list, Mode mode, Birth birth) throws SyscallException {
        return of(list, mode, birth, false);
    }

    /**
     * @param numbered whether it is for the stub of a machine, and its descriptors are numbers there: see {@link #bytes(StubConnection)}
     */
    static StubList of(OpList list, Mode mode, Birth birth, boolean numbered) throws SyscallException {
        Set<byte[]> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        int relocations = 0;
        int size = HEADER_SIZE + Encoding.OP_SIZE * list.size();
        for (Op operation : list.operations()) {
            for (Arg argument : operation.arguments()) {
                if (argument instanceof Arg.Struct struct) {
                    if (!seen.add(struct.value())) {
                        continue; // operations may share one
                    }
                    relocations += struct.pointers().size();
                }
                if (!(argument instanceof Arg.Buffer)) { // the stub makes the room for these
                    size += argument.footprint();
                }
            }
        }
        size += RELOCATION_SIZE * relocations + (numbered ? NUMBERS_SIZE : 0);
        if (size > MAXIMUM_SIZE || relocations > MAXIMUM_RELOCATIONS) {
            throw new SyscallException("execve", "the list is too long", Errno.E2BIG.number());
        }
        StubList encoded = new StubList(list, mode, relocations, size, numbered);
        encoded.encode(mode, relocations, birth);
        return encoded;
    }

    /** Whether it is another program at last, which has what the list has opened. */
    private static boolean endsInAnother(OpList list) {
        if (list.operations().isEmpty()) {
            return false;
        }
        SystemCall last = list.operations().getLast().call();
        return last == SystemCall.EXECVE || last == SystemCall.EXECVEAT;
    }

    private void encode(Mode mode, int relocations, Birth birth) {
        List<Op> operations = list.operations();
        for (int i = 0; i < operations.size(); i++) {
            encode(operations.get(i), HEADER_SIZE + Encoding.OP_SIZE * i);
        }
        int total = data;
        int[] reply = {total};
        room = 0;
        for (Op operation : operations) {
            for (Arg argument : operation.arguments()) {
                if (argument instanceof Arg.Buffer one) {
                    buffers.computeIfAbsent(one, b -> {
                        int at = reply[0];
                        reply[0] += Scratch.align(b.size());
                        return at;
                    });
                }
            }
        }
        room = reply[0] - total;
        placeBuffers(operations);
        int failing = HostKernel.failing(list);
        if (failing != Faults.NONE) {
            buffer.putLong(HEADER_SIZE + Encoding.OP_SIZE * failing, Encoding.NO_SUCH_CALL);
        }
        buffer.putInt(AT_TOTAL, total).putInt(AT_ROOM, room);
        buffer.putShort(AT_OPERATIONS, (short) operations.size()).putShort(AT_RELOCATIONS, (short) relocations);
        buffer.putShort(AT_MODE, (short) mode.ordinal()).putLong(AT_FLAGS, birth.namespaces());
        buffer.putInt(AT_CGROUP, birth.cgroup().map(this::index).orElse(NONE));
        buffer.putInt(AT_REPLY, total).putInt(AT_REPLY_LENGTH, room);
        buffer.putInt(AT_RECORD, NONE).putInt(AT_KILL, NONE);
        for (int i = 0; i < 3; i++) {
            buffer.putInt(AT_STREAMS + Integer.BYTES * i, NONE);
        }
    }

    private void encode(Op operation, int at) {
        buffer.putLong(at, operation.call().number(Native.ARCHITECTURE));
        long mask = sends && operation.opens() && !list.closes(operation, list.size()) ? MASK_SENT : 0;
        List<Arg> arguments = operation.arguments();
        for (int i = 0; i < arguments.size(); i++) {
            Arg argument = arguments.get(i);
            bits = 0;
            buffer.putLong(at + Encoding.OP_ARGUMENTS + Long.BYTES * i, argument.encode(this));
            mask |= bits << i;
        }
        buffer.putLong(at + Encoding.OP_INDIRECT, mask);
        List<Errno> tolerated = operation.tolerated();
        for (int i = 0; i < tolerated.size(); i++) {
            buffer.putShort(at + Encoding.OP_TOLERATED + Short.BYTES * i, (short)
                    tolerated.get(i).number());
        }
    }

    @Override
    public long number(long value) {
        return value;
    }

    @Override
    public long descriptor(Fd fd) {
        bits = DESCRIPTOR;
        return index(fd);
    }

    @Override
    public long result(Op of) {
        bits = VALUE | OFFSET;
        return resultAt(of);
    }

    @Override
    public long location(Op of) {
        bits = OFFSET;
        return resultAt(of);
    }

    @Override
    public long bytes(byte[] value) {
        bits = OFFSET;
        return store(value);
    }

    /** {@inheritDoc} It comes behind the data, whose end is not known yet. */
    @Override
    public long buffer(Arg.Buffer room) {
        bits = OFFSET;
        return 0;
    }

    /** {@inheritDoc} The buffer's place is added when that is known. */
    @Override
    public long stored(Arg.Buffer room, int offset) {
        bits = VALUE | OFFSET;
        return offset;
    }

    @Override
    public long struct(byte[] value, List<Arg.Pointer> pointers) {
        bits = OFFSET;
        Integer before = structs.get(value);
        if (before != null) {
            return before;
        }
        int at = store(value);
        structs.put(value, at);
        for (Arg.Pointer pointer : pointers) {
            buffer.putInt(relocation, at + pointer.offset()).putInt(relocation + 4, store(pointer.target()));
            relocation += RELOCATION_SIZE;
        }
        return at;
    }

    private void placeBuffers(List<Op> operations) {
        for (int i = 0; i < operations.size(); i++) {
            List<Arg> arguments = operations.get(i).arguments();
            for (int j = 0; j < arguments.size(); j++) {
                int at = HEADER_SIZE + Encoding.OP_SIZE * i + Encoding.OP_ARGUMENTS + Long.BYTES * j;
                if (arguments.get(j) instanceof Arg.Buffer one) {
                    buffer.putLong(at, buffers.get(one));
                } else if (arguments.get(j) instanceof Arg.Stored stored) {
                    buffer.putLong(at, buffers.get(stored.buffer()) + stored.offset());
                }
            }
        }
    }

    private int resultAt(Op operation) {
        return HEADER_SIZE + Encoding.OP_SIZE * list.indexOf(operation) + Encoding.OP_RESULT;
    }

    private int store(byte[] bytes) {
        int at = data;
        data += Scratch.align(bytes.length);
        buffer.put(at, bytes);
        return at;
    }

    /** The place of a descriptor among those that go along. */
    private int index(Fd fd) {
        int index = descriptors.indexOf(fd);
        if (index < 0) {
            index = descriptors.size();
            if (index == MAXIMUM_DESCRIPTORS) {
                throw new IllegalArgumentException("a list for a stub names more than " + index + " descriptors");
            }
            descriptors.add(fd);
            buffer.putShort(AT_DESCRIPTORS, (short) descriptors.size());
        }
        return index;
    }

    /** It is an execution with a number, whose end is told. */
    StubList number(int number) {
        buffer.putInt(AT_EXECUTION, number);
        return this;
    }

    /** Makes it an execution that the stub keeps. */
    StubList keep(KeptExecution.Plan plan) {
        buffer.putInt(AT_EXECUTION, plan.number());
        buffer.putInt(AT_RECORD, index(plan.record()))
                .putInt(AT_KILL, plan.kill().map(this::index).orElse(NONE));
        buffer.putInt(AT_TIMEOUT, plan.timeoutMilliseconds()).putInt(AT_GRACE, plan.graceMilliseconds());
        for (int i = 0; i < plan.streams().size(); i++) {
            buffer.putInt(AT_STREAMS + Integer.BYTES * i, index(plan.streams().get(i)));
        }
        buffer.putInt(AT_RING, plan.ring());
        return this;
    }

    byte[] bytes() {
        return buffer.array();
    }

    /** The same for the stub of a machine, whose descriptors it names. */
    byte[] bytes(StubConnection machine) {
        for (int i = 0; i < descriptors.size(); i++) {
            buffer.putInt(numbers + Integer.BYTES * i, descriptors.get(i).number(Optional.of(machine)));
        }
        return buffer.array();
    }

    List<Fd> descriptors() {
        return descriptors;
    }

    /**
     * How many descriptors come back with a reply: the pidfd of an execution, or what the operations opened, also those before
     * one that failed. Negative if it cannot be a reply to this list.
     */
    int received(ByteBuffer reply) {
        if (reply.capacity() == REPLY_HEADER_SIZE && reply.getInt(0) == REFUSED) {
            return 0;
        }
        if (reply.capacity() != REPLY_HEADER_SIZE + Long.BYTES * list.size() + room
                || reply.getInt(0) < NONE
                || reply.getInt(0) > list.size()) {
            return -1;
        }
        if (!sends) {
            return reply.getInt(0) == NONE ? 1 : 0;
        }
        int count = 0;
        for (int i = 0; i < finished(reply); i++) {
            count += isSent(i) && reply.getLong(resultAt(i)) >= 0 ? 1 : 0;
        }
        return count;
    }

    /** What a reply says of descriptors that are kept for us, as {@link #received} counts them. */
    List<Fd> kept(ByteBuffer reply, StubConnection machine) throws SyscallException {
        List<Fd> kept = new ArrayList<>();
        if (reply.getInt(0) == NONE && !sends) {
            kept.add(machine.descriptor(reply.getInt(Integer.BYTES)));
        }
        for (int i = 0; reply.getInt(0) != REFUSED && sends && i < finished(reply); i++) {
            long result = reply.getLong(resultAt(i));
            if (isSent(i) && result >= 0) {
                kept.add(machine.descriptor(result));
            }
        }
        return kept;
    }

    /** How many operations had come to their end. */
    private int finished(ByteBuffer reply) {
        return reply.getInt(0) == NONE ? list.size() : reply.getInt(0);
    }

    private boolean isSent(int operation) {
        return (buffer.getLong(HEADER_SIZE + Encoding.OP_SIZE * operation + Encoding.OP_INDIRECT) & MASK_SENT) != 0;
    }

    private static int resultAt(int operation) {
        return REPLY_HEADER_SIZE + Long.BYTES * operation;
    }

    /** What a list that failed has left open over there: it would have closed it itself. */
    List<Op> undo(ByteBuffer reply) {
        List<Op> closes = new ArrayList<>();
        for (int i = 0; sends && i < finished(reply); i++) {
            Op operation = list.operations().get(i);
            long result = reply.getLong(resultAt(i));
            if (operation.opens() && result >= 0 && !isSent(i) && !list.closes(operation, finished(reply))) {
                closes.add(Op.of(SystemCall.CLOSE, "", Arg.of(result)));
            }
        }
        return closes;
    }

    /**
     * The results that came back.
     *
     * @param reply the payload of the stub's answer
     * @param sent the descriptors that came with it, in the order of the operations that opened them
     */
    Results results(ByteBuffer reply, List<Fd> sent) {
        long[] values = new long[list.size()];
        Map<Long, Fd> opened = new java.util.HashMap<>();
        int next = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = reply.getLong(resultAt(i));
            if (isSent(i) && values[i] >= 0) {
                opened.put(values[i], sent.get(next++));
            }
        }
        int behind = resultAt(values.length) - buffer.getInt(AT_TOTAL);
        Map<Arg.Buffer, byte[]> filled = new IdentityHashMap<>();
        buffers.forEach(
                (one, at) -> filled.put(one, Arrays.copyOfRange(reply.array(), behind + at, behind + at + one.size())));
        return new Results(list, values, filled, number -> opened.get((long) number));
    }
}
