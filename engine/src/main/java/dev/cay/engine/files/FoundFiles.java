package dev.cay.engine.files;

import dev.cay.engine.archive.ByteString;
import dev.cay.linux.FileStatus;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/** Gets to know what is in a tree: a directory before what is in it, paths below the top, whose own is empty. */
interface FoundFiles {
    void directory(byte[] path, FileStatus status, Map<String, ByteString> attributes) throws IOException;

    /** A file whose content is known. */
    void file(byte[] directory, NamedFile file, byte[] content, int length) throws IOException;

    /** A file whose content can be read, as much as its status says, until this returns. */
    void file(byte[] directory, NamedFile file, Map<String, ByteString> attributes, InputStream content)
            throws IOException;

    void link(byte[] directory, NamedFile file, byte[] target) throws IOException;

    /** A FIFO, a socket or a device. */
    void special(byte[] directory, NamedFile file) throws IOException;

    /** Whether extended attributes are of any interest. */
    boolean wantsAttributes();

    /** Whether what is mounted below the top belongs to the tree. */
    boolean wantsMounts();
}
