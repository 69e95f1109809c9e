package dev.cay.engine.files;

import dev.cay.SandboxException.FileFailed;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarWriter;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.FileStatus;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The archive that is being written: names, entries, and which files are in it already. Not thread-safe. */
final class PackedFiles implements FoundFiles {
    /** More names than this no file system's path can have. */
    private static final int MAXIMUM_NAME = 4095;

    /** Of an archive; a directory that grows faster than it is packed ends here. */
    private static final long MAXIMUM_ENTRIES = 4_000_000;

    /** How many files that have several names are remembered; further ones are packed once for each name. */
    private static final int MAXIMUM_LINKED = 1 << 20;

    private final TarWriter writer;
    private final byte[] base;
    private final String text;
    private final Map<Identity, ByteString> linked = new HashMap<>();
    private long entries;

    /**
     * @param base the name in the archive of what is packed
     * @param text its path, for messages
     */
    PackedFiles(TarWriter writer, byte[] base, String text) {
        this.writer = writer;
        this.base = base;
        this.text = text;
    }

    private record Identity(int major, int minor, long inode) {}

    /** The name of a file in the archive, which is empty if it is what is packed. */
    private ByteString name(byte[] directory, byte[] name, boolean slash) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        joined.writeBytes(base);
        for (byte[] part : new byte[][] {directory, name}) {
            if (part.length > 0) {
                joined.write('/');
                joined.writeBytes(part);
            }
        }
        if (joined.size() >= MAXIMUM_NAME) {
            throw Failures.of(text, dev.cay.linux.Errno.ENAMETOOLONG, "it contains a path of more than 4094 bytes");
        }
        if (slash) {
            joined.write('/');
        }
        return ByteString.of(joined.toByteArray());
    }

    @Override
    public void directory(byte[] path, FileStatus status, Map<String, ByteString> attributes) throws IOException {
        add(entry(name(path, FileAccess.SELF, true), new Kind.Directory(), status, attributes));
    }

    @Override
    public void link(byte[] directory, NamedFile file, byte[] target) throws IOException {
        other(directory, file, new Kind.SymbolicLink(ByteString.of(target)));
    }

    /** {@inheritDoc} Sockets and devices are left out: whatever they are there, they would not be that elsewhere. */
    @Override
    public void special(byte[] directory, NamedFile file) throws IOException {
        if (file.status().type() == DirectoryOps.S_IFIFO) {
            other(directory, file, new Kind.Fifo());
        }
    }

    @Override
    public boolean wantsAttributes() {
        return true;
    }

    @Override
    public boolean wantsMounts() {
        return false;
    }

    private void other(byte[] directory, NamedFile file, Kind kind) throws IOException {
        ByteString name = name(directory, file.name(), false);
        if (!addAsLink(name, file.status())) {
            add(entry(name, kind, file.status(), Map.of()));
            remember(name, file.status());
        }
    }

    @Override
    public void file(byte[] directory, NamedFile file, byte[] content, int length) throws IOException {
        file(directory, file, length, Map.of(), new ByteArrayInputStream(content, 0, length));
    }

    /** {@inheritDoc} It must have as much. */
    @Override
    public void file(byte[] directory, NamedFile file, Map<String, ByteString> attributes, InputStream content)
            throws IOException {
        file(directory, file, file.status().size(), attributes, content);
    }

    private void file(
            byte[] directory, NamedFile file, long size, Map<String, ByteString> attributes, InputStream content)
            throws IOException {
        ByteString name = name(directory, file.name(), false);
        if (!addAsLink(name, file.status())) {
            count();
            writer.add(entry(name, new Kind.File(size), file.status(), attributes), content);
            remember(name, file.status());
        }
    }

    private boolean addAsLink(ByteString name, FileStatus status) throws IOException {
        ByteString first = status.links() > 1 ? linked.get(identity(status)) : null;
        if (first == null) {
            return false;
        }
        add(entry(name, new Kind.HardLink(first), status, Map.of()));
        return true;
    }

    private void remember(ByteString name, FileStatus status) {
        if (status.links() > 1 && linked.size() < MAXIMUM_LINKED) {
            linked.put(identity(status), name);
        }
    }

    private static Identity identity(FileStatus status) {
        return new Identity(status.deviceMajor(), status.deviceMinor(), status.inode());
    }

    private void add(TarEntry entry) throws IOException {
        count();
        writer.add(entry);
    }

    private void count() {
        if (++entries > MAXIMUM_ENTRIES) {
            throw Failures.of(text, dev.cay.linux.Errno.E2BIG, "more than " + MAXIMUM_ENTRIES + " files");
        }
    }

    private static TarEntry entry(ByteString name, Kind kind, FileStatus status, Map<String, ByteString> attributes) {
        return new TarEntry(
                name, kind, status.permissions(), status.user(), status.group(), status.modified(), attributes);
    }

    /** What a stream that failed means: our own failure, if it was our stream. */
    FileFailed failure(IOException cause) {
        return cause.getCause() instanceof FileFailed own ? own : Failures.ofStream(text, cause);
    }

    static byte[] join(byte[] directory, byte[] name) {
        if (directory.length == 0) {
            return name;
        }
        byte[] joined = Arrays.copyOf(directory, directory.length + 1 + name.length);
        joined[directory.length] = '/';
        System.arraycopy(name, 0, joined, directory.length + 1, name.length);
        return joined;
    }
}
