package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What layers come to when they lie upon each other, as an overlay shows it; without contents. */
final class BaseTree {
    private static final String OPAQUE = "trusted.overlay.opaque";

    private final Node root;

    private BaseTree(Node root) {
        this.root = root;
    }

    /**
     * A file.
     *
     * @param layer which layer it is of: there its inode's number says which files are the same
     */
    static final class Node {
        final int layer;
        final Optional<LayerReader.Inode> inode;
        final ByteString target;
        final Map<ByteString, Node> children = new TreeMap<>();
        boolean seen;

        private Node(int layer, Optional<LayerReader.Inode> inode, ByteString target) {
            this.layer = layer;
            this.inode = inode;
            this.target = target;
        }

        boolean isDirectory() {
            return inode.isEmpty() || inode.get().type() == Inodes.TYPE_DIRECTORY;
        }

        /** Whether both are names of one file. */
        boolean isSame(Node other) {
            return layer == other.layer
                    && inode.isPresent()
                    && other.inode.isPresent()
                    && inode.get().number() == other.inode.get().number();
        }
    }

    /** @param layers the lowest first */
    static BaseTree of(List<Path> layers) throws IOException {
        Node root = new Node(0, Optional.empty(), ByteString.EMPTY);
        for (int i = 0; i < layers.size(); i++) {
            try (LayerReader reader = new LayerReader(layers.get(i))) {
                Node merged = new Node(i, Optional.of(reader.root()), ByteString.EMPTY);
                merged.children.putAll(root.children);
                root = merged;
                add(reader, i, root);
            }
        }
        return new BaseTree(root);
    }

    private record Place(Node node, LayerReader.Inode inode) {}

    private static void add(LayerReader reader, int layer, Node root) throws IOException {
        Deque<Place> rest = new ArrayDeque<>(List.of(new Place(root, root.inode.orElseThrow())));
        while (!rest.isEmpty()) {
            Place place = rest.pop();
            Map<ByteString, Node> children = place.node().children;
            for (LayerReader.Entry entry : reader.entries(place.inode())) {
                LayerReader.Inode inode = reader.inode(entry.inode());
                switch (inode.type()) {
                    case Inodes.TYPE_CHARACTER_DEVICE -> children.remove(entry.name());
                    case Inodes.TYPE_DIRECTORY -> {
                        Node directory = new Node(layer, Optional.of(inode), ByteString.EMPTY);
                        Node below = children.put(entry.name(), directory);
                        if (below != null && !inode.xattrs().containsKey(OPAQUE)) {
                            directory.children.putAll(below.children);
                        }
                        rest.push(new Place(directory, inode));
                    }
                    case Inodes.TYPE_SYMBOLIC_LINK ->
                        children.put(
                                entry.name(),
                                new Node(
                                        layer,
                                        Optional.of(inode),
                                        ByteString.of(reader.content(inode).readAllBytes())));
                    default -> children.put(entry.name(), new Node(layer, Optional.of(inode), ByteString.EMPTY));
                }
            }
        }
    }

    Node root() {
        return root;
    }

    Optional<Node> find(EntryPath path) {
        Node node = root;
        for (ByteString name : path.components()) {
            node = node.children.get(name);
            if (node == null) {
                return Optional.empty();
            }
        }
        return Optional.of(node);
    }
}
