package dev.cay.engine.erofs;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.engine.erofs.LayerException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Makes an EROFS file system of a layer, as the OCI image specification has it: an archive of changes, where names that begin
 * with {@code .wh.} remove what lies below. The archive is read once, as it comes, and not trusted; nothing of it is ever
 * unpacked. What an overlay mount needs to see of removals is in the file system: character devices of number 0, and {@code
 * trusted.overlay.opaque}.
 *
 * <p>Devices are left out: a sandbox has its own. Owners, modes, times to the nanosecond, hard links, extended attributes with
 * capabilities, and names that are no text are kept.
 */
public final class LayerConverter {
    /** Larger than what the file system can hold in an inode; more is refused before it takes memory. */
    private static final int XATTRS = 256 * 1024;

    private static final int EXTENDED_HEADERS = 2 << 20;

    private final Inodes inodes;
    private final LayerTree tree;
    private Optional<LayerTree.Leaf> whiteout = Optional.empty();

    private LayerConverter(ErofsImage image, LayerLimits limits) {
        inodes = new Inodes(image);
        tree = new LayerTree(limits.memory());
    }

    /**
     * Converts a layer, in the calling thread, with memory of a few hundred bytes for each entry. All of the source is read, also
     * what follows the archive, so whoever digests it on the way has the digest of all.
     *
     * @param source the archive, plain, or compressed by gzip or zstd; not closed
     * @param erofs the file to be made, which must not exist; after an exception it is gone. Not synced
     * @throws TarException if it is no archive, or asks for more than the limits allow
     * @throws LayerException if it is none of a layer, or asks for more
     */
    public static Layer convert(InputStream source, Path erofs, LayerLimits limits) throws IOException {
        requireNonNull(source, "source is null");
        requireNonNull(limits, "limits is null");
        try (Expansion expansion = new Expansion(source, limits);
                ErofsImage image = new ErofsImage(erofs)) {
            try {
                LayerConverter converter = new LayerConverter(image, limits);
                long entries = converter.entries(expansion, limits);
                expansion.drain();
                new Directories(image, converter.inodes).write(converter.tree);
                return new Layer(expansion.diffId(), expansion.size(), entries, converter.tree.root().opaque);
            } catch (IOException | RuntimeException e) {
                Files.deleteIfExists(erofs);
                throw e;
            }
        }
    }

    private long entries(InputStream archive, LayerLimits limits) throws IOException {
        TarReader reader = new TarReader(
                archive, new TarLimits(limits.entries(), limits.pathLength(), EXTENDED_HEADERS, XATTRS, limits.size()));
        long number = 0;
        for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            number++;
            try {
                add(entry.get(), path(entry.get().name(), number), reader.content());
            } catch (LayerException e) {
                throw e.in(number);
            }
        }
        return number;
    }

    private static EntryPath path(ByteString name, long number) throws TarException {
        try {
            return EntryPath.of(name);
        } catch (TarException e) {
            throw e.in(number);
        }
    }

    private void add(TarEntry entry, EntryPath path, InputStream content) throws IOException {
        if (path.isRoot()) {
            if (!(entry.kind() instanceof Kind.Directory)) {
                throw new LayerException(Reason.NOT_A_DIRECTORY, "the root is no directory");
            }
            tree.describe(tree.root(), Attributes.of(entry), entry.xattrs());
            return;
        }
        LayerTree.Directory parent = tree.parent(path);
        ByteString name = path.components().getLast();
        if (LayerTree.isWhiteout(name)) {
            tree.whiteout(parent, name, whiteout());
            return;
        }
        switch (entry.kind()) {
            case Kind.Directory _ -> tree.directory(parent, name, Attributes.of(entry), entry.xattrs());
            case Kind.File(long size) ->
                put(parent, name, inodes.file(Attributes.of(entry), content, size), Inodes.TYPE_FILE);
            case Kind.Fifo _ ->
                put(parent, name, inodes.special(Attributes.of(entry), Inodes.TYPE_FIFO), Inodes.TYPE_FIFO);
            case Kind.SymbolicLink(ByteString target) ->
                tree.put(
                        parent,
                        name,
                        new LayerTree.Leaf(
                                inodes.symbolicLink(Attributes.of(entry), target), Inodes.TYPE_SYMBOLIC_LINK, target));
            case Kind.HardLink(ByteString target) -> link(parent, name, target);
            case Kind.CharacterDevice _, Kind.BlockDevice _ -> tree.remove(parent, name);
        }
    }

    private void put(LayerTree.Directory parent, ByteString name, long number, int type) throws LayerException {
        tree.put(parent, name, new LayerTree.Leaf(number, type, ByteString.EMPTY));
    }

    private void link(LayerTree.Directory parent, ByteString name, ByteString target) throws IOException {
        Optional<LayerTree.Node> linked = tree.find(EntryPath.of(target));
        if (linked.isPresent() && linked.get() instanceof LayerTree.Leaf leaf && !leaf.isWhiteout()) {
            tree.put(parent, name, leaf);
        } else {
            throw new LayerException(
                    Reason.BAD_LINK,
                    "a hard link leads to '" + target + "', which is "
                            + (linked.isPresent() ? "a directory, or removed" : "not in the layer before it"));
        }
    }

    /** All removed files are names of one inode. */
    private LayerTree.Leaf whiteout() throws IOException {
        if (whiteout.isEmpty()) {
            long number = inodes.special(Attributes.WHITEOUT, Inodes.TYPE_CHARACTER_DEVICE);
            whiteout = Optional.of(new LayerTree.Leaf(number, Inodes.TYPE_CHARACTER_DEVICE, ByteString.EMPTY));
        }
        return whiteout.get();
    }
}
