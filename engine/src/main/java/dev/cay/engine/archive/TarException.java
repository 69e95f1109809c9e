package dev.cay.engine.archive;

import java.io.IOException;

/** An archive, or a name in one, cannot be used. The message tells the entry and what is wrong with it. */
public final class TarException extends IOException {
    private static final long serialVersionUID = 1;

    /** What is wrong. The names are stable. */
    public enum Reason {
        /** The archive, or the content of an entry to be written, ends too early. */
        TRUNCATED,
        /** What should be a header is none. */
        BAD_CHECKSUM,
        /** A header is whole, but makes no sense. */
        BAD_HEADER,
        /** A number is none, or is outside of its range. */
        BAD_NUMBER,
        /** An extended header is malformed, or contradicts another. */
        BAD_PAX,
        /** A name leads out of its root, or cannot be a name. */
        BAD_NAME,
        /** Sparse files are not read. */
        UNSUPPORTED_SPARSE,
        /** The type of an entry is not known. */
        UNSUPPORTED_TYPE,
        /** See {@link TarLimits#entries}. */
        TOO_MANY_ENTRIES,
        /** See {@link TarLimits#nameLength} and {@link EntryPath}. */
        NAME_TOO_LONG,
        /** See {@link TarLimits#paxSize}. */
        PAX_TOO_LARGE,
        /** See {@link TarLimits#xattrSize}. */
        XATTRS_TOO_LARGE,
        /** See {@link TarLimits#contentSize}. */
        CONTENT_TOO_LARGE
    }

    private final Reason reason;

    TarException(Reason reason, String what) {
        super(what);
        this.reason = reason;
    }

    private TarException(long entry, TarException cause) {
        super("tar entry " + entry + ": " + cause.getMessage(), cause);
        this.reason = cause.reason;
    }

    /** The same, told of an entry; the first is 1. */
    public TarException in(long entry) {
        return new TarException(entry, this);
    }

    public Reason reason() {
        return reason;
    }
}
