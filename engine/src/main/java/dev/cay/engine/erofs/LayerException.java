package dev.cay.engine.erofs;

import java.io.IOException;

/** The archive of a layer cannot be used. The message tells what is wrong with it. */
public final class LayerException extends IOException {
    private static final long serialVersionUID = 1;

    /** What is wrong. The names are stable. */
    public enum Reason {
        /** What is compressed cannot be decompressed, or ends too early. */
        BAD_COMPRESSION,
        /** Compressed in a way that is not read. */
        UNSUPPORTED_COMPRESSION,
        /** A hard link leads to nothing that the layer has, or to a directory. */
        BAD_LINK,
        /** A name leads through symbolic links to nothing, or round in circles. */
        BAD_PATH,
        /** A name leads through a file. */
        NOT_A_DIRECTORY,
        /** What is to be removed has no name. */
        BAD_WHITEOUT,
        /** An owner is none that Linux can have. */
        BAD_OWNER,
        /** More extended attributes than the file system can hold. */
        XATTRS_TOO_LARGE,
        /** See {@link dev.cay.engine.archive.EntryPath#MAXIMUM_DEPTH}. */
        TOO_DEEP,
        /** See {@link LayerLimits#size}. */
        TOO_LARGE,
        /** See {@link LayerLimits#expansion}. */
        EXPANDS_TOO_MUCH,
        /** See {@link LayerLimits#memory}. */
        TOO_MUCH_MEMORY
    }

    private final Reason reason;

    LayerException(Reason reason, String what) {
        super(what);
        this.reason = reason;
    }

    LayerException(Reason reason, String what, Throwable cause) {
        super(what, cause);
        this.reason = reason;
    }

    /** The same, told of an entry; the first is 1. */
    LayerException in(long entry) {
        return new LayerException(reason, "tar entry " + entry + ": " + getMessage(), this);
    }

    public Reason reason() {
        return reason;
    }
}
