package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes the archive of a layer again, out of what {@link LayerConverter} made of it. It says the same, and always in the same
 * bytes, but hardly in those of the archive that was converted.
 */
public final class LayerExport {
    private static final String OPAQUE = "trusted.overlay.opaque";
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE_NAME = ".wh..wh..opq";
    private static final int MODE = 07777;

    private final LayerReader reader;
    private final TarWriter tar;

    /** The first name of each inode that has several. */
    private final Map<Long, ByteString> linked = new HashMap<>();

    private LayerExport(LayerReader reader, TarWriter tar) {
        this.reader = reader;
        this.tar = tar;
    }

    private record Place(ByteString path, LayerReader.Inode inode) {}

    /**
     * Writes the archive, uncompressed.
     *
     * @param erofs a file that {@link LayerConverter} has made
     * @param target needs no buffer, and is not closed
     * @throws IOException also if the file is damaged
     */
    public static void write(Path erofs, OutputStream target) throws IOException {
        try (LayerReader reader = new LayerReader(erofs)) {
            TarWriter tar = new TarWriter(target);
            new LayerExport(reader, tar).tree();
            tar.finish();
        }
    }

    private void tree() throws IOException {
        Deque<Place> rest = new ArrayDeque<>(List.of(new Place(ByteString.EMPTY, reader.root())));
        while (!rest.isEmpty()) {
            directory(rest.pop(), rest);
        }
    }

    private void directory(Place place, Deque<Place> rest) throws IOException {
        Map<String, ByteString> xattrs = new TreeMap<>(place.inode().xattrs());
        boolean opaque = xattrs.remove(OPAQUE) != null;
        ByteString name = place.path().isEmpty() ? ByteString.of("./") : joined(place.path(), ByteString.EMPTY);
        tar.add(entry(name, new Kind.Directory(), place.inode(), xattrs));
        if (opaque) {
            tar.add(marker(joined(place.path(), ByteString.of(OPAQUE_NAME))));
        }
        Deque<Place> below = new ArrayDeque<>();
        for (LayerReader.Entry child : reader.entries(place.inode())) {
            LayerReader.Inode inode = reader.inode(child.inode());
            ByteString path = joined(place.path(), child.name());
            switch (inode.type()) {
                case Inodes.TYPE_DIRECTORY -> below.push(new Place(path, inode));
                case Inodes.TYPE_CHARACTER_DEVICE -> tar.add(marker(joined(place.path(), joinedName(child.name()))));
                default -> file(path, inode);
            }
        }
        below.forEach(rest::push); // so that they come in the order of their names
    }

    private void file(ByteString path, LayerReader.Inode inode) throws IOException {
        if (inode.links() > 1) {
            ByteString first = linked.putIfAbsent(inode.number(), path);
            if (first != null) {
                tar.add(entry(path, new Kind.HardLink(first), inode, Map.of()));
                return;
            }
        }
        switch (inode.type()) {
            case Inodes.TYPE_FILE -> {
                try (InputStream content = reader.content(inode)) {
                    tar.add(entry(path, new Kind.File(inode.size()), inode, inode.xattrs()), content);
                }
            }
            case Inodes.TYPE_SYMBOLIC_LINK -> {
                ByteString target = ByteString.of(reader.content(inode).readAllBytes());
                tar.add(entry(path, new Kind.SymbolicLink(target), inode, inode.xattrs()));
            }
            case Inodes.TYPE_FIFO -> tar.add(entry(path, new Kind.Fifo(), inode, inode.xattrs()));
            default -> throw new IOException("the file of a layer is damaged");
        }
    }

    private static TarEntry entry(ByteString name, Kind kind, LayerReader.Inode inode, Map<String, ByteString> xattrs) {
        return new TarEntry(
                name,
                kind,
                inode.mode() & MODE,
                inode.uid(),
                inode.gid(),
                Instant.ofEpochSecond(inode.seconds(), inode.nanos()),
                xattrs);
    }

    private static TarEntry marker(ByteString name) {
        return new TarEntry(name, new Kind.File(0), 0, 0, 0, Instant.EPOCH, Map.of());
    }

    private static ByteString joinedName(ByteString name) {
        return concatenated(ByteString.of(WHITEOUT), name);
    }

    private static ByteString joined(ByteString directory, ByteString name) {
        return directory.isEmpty() ? name : concatenated(concatenated(directory, ByteString.of("/")), name);
    }

    private static ByteString concatenated(ByteString first, ByteString second) {
        byte[] bytes = new byte[first.length() + second.length()];
        System.arraycopy(first.toBytes(), 0, bytes, 0, first.length());
        System.arraycopy(second.toBytes(), 0, bytes, first.length(), second.length());
        return ByteString.of(bytes);
    }
}
