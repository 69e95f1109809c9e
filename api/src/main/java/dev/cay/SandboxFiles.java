package dev.cay;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Iterator;

/**
 * The files of a sandbox, as its root sees them. Thread-safe.
 *
 * <p>The sandbox may change its files at the same time, with all the malice it has: no path ever leads out of it, and what it
 * holds up holds up one call. Every method throws {@link SandboxException.FileFailed}, whose error number says why, and
 * {@link SandboxException.Closed} if the sandbox has ended.
 */
public interface SandboxFiles {
    /**
     * Opens a regular file for reading, from a position on; at the most so many bytes. Nothing is buffered whole.
     *
     * @param offset 0 or more
     * @param length 0 or more; {@link Long#MAX_VALUE} for all
     */
    InputStream read(FilePath path, long offset, long length);

    /** Opens a regular file for reading. */
    default InputStream read(String path) {
        return read(FilePath.of(path), 0, Long.MAX_VALUE);
    }

    /**
     * Writes a file as a whole: under another name beside it, synced, and put in its place when the stream ends. Until then, and
     * if the stream fails, the old one stays.
     *
     * @return how many bytes were written
     */
    long write(FilePath path, InputStream content, WriteOptions options);

    /** Writes a file as a whole. */
    default void write(String path, byte[] content) {
        write(FilePath.of(path), new java.io.ByteArrayInputStream(content), WriteOptions.STANDARD);
    }

    /**
     * Adds to the end of a regular file; a link to it is followed. One that is not there is made first, as {@link #write} makes it.
     * What was added before a failure stays.
     *
     * @return how many bytes were added
     */
    default long append(FilePath path, InputStream content, WriteOptions options) {
        throw new SandboxException.Unsupported("files are not appended to here", "write it as a whole");
    }

    /**
     * Writes into a regular file that is there, which stays the same file, with its owner, permissions and other names; a link to it is
     * followed. One that is not there is made first, as {@link #write} makes it. What was in it is gone as soon as this begins, and what
     * was written before a failure stays.
     *
     * @return how many bytes were written
     */
    default long overwrite(FilePath path, InputStream content, WriteOptions options) {
        throw new SandboxException.Unsupported("files are not overwritten here", "write it as a whole");
    }

    /** Looks at a file; at a symbolic link itself if it is not to be followed. */
    FileInfo stat(FilePath path, boolean follow);

    /** The files of a directory in no order, read page by page while they are asked for. To be closed. */
    Listing list(FilePath path);

    /** The files of a directory. */
    interface Listing extends Iterator<FileInfo>, AutoCloseable {
        @Override
        void close();
    }

    /**
     * Makes a directory.
     *
     * @param parents whether missing ones on the way are made too, and one that is there is no error
     */
    void makeDirectory(FilePath path, int mode, boolean parents);

    /** Removes a file or an empty directory; with all that is in it if recursive. A link is removed, not followed. */
    void remove(FilePath path, boolean recursive);

    /** Renames a file; what is at the new place is replaced as rename(2) does. */
    void move(FilePath from, FilePath to);

    /** Watches a directory, and those below it if recursive. */
    FileWatch watch(FilePath path, boolean recursive);

    /**
     * Unpacks a tar archive into a directory. Names, owners, modes, times, links and extended attributes are kept; devices are left
     * out; nothing is put outside of the directory.
     */
    void unpack(FilePath directory, InputStream tar);

    /**
     * Shows all that is in a directory, and below it, a directory before what is in it. Many small files are read far faster so
     * than one by one.
     *
     * @throws IOException from the visitor, which ends it
     */
    void visit(FilePath directory, Visitor visitor) throws IOException;

    /** Is shown files. */
    @FunctionalInterface
    interface Visitor {
        /**
         * @param directory in which it is: the path below the directory that was asked about, of which {@code .} is that itself
         * @param content of a regular file, not more than its size, to be read before this returns; empty for all else
         */
        void visit(FilePath directory, FileInfo file, InputStream content) throws IOException;
    }

    /** Packs a file or a directory, under its last name, as a tar archive. Owners are the sandbox's ids. */
    void pack(FilePath path, OutputStream tar);
}
