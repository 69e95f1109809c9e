package dev.cay.engine.files;

import dev.cay.FileInfo;
import dev.cay.FilePath;
import dev.cay.FileWatch;
import dev.cay.SandboxFiles;
import dev.cay.WriteOptions;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** The files of a sandbox whose root directory is an open descriptor. Thread-safe. */
public final class ContainerFiles implements SandboxFiles {
    private final FileAccess access;

    /**
     * @param inside runs a list as the sandbox's root, inside; descriptors that it opens can be used with both
     * @param io runs a list in this process
     * @param root the sandbox's root directory, opened with O_PATH; stays the caller's, who keeps it open while this is in use
     */
    public ContainerFiles(Kernel inside, Kernel io, Fd root) {
        access = new FileAccess(inside, io, root);
    }

    /** {@inheritDoc} The stream fails with an {@link java.io.IOException}, whose cause says why. */
    @Override
    public InputStream read(FilePath path, long offset, long length) {
        return Reading.open(access, path, offset, length);
    }

    /** {@inheritDoc} A symbolic link in the place of the file is replaced, not followed. */
    @Override
    public long write(FilePath path, InputStream content, WriteOptions options) {
        return new Writing(access, path, options).write(content);
    }

    /** {@inheritDoc} A symbolic link that leads nowhere is replaced. */
    @Override
    public long append(FilePath path, InputStream content, WriteOptions options) {
        return new InPlace(access, path, options).append(content);
    }

    /** {@inheritDoc} A symbolic link that leads nowhere is replaced. */
    @Override
    public long overwrite(FilePath path, InputStream content, WriteOptions options) {
        return new InPlace(access, path, options).overwrite(content);
    }

    @Override
    public FileInfo stat(FilePath path, boolean follow) {
        return Informing.stat(access, path, follow);
    }

    @Override
    public Listing list(FilePath path) {
        return DirectoryListing.open(access, path);
    }

    @Override
    public void makeDirectory(FilePath path, int mode, boolean parents) {
        Directories.make(access, path, mode, parents);
    }

    /** {@inheritDoc} What is mounted in a tree is not removed: that is EBUSY or EXDEV. */
    @Override
    public void remove(FilePath path, boolean recursive) {
        Removal.remove(access, path, recursive);
    }

    @Override
    public void move(FilePath from, FilePath to) {
        Directories.move(access, from, to);
    }

    /** {@inheritDoc} What is mounted below the directory is not watched. */
    @Override
    public FileWatch watch(FilePath path, boolean recursive) {
        return DirectoryWatch.open(access, path, recursive);
    }

    /**
     * {@inheritDoc} Files and links that are there are replaced, directories kept. A link, or a file, in the place of a directory
     * is an error. The directory itself keeps its owner, mode and times. Of a failure, what was unpacked before stays.
     */
    @Override
    public void unpack(FilePath directory, InputStream tar) {
        TreeUnpacker.unpack(access, directory, tar, false);
    }

    /**
     * The same for what is to be a layer of an overlay: of its devices those are made that say that there is nothing any more, and that
     * are none.
     */
    public void unpackLayer(FilePath directory, InputStream tar) {
        TreeUnpacker.unpack(access, directory, tar, true);
    }

    /** {@inheritDoc} Links in it are not followed; what is mounted below it belongs to it. */
    @Override
    public void visit(FilePath directory, Visitor visitor) throws IOException {
        TreePacker.visit(access, directory, visitor);
    }

    /** {@inheritDoc} A link is packed, not followed. What is mounted below the directory is left out, and so are sockets. */
    @Override
    public void pack(FilePath path, OutputStream tar) {
        TreePacker.pack(access, path, tar);
    }
}
