package dev.cay.linux;

import java.io.File;
import java.nio.Buffer;
import java.nio.ByteBuffer;

/**
 * The launcher as a library of native methods ({@code native-methods-*.S}), for processes that live for a tenth of a second: a
 * downcall is made of classes that the JVM writes at run time, which costs it 0.1 s the first time. It has to be a file, so it
 * is used only where a property names one, as the command line's starter does.
 */
@SuppressWarnings("restricted") // loads the library, what the module is granted native access for
final class NativeMethods {
    /** A property: the path of {@code native-methods-ARCHITECTURE.so}. */
    static final String LIBRARY = "dev.cay.linux.library";

    /** Whether the methods can be called. */
    static final boolean LOADED = load();

    private NativeMethods() {}

    /** @throws UnsatisfiedLinkError if there is no such library: who names one wants it used */
    private static boolean load() {
        String path = System.getProperty(LIBRARY, "");
        if (path.isEmpty() || Native.launcherIsProgram()) {
            return false;
        }
        System.load(new File(path).getAbsolutePath());
        return true;
    }

    /** The result of a call, or the negative of its errno. */
    static native long systemCall(long number, long a, long b, long c, long d, long e, long f);

    /** Walks the list of a control block in this thread. */
    static native void runList(long control);

    /** Walks the list of a control block in a child: its process id, or the negative of clone3's errno. */
    static native long spawn(long control);

    /** Memory at an address. */
    static native ByteBuffer memory(long address, long size);

    /** Where a direct buffer begins. */
    static native long address(Buffer direct);
}
