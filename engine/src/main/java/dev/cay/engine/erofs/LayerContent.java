package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Looks into layers that nobody has mounted. */
public final class LayerContent {
    private static final String OPAQUE = "trusted.overlay.opaque";

    private LayerContent() {}

    /**
     * What a file has where layers lie upon each other. No symlink is followed, and who is not an ordinary file has nothing.
     *
     * @param layers the lowest first
     * @param directory a name in the root directory
     * @param name in that directory
     * @param most bytes; what is more is cut off
     * @throws IOException if a layer is damaged
     */
    public static Optional<byte[]> read(List<Path> layers, String directory, String name, int most) throws IOException {
        for (Path layer : layers.reversed()) {
            try (LayerReader reader = new LayerReader(layer)) {
                Optional<LayerReader.Inode> above = find(reader, reader.root(), directory);
                if (above.isEmpty()) {
                    continue;
                }
                Optional<LayerReader.Inode> found = find(reader, above.get(), name);
                if (found.isPresent()) {
                    return content(reader, found.get(), most);
                }
                if (above.get().type() != Inodes.TYPE_DIRECTORY
                        || above.get().xattrs().containsKey(OPAQUE)) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    private static Optional<LayerReader.Inode> find(LayerReader reader, LayerReader.Inode directory, String name)
            throws IOException {
        if (directory.type() != Inodes.TYPE_DIRECTORY) {
            return Optional.empty();
        }
        for (LayerReader.Entry entry : reader.entries(directory)) {
            if (entry.name().equals(ByteString.of(name))) {
                return Optional.of(reader.inode(entry.inode()));
            }
        }
        return Optional.empty();
    }

    private static Optional<byte[]> content(LayerReader reader, LayerReader.Inode inode, int most) throws IOException {
        if (inode.type() != Inodes.TYPE_FILE) {
            return Optional.empty();
        }
        try (InputStream in = reader.content(inode)) {
            return Optional.of(in.readNBytes(most));
        }
    }
}
