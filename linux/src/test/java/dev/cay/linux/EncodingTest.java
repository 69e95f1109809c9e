package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a list holds is read back from its memory as it was. */
class EncodingTest {
    private static final MemorySegment MEMORY = Downcalls.memory(0, Long.MAX_VALUE);
    private static final Errno[] ERRORS = Errno.values();
    private static final SystemCall[] CALLS = SystemCall.values();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void randomListsAreReadBackAsTheyWere(long seed) {
        Random random = new Random(seed);
        for (int round = 0; round < 100; round++) {
            OpList list = list(random);
            boolean timed = random.nextBoolean();
            try (Encoding encoding = new Encoding(list, timed)) {
                check(list, encoding, timed);
            }
        }
    }

    private static void check(OpList list, Encoding encoding, boolean timed) {
        long first = read(encoding.address() + Encoding.CONTROL_LIST);
        assertThat(encoding.failed()).isEqualTo(-1);
        int stride = timed ? 2 : 1;
        for (int i = 0; i < list.size(); i++) {
            Op operation = list.operations().get(i);
            long at = first + (long) Encoding.OP_SIZE * (stride * i + stride - 1);
            assertThat(read(at)).isEqualTo(operation.call().number(Native.ARCHITECTURE));
            for (int k = 0; k < 6; k++) {
                long value = read(at + Encoding.OP_ARGUMENTS + (long) Long.BYTES * k);
                boolean indirect = (read(at + Encoding.OP_INDIRECT) >> k & 1) != 0;
                if (k < operation.arguments().size()) {
                    check(operation.arguments().get(k), value, indirect, list, first, stride);
                } else {
                    assertThat(value).isZero();
                    assertThat(indirect).isFalse();
                }
            }
            for (int k = 0; k < Op.MAXIMUM_TOLERATED; k++) {
                List<Errno> tolerated = operation.tolerated();
                assertThat(MEMORY.get(JAVA_SHORT, at + Encoding.OP_TOLERATED + (long) Short.BYTES * k))
                        .isEqualTo(
                                (short) (k < tolerated.size() ? tolerated.get(k).number() : 0));
            }
        }
        int slots = timed ? 2 * list.size() + 1 : list.size();
        assertThat(read(first + (long) Encoding.OP_SIZE * slots)).as("the end").isNegative();
    }

    private static void check(Arg argument, long value, boolean indirect, OpList list, long first, int stride) {
        assertThat(indirect).isEqualTo(argument instanceof Arg.Result || argument instanceof Arg.Stored);
        switch (argument) {
            case Arg.Number(long number) -> assertThat(value).isEqualTo(number);
            case Arg.Descriptor(Fd fd) -> assertThat(value).isEqualTo(fd.number());
            case Arg.Result(Op of) -> assertThat(value).isEqualTo(result(list.indexOf(of), first, stride));
            case Arg.Location(Op of) -> assertThat(value).isEqualTo(result(list.indexOf(of), first, stride));
            case Arg.Bytes(byte[] bytes) ->
                assertThat(bytes(value, bytes.length)).isEqualTo(bytes);
            case Arg.Buffer room -> assertThat(bytes(value, room.size())).containsOnly(0);
            case Arg.Stored(Arg.Buffer room, int offset) ->
                assertThat(bytes(value - offset, room.size())).containsOnly(0);
            case Arg.Struct(byte[] bytes, List<Arg.Pointer> pointers) -> {
                byte[] copy = bytes(value, bytes.length);
                for (Arg.Pointer pointer : pointers) {
                    assertThat(bytes(read(value + pointer.offset()), pointer.target().length))
                            .isEqualTo(pointer.target());
                    System.arraycopy(bytes, pointer.offset(), copy, pointer.offset(), Long.BYTES);
                }
                assertThat(copy).isEqualTo(bytes);
            }
        }
    }

    private static long result(int index, long first, int stride) {
        return first + (long) Encoding.OP_SIZE * (stride * index + stride - 1) + Encoding.OP_RESULT;
    }

    private static OpList list(Random random) {
        OpList.Builder list = OpList.builder();
        List<Op> earlier = new ArrayList<>();
        int size = random.nextInt(1, random.nextInt(10) == 0 ? 500 : 20);
        for (int i = 0; i < size; i++) {
            Arg[] arguments = new Arg[random.nextInt(7)];
            for (int k = 0; k < arguments.length; k++) {
                arguments[k] = argument(random, earlier);
            }
            Errno[] tolerated = new Errno[random.nextInt(Op.MAXIMUM_TOLERATED + 1)];
            for (int k = 0; k < tolerated.length; k++) {
                tolerated[k] = ERRORS[random.nextInt(ERRORS.length)];
            }
            earlier.add(list.add(
                    Op.of(CALLS[random.nextInt(CALLS.length)], "", arguments).tolerating(tolerated)));
        }
        return list.build();
    }

    private static Arg argument(Random random, List<Op> earlier) {
        int kind = random.nextInt(8);
        if (earlier.isEmpty() && (kind == 2 || kind == 3)) {
            kind = 0;
        }
        return switch (kind) {
            case 0 -> Arg.of(random.nextLong());
            case 1 -> Arg.of(new Fd(random.nextInt(1 << 20), number -> {}));
            case 2 -> Arg.of(earlier.get(random.nextInt(earlier.size())));
            case 3 -> new Arg.Location(earlier.get(random.nextInt(earlier.size())));
            case 4 -> new Arg.Bytes(bytes(random));
            case 5 -> new Arg.Buffer(random.nextInt(1, 100));
            case 6 -> stored(random, earlier);
            default -> struct(random);
        };
    }

    private static Arg stored(Random random, List<Op> earlier) {
        for (Op operation : earlier) {
            for (Arg argument : operation.arguments()) {
                if (argument instanceof Arg.Buffer room && room.size() >= Long.BYTES) {
                    return new Arg.Stored(room, random.nextInt(room.size() - Long.BYTES + 1));
                }
            }
        }
        return Arg.of(0);
    }

    private static Arg struct(Random random) {
        int words = random.nextInt(1, 8);
        byte[] struct = new byte[words * Long.BYTES + random.nextInt(8)];
        random.nextBytes(struct);
        List<Arg.Pointer> pointers = new ArrayList<>();
        for (int i = 0; i < words; i++) {
            if (random.nextBoolean()) {
                pointers.add(new Arg.Pointer(Long.BYTES * i, bytes(random)));
            }
        }
        return new Arg.Struct(struct, pointers);
    }

    private static byte[] bytes(Random random) {
        byte[] bytes = new byte[random.nextInt(20) == 0 ? random.nextInt(5000) : random.nextInt(40)];
        random.nextBytes(bytes);
        return bytes;
    }

    private static byte[] bytes(long address, int size) {
        return MEMORY.asSlice(address, size).toArray(JAVA_BYTE);
    }

    private static long read(long address) {
        return MEMORY.get(JAVA_LONG, address);
    }

    @Test
    void oneBufferInTwoPlacesIsOnePieceOfMemory() {
        Arg.Buffer room = new Arg.Buffer(8);
        OpList list = OpList.of(Op.of(SystemCall.READ, "", room), Op.of(SystemCall.WRITE, "", room));

        try (Encoding encoding = new Encoding(list, false)) {
            long first = read(encoding.address() + Encoding.CONTROL_LIST) + Encoding.OP_ARGUMENTS;
            assertThat(read(first)).isEqualTo(read(first + Encoding.OP_SIZE));
        }
    }

    @Test
    void sizesThatArePredictedSuffice() {
        Random random = new Random(42);
        for (int i = 0; i < 200; i++) {
            OpList list = list(random);
            boolean timed = random.nextBoolean();
            java.nio.ByteBuffer exact = java.nio.ByteBuffer.allocateDirect(Encoding.sizeOf(list, timed));
            try (Encoding encoding = new Encoding(list, timed, Scratch.of(exact))) {
                encoding.birth(0, Optional.empty());
                check(list, encoding, timed);
            }
        }
    }

    @Test
    void scratchIsZeroedAndAlignedAndUsedAgain() {
        try (Scratch scratch = Scratch.borrow()) {
            int odd = scratch.store(new byte[] {1, 2, 3});
            int next = scratch.allocate(5);
            assertThat(next - odd).isEqualTo(8);
            assertThat(scratch.buffer().getLong(next)).isZero();
            assertThat(scratch.address(next) % Long.BYTES).isZero();
        }
        try (Scratch large = Scratch.borrow(1 << 20)) {
            assertThat(large.buffer().capacity()).isGreaterThanOrEqualTo(1 << 20);
        }
        try (Scratch again = Scratch.borrow(64 * 1024)) {
            assertThat(again.buffer().capacity())
                    .as("the large one is not kept")
                    .isEqualTo(64 * 1024);
            assertThat(again.allocate(8)).as("nothing is left over").isZero();
        }
    }
}
