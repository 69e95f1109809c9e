package dev.cay.engine.files;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;

/**
 * The two places where calls are made, and the rules by which paths and names are opened.
 *
 * @param inside makes them as the sandbox's root, in a process inside; a round trip for each list
 * @param io makes them in this process, on descriptors that came from inside
 * @param root the sandbox's root directory
 */
record FileAccess(Kernel inside, Kernel io, Fd root) {
    /** Of a path that counts from the sandbox's root: links lead anywhere in the sandbox and nowhere else. */
    static final long IN_ROOT = FileOps.RESOLVE_IN_ROOT | FileOps.RESOLVE_NO_MAGICLINKS;

    /** Of what is below a directory while we walk: no links, no other file system, no way up. */
    static final long BELOW = FileOps.RESOLVE_BENEATH
            | FileOps.RESOLVE_NO_SYMLINKS
            | FileOps.RESOLVE_NO_MAGICLINKS
            | FileOps.RESOLVE_NO_XDEV;

    /** Of what is below a directory that is unpacked into, where other file systems may be mounted. */
    static final long BELOW_WITH_MOUNTS =
            FileOps.RESOLVE_BENEATH | FileOps.RESOLVE_NO_SYMLINKS | FileOps.RESOLVE_NO_MAGICLINKS;

    /** What is not known yet is opened so that neither a FIFO nor a terminal holds us up. */
    static final int O_READ = FileOps.O_RDONLY | FileOps.O_NONBLOCK | DirectoryOps.O_NOCTTY;

    static final int O_READ_DIRECTORY = O_READ | FileOps.O_DIRECTORY | FileOps.O_NOFOLLOW;
    static final int O_SEARCH_DIRECTORY = FileOps.O_PATH | FileOps.O_DIRECTORY;

    static final byte[] SELF = {};

    /** openat2 gives up with EAGAIN where a directory is renamed just then, which the sandbox can do without end. */
    private static final int ATTEMPTS = 128;

    /**
     * How the contents of a file are read and written.
     *
     * @param size the most bytes of one call
     * @param underway how many calls are on their way at once
     */
    record Pieces(int size, int underway) {
        /** Larger ones would not fit into the memory that calls of this process reuse. */
        static final Pieces HERE = new Pieces(60 * 1024, 1);

        /** Each is a round trip, and a process there: while one is written or read, another is on its way. */
        static final Pieces THERE = new Pieces(240 * 1024, 2);
    }

    Pieces pieces() {
        return root.isLocal() ? Pieces.HERE : Pieces.THERE;
    }

    /** Runs a list inside, whose openat2 calls come before all that must not be done twice. */
    Results inside(OpList list, String subject) {
        for (int attempt = 1; ; attempt++) {
            try {
                return inside.run(list);
            } catch (SyscallException e) {
                if (!e.is(Errno.EAGAIN) || !e.call().equals("openat2") || attempt == ATTEMPTS) {
                    throw Failures.of(subject, e);
                }
            }
        }
    }

    Results io(OpList list, String subject) {
        try {
            return io.run(list);
        } catch (SyscallException e) {
            throw Failures.of(subject, e);
        }
    }

    /** Begins with a list whose results are waited for later; see {@link Kernel#begin}. */
    Kernel.Begun begin(OpList list, String subject) {
        try {
            return io.begin(list);
        } catch (SyscallException e) {
            throw Failures.of(subject, e);
        }
    }

    static Results results(Kernel.Begun begun, String subject) {
        try (begun) {
            return begun.results();
        } catch (SyscallException e) {
            throw Failures.of(subject, e);
        }
    }

    /** The value of a call that is a list of its own. */
    long io(Op operation, String subject) {
        return io(OpList.of(operation), subject).value(operation);
    }

    /** Opens what a path leads to, a link at its end included. */
    Op open(byte[] path, int flags) {
        return DirectoryOps.open(Arg.of(root), path, flags, IN_ROOT);
    }

    Op openParent(Place place) {
        return open(place.parent(), O_SEARCH_DIRECTORY);
    }

    /** Opens a directory in a directory, on the same mount. */
    static Op openDirectory(Arg parent, byte[] name) {
        return DirectoryOps.open(parent, name, O_READ_DIRECTORY, BELOW);
    }
}
