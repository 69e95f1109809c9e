package dev.cay.linux;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The door to the kernel. Behind it are {@link NativeMethods}, which are there at once but have to be a file, or
 * {@link Downcalls}, which need nothing but the JVM.
 */
final class Native {
    static final Architecture ARCHITECTURE = Architecture.current();

    /** A property: {@code process} does as if executable memory were refused, see {@link ProcessLauncher}. For tests. */
    private static final String LAUNCHER = "dev.cay.linux.launcher";

    /** Errors of a call are the negatives of small numbers. */
    static final long MAXIMUM_ERRNO = 4095;

    private Native() {}

    /** Whether the launcher shall be a program, though the machine may allow another one. */
    static boolean launcherIsProgram() {
        return System.getProperty(LAUNCHER, "").equals("process");
    }

    /** Whether there is machine code of ours in this process. */
    static boolean hasMachineCode() {
        return NativeMethods.LOADED || Downcalls.hasMachineCode();
    }

    /** Memory at an address. */
    static ByteBuffer memory(long address, long size) {
        ByteBuffer memory = NativeMethods.LOADED
                ? NativeMethods.memory(address, size)
                : Downcalls.memory(address, size).asByteBuffer();
        return memory.order(ByteOrder.nativeOrder());
    }

    /** Where a direct buffer begins. */
    static long address(ByteBuffer direct) {
        return NativeMethods.LOADED ? NativeMethods.address(direct) : Downcalls.address(direct);
    }

    static long number(SystemCall call) {
        return call.number(ARCHITECTURE);
    }

    /** The result of a call, or the negative of its errno. */
    static long call(SystemCall call, long a, long b, long c, long d, long e, long f) {
        return NativeMethods.LOADED
                ? NativeMethods.systemCall(number(call), a, b, c, d, e, f)
                : Downcalls.systemCall(number(call), a, b, c, d, e, f);
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
        if (NativeMethods.LOADED) {
            NativeMethods.runList(control);
        } else {
            Downcalls.runList(control);
        }
    }

    /** Walks the list of a control block in a child: its process id, or the negative of clone3's errno. */
    static long spawn(long control) {
        return NativeMethods.LOADED ? NativeMethods.spawn(control) : Downcalls.spawn(control);
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
}
