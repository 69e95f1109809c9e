package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Makes the archive of a layer again, out of what {@link LayerConverter} made of it. It says the same, and always in the same
 * bytes, but hardly in those of the archive that was converted.
 */
public final class LayerExport {
    private static final String OPAQUE = "trusted.overlay.opaque";

    /** What an overlay that a user has mounted takes for its own, see "User xattr" in Documentation/filesystems/overlayfs.rst. */
    private static final String USERS_OVERLAY = "user.overlay.";

    private static final ByteString YES = ByteString.of("y");
    private static final String WHITEOUT = ".wh.";
    private static final String OPAQUE_NAME = ".wh..wh..opq";
    private static final int MODE = 07777;

    private final LayerReader reader;
    private final TarWriter tar;
    private final Form form;

    /** The first name of each inode that has several. */
    private final Map<Long, ByteString> linked = new HashMap<>();

    private LayerExport(LayerReader reader, TarWriter tar, Form form) {
        this.reader = reader;
        this.tar = tar;
        this.form = form;
    }

    /** How it is said that something of the layers below is gone. */
    public enum Form {
        /** As in the archives of images: by files with names of their own. */
        ARCHIVE,
        /**
         * As in a directory that is to be a layer of an overlay that an ordinary user mounts: by devices, and by an attribute. What the
         * layer itself has of such attributes is left out.
         */
        DIRECTORY,
        /** The same for a user who has one id: all belongs to root. */
        OWNERLESS_DIRECTORY
    }

    private record Place(ByteString path, LayerReader.Inode inode) {}

    /**
     * Writes the archive, uncompressed.
     *
     * @param erofs a file that {@link LayerConverter} has made
     * @param form how it says what is gone
     * @param target needs no buffer, and is not closed
     * @throws IOException also if the file is damaged
     */
    public static void write(Path erofs, Form form, OutputStream target) throws IOException {
        try (LayerReader reader = new LayerReader(erofs)) {
            TarWriter tar = new TarWriter(target);
            new LayerExport(reader, tar, form).tree();
            tar.finish();
        }
    }

    /** The same, made by a thread of its own while it is read; a failure of that is the reader's. */
    public static InputStream open(Path erofs, Form form) throws IOException {
        return new Piped(erofs, form);
    }

    private static final class Piped extends PipedInputStream {
        private static final int SIZE = 256 * 1024;

        private final AtomicReference<Optional<IOException>> failure = new AtomicReference<>(Optional.empty());

        Piped(Path erofs, Form form) throws IOException {
            super(SIZE);
            PipedOutputStream out = new PipedOutputStream(this);
            Thread.ofPlatform().daemon().name("cay-layer-archive").start(() -> {
                try (out) {
                    write(erofs, form, out);
                } catch (IOException e) {
                    failure.set(Optional.of(e)); // the reader has gone, or finds too little
                }
            });
        }

        @Override
        public synchronized int read(byte[] target, int offset, int length) throws IOException {
            int count = super.read(target, offset, length);
            if (count < 0 && failure.get().isPresent()) {
                throw failure.get().get();
            }
            return count;
        }
    }

    private void tree() throws IOException {
        Deque<Place> rest = new ArrayDeque<>(List.of(new Place(ByteString.EMPTY, reader.root())));
        while (!rest.isEmpty()) {
            directory(rest.pop(), rest);
        }
    }

    private void directory(Place place, Deque<Place> rest) throws IOException {
        Map<String, ByteString> xattrs = new TreeMap<>(xattrs(place.inode()));
        boolean opaque = xattrs.remove(OPAQUE) != null;
        if (opaque && form != Form.ARCHIVE) {
            xattrs.put(USERS_OVERLAY + "opaque", YES);
        }
        ByteString name = place.path().isEmpty() ? ByteString.of("./") : joined(place.path(), ByteString.EMPTY);
        tar.add(entry(name, new Kind.Directory(), place.inode(), xattrs));
        if (opaque && form == Form.ARCHIVE) {
            tar.add(marker(joined(place.path(), ByteString.of(OPAQUE_NAME))));
        }
        Deque<Place> below = new ArrayDeque<>();
        for (LayerReader.Entry child : reader.entries(place.inode())) {
            LayerReader.Inode inode = reader.inode(child.inode());
            ByteString path = joined(place.path(), child.name());
            switch (inode.type()) {
                case Inodes.TYPE_DIRECTORY -> below.push(new Place(path, inode));
                case Inodes.TYPE_CHARACTER_DEVICE -> tar.add(whiteout(place, child.name()));
                default -> file(path, inode);
            }
        }
        below.forEach(rest::push); // so that they come in the order of their names
    }

    private Map<String, ByteString> xattrs(LayerReader.Inode inode) {
        if (form == Form.ARCHIVE) {
            return inode.xattrs();
        }
        Map<String, ByteString> xattrs = new TreeMap<>(inode.xattrs());
        xattrs.keySet().removeIf(name -> name.startsWith(USERS_OVERLAY));
        return xattrs;
    }

    private TarEntry whiteout(Place directory, ByteString name) {
        return switch (form) {
            case ARCHIVE -> marker(joined(directory.path(), concatenated(ByteString.of(WHITEOUT), name)));
            case DIRECTORY, OWNERLESS_DIRECTORY ->
                new TarEntry(
                        joined(directory.path(), name),
                        new Kind.CharacterDevice(0, 0),
                        0,
                        0,
                        0,
                        Instant.EPOCH,
                        Map.of());
        };
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
                    tar.add(entry(path, new Kind.File(inode.size()), inode, xattrs(inode)), content);
                }
            }
            case Inodes.TYPE_SYMBOLIC_LINK -> {
                ByteString target = ByteString.of(reader.content(inode).readAllBytes());
                tar.add(entry(path, new Kind.SymbolicLink(target), inode, xattrs(inode)));
            }
            case Inodes.TYPE_FIFO -> tar.add(entry(path, new Kind.Fifo(), inode, xattrs(inode)));
            default -> throw new IOException("the file of a layer is damaged");
        }
    }

    private TarEntry entry(ByteString name, Kind kind, LayerReader.Inode inode, Map<String, ByteString> xattrs) {
        return new TarEntry(
                name,
                kind,
                inode.mode() & MODE,
                form == Form.OWNERLESS_DIRECTORY ? 0 : inode.uid(),
                form == Form.OWNERLESS_DIRECTORY ? 0 : inode.gid(),
                Instant.ofEpochSecond(inode.seconds(), inode.nanos()),
                xattrs);
    }

    private static TarEntry marker(ByteString name) {
        return new TarEntry(name, new Kind.File(0), 0, 0, 0, Instant.EPOCH, Map.of());
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
