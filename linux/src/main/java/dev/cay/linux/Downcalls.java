package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Native calls that need no file: the launcher's machine code in memory of our own. All go through one shape of function,
 * {@code long f(long × 7)}, because each further shape costs a cold JVM several milliseconds.
 */
@SuppressWarnings("restricted") // what the module is granted native access for
final class Downcalls {
    private static final FunctionDescriptor SHAPE = FunctionDescriptor.of(
            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    private static final Linker LINKER = Linker.nativeLinker();

    /** {@code long syscall(long number, ...)} syscall(2): returns -1 on failure; only for finding room for our own code. */
    private static final MethodHandle LIBC_SYSCALL = library("syscall");

    private static final long PAGE = 4096;
    private static final long PROT_READ_WRITE = 3;
    private static final long PROT_READ_EXEC = 5;
    private static final long MAP_PRIVATE_ANONYMOUS = 0x22;

    /** The checked-in machine code, in executable memory; empty where the machine refuses to have any. */
    private static final Optional<MachineCode> CODE = placeCode();

    private static final MethodHandle SYSTEM_CALL =
            CODE.map(MachineCode::systemCall).orElse(null);
    private static final MethodHandle RUN_LIST = CODE.map(MachineCode::runList).orElse(null);
    private static final MethodHandle SPAWN = CODE.map(MachineCode::spawn).orElse(null);

    private Downcalls() {}

    /** The entry points of {@code launcher-*.S}. */
    private record MachineCode(MethodHandle systemCall, MethodHandle runList, MethodHandle spawn) {}

    private static Optional<MachineCode> placeCode() {
        if (Native.launcherIsProgram()) {
            return Optional.empty();
        }
        byte[] code = Native.resource("launcher-" + Native.ARCHITECTURE.text() + ".bin");
        try {
            long page = (long) LIBC_SYSCALL.invokeExact(
                    Native.number(SystemCall.MMAP), 0L, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1L, 0L);
            if (page == -1) {
                return Optional.empty();
            }
            memory(page, PAGE).asByteBuffer().put(code);
            if ((long) LIBC_SYSCALL.invokeExact(
                            Native.number(SystemCall.MPROTECT), page, PAGE, PROT_READ_EXEC, 0L, 0L, 0L)
                    != 0) {
                long ignored =
                        (long) LIBC_SYSCALL.invokeExact(Native.number(SystemCall.MUNMAP), page, PAGE, 0L, 0L, 0L, 0L);
                return Optional.empty();
            }
            int stride = Native.ARCHITECTURE == Architecture.X86_64 ? 0x20 : 0x40;
            return Optional.of(new MachineCode(function(page), function(page + stride), function(page + 2L * stride)));
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static MethodHandle function(long address) {
        return LINKER.downcallHandle(MemorySegment.ofAddress(address), SHAPE);
    }

    /** A function of libc. Narrower parameters than ours take the lower bits; of a narrower result they are all that counts. */
    static MethodHandle library(String name, Linker.Option... options) {
        MemorySegment address = LINKER.defaultLookup().find(name).orElseThrow(() -> new UnsatisfiedLinkError(name));
        return LINKER.downcallHandle(address, SHAPE, options);
    }

    /** Memory at an address. */
    static MemorySegment memory(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size);
    }

    static long address(ByteBuffer direct) {
        return MemorySegment.ofBuffer(direct).address();
    }

    /** Whether this process may have executable memory. */
    static boolean hasMachineCode() {
        return CODE.isPresent();
    }

    /** The result of a call, or the negative of its errno. */
    static long systemCall(long number, long a, long b, long c, long d, long e, long f) {
        if (SYSTEM_CALL == null) {
            return LibraryCalls.call(number, a, b, c, d, e, f);
        }
        try {
            return (long) SYSTEM_CALL.invokeExact(number, a, b, c, d, e, f);
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Walks the list of a control block in this thread. */
    static void runList(long control) {
        if (RUN_LIST == null) {
            LibraryCalls.runList(control);
            return;
        }
        try {
            long ignored = (long) RUN_LIST.invokeExact(control, 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Walks the list of a control block in a child: its process id, or the negative of clone3's errno. */
    static long spawn(long control) {
        try {
            return (long) SPAWN.invokeExact(control, 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static Error unexpected(Throwable t) {
        if (t instanceof Error error) {
            return error;
        }
        return new AssertionError(t);
    }
}
