package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** System calls by way of libc, and the walk of a list in Java: what is left where no code of ours may be placed. */
final class LibraryCalls {
    /** {@code long syscall(long number, ...)} syscall(2). */
    private static final MethodHandle SYSCALL = Downcalls.library("syscall", Linker.Option.captureCallState("errno"));

    /** The whole address space, since a list holds addresses. */
    private static final MemorySegment MEMORY = Downcalls.memory(0, Long.MAX_VALUE);

    private LibraryCalls() {}

    /** The result of a call, or the negative of its errno. */
    static long call(long number, long a, long b, long c, long d, long e, long f) {
        try (Scratch scratch = Scratch.borrow()) {
            MemorySegment state = MemorySegment.ofBuffer(scratch.buffer());
            long result = (long) SYSCALL.invokeExact(state, number, a, b, c, d, e, f);
            return result == -1 ? -state.get(JAVA_INT, 0) : result;
        } catch (Throwable t) {
            throw Downcalls.unexpected(t);
        }
    }

    /** {@code run_list} of {@code launcher-*.S}. */
    static void runList(long control) {
        long at = read(control + Encoding.CONTROL_LIST);
        for (int index = 0; read(at) >= 0; index++, at += Encoding.OP_SIZE) {
            long result = call(
                    read(at),
                    argument(at, 0),
                    argument(at, 1),
                    argument(at, 2),
                    argument(at, 3),
                    argument(at, 4),
                    argument(at, 5));
            write(at + Encoding.OP_RESULT, result);
            if (Native.failed(result) && !tolerates(at, -result)) {
                write(control + Encoding.CONTROL_FAILED, index);
                write(control + Encoding.CONTROL_ERRNO, -result);
                return;
            }
        }
    }

    private static long argument(long operation, int index) {
        long value = read(operation + Encoding.OP_ARGUMENTS + (long) Long.BYTES * index);
        return (read(operation + Encoding.OP_INDIRECT) & 1L << index) == 0 ? value : read(value);
    }

    private static boolean tolerates(long operation, long errno) {
        for (int i = 0; i < Op.MAXIMUM_TOLERATED; i++) {
            if (MEMORY.get(JAVA_SHORT, operation + Encoding.OP_TOLERATED + (long) Short.BYTES * i) == errno) {
                return true;
            }
        }
        return false;
    }

    private static long read(long address) {
        return MEMORY.get(JAVA_LONG, address);
    }

    private static void write(long address, long value) {
        MEMORY.set(JAVA_LONG, address, value);
    }
}
