package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * The door to the kernel: every native call of Cay goes through one shape of function, {@code long f(long × 7)}, because each
 * further shape costs a cold JVM several milliseconds.
 */
@SuppressWarnings("restricted") // this class is what the module is granted native access for
final class Native {
    static final Architecture ARCHITECTURE = Architecture.current();

    private static final FunctionDescriptor SHAPE = FunctionDescriptor.of(
            JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    /** A property: {@code process} does as if executable memory were refused, see {@link ProcessLauncher}. For tests. */
    private static final String LAUNCHER = "dev.cay.linux.launcher";

    private static final Linker LINKER = Linker.nativeLinker();

    /** {@code long syscall(long number, ...)} syscall(2): returns -1 on failure; only for finding room for our own code. */
    private static final MethodHandle LIBC_SYSCALL = library("syscall");

    private static final long PAGE = 4096;
    private static final long PROT_READ_WRITE = 3;
    private static final long PROT_READ_EXEC = 5;
    private static final long MAP_PRIVATE_ANONYMOUS = 0x22;

    /** The checked-in machine code, in executable memory; empty where the machine refuses to have any. */
    private static final Optional<MachineCode> CODE = placeCode();

    /** Errors of a call are the negatives of small numbers. */
    static final long MAXIMUM_ERRNO = 4095;

    private Native() {}

    /** The entry points of {@code launcher-*.S}. */
    private record MachineCode(MethodHandle systemCall, MethodHandle runList, MethodHandle spawn) {}

    private static final MethodHandle SYSTEM_CALL =
            CODE.map(MachineCode::systemCall).orElse(null);
    private static final MethodHandle RUN_LIST = CODE.map(MachineCode::runList).orElse(null);
    private static final MethodHandle SPAWN = CODE.map(MachineCode::spawn).orElse(null);

    private static Optional<MachineCode> placeCode() {
        if (System.getProperty(LAUNCHER, "").equals("process")) {
            return Optional.empty();
        }
        byte[] code = resource("launcher-" + ARCHITECTURE.text() + ".bin");
        try {
            long page = (long) LIBC_SYSCALL.invokeExact(
                    number(SystemCall.MMAP), 0L, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1L, 0L);
            if (page == -1) {
                return Optional.empty();
            }
            memory(page, PAGE).asByteBuffer().put(code);
            if ((long) LIBC_SYSCALL.invokeExact(number(SystemCall.MPROTECT), page, PAGE, PROT_READ_EXEC, 0L, 0L, 0L)
                    != 0) {
                long ignored = (long) LIBC_SYSCALL.invokeExact(number(SystemCall.MUNMAP), page, PAGE, 0L, 0L, 0L, 0L);
                return Optional.empty();
            }
            int stride = ARCHITECTURE == Architecture.X86_64 ? 0x20 : 0x40;
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

    private static long number(SystemCall call) {
        return call.number(ARCHITECTURE);
    }

    /** Whether this process may have executable memory. */
    static boolean hasMachineCode() {
        return CODE.isPresent();
    }

    /** The result of a call, or the negative of its errno. */
    static long call(SystemCall call, long a, long b, long c, long d, long e, long f) {
        if (SYSTEM_CALL == null) {
            return LibraryCalls.call(number(call), a, b, c, d, e, f);
        }
        try {
            return (long) SYSTEM_CALL.invokeExact(number(call), a, b, c, d, e, f);
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    static long call(SystemCall call, long a) {
        return call(call, a, 0, 0, 0, 0, 0);
    }

    static long call(SystemCall call, long a, long b) {
        return call(call, a, b, 0, 0, 0, 0);
    }

    static long call(SystemCall call, long a, long b, long c) {
        return call(call, a, b, c, 0, 0, 0);
    }

    static long call(SystemCall call, long a, long b, long c, long d) {
        return call(call, a, b, c, d, 0, 0);
    }

    /** Repeats a call that a signal interrupts. */
    static long retried(SystemCall call, long a, long b, long c, long d, long e) {
        long result;
        do {
            result = call(call, a, b, c, d, e, 0);
        } while (result == -Errno.EINTR.number());
        return result;
    }

    static boolean failed(long result) {
        return result < 0 && result >= -MAXIMUM_ERRNO;
    }

    static long check(long result, SystemCall call, String operands) throws SyscallException {
        if (failed(result)) {
            throw new SyscallException(call.text(), operands, (int) -result);
        }
        return result;
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

    static byte[] resource(String name) {
        try (InputStream stream = Native.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalStateException("the resource " + name + " is missing");
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Error unexpected(Throwable t) {
        if (t instanceof Error error) {
            return error;
        }
        return new AssertionError(t);
    }
}
