package dev.cay.engine.microvm;

import dev.cay.linux.Kernel;
import java.io.IOException;

/** Something that is done in a guest. */
@FunctionalInterface
public interface GuestWork {
    /** @param guest runs lists in children of its first process, which is its root */
    void in(Kernel guest) throws IOException;
}
