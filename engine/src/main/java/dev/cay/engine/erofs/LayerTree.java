package dev.cay.engine.erofs;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.erofs.LayerException.Reason;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the entries of a layer come to: names and inode numbers. No file system is touched, so whatever a name or a link says, it
 * leads somewhere in this tree or nowhere.
 *
 * <p>A later entry replaces an earlier one of the same name, as when an archive is unpacked; a directory is not emptied by being
 * named again. A name that leads through a symbolic link of the layer leads where that does, with the layer's root as the root.
 * Names are bytes: two that differ in case are two.
 */
final class LayerTree {
    /** What a name says that removes another. */
    static final ByteString WHITEOUT_PREFIX = ByteString.of(".wh.");

    private static final ByteString OPAQUE = ByteString.of(".wh..wh..opq");
    private static final ByteString META_PREFIX = ByteString.of(".wh..wh.");
    private static final ByteString CURRENT = ByteString.of(".");
    private static final ByteString PARENT = ByteString.of("..");

    /** As many links as Linux follows in one path. */
    private static final int MAXIMUM_LINKS = 40;

    /** What following links may cost in a layer; each could have thousands of components. */
    private static final long MAXIMUM_STEPS = 50_000_000;

    /** What an entry takes of memory, roughly, beyond the length of its name. */
    private static final int NODE_MEMORY = 200;

    private final long memory;
    private final Directory root = new Directory(Optional.empty(), 0);
    private long used;
    private long steps;

    /** What a name stands for. */
    sealed interface Node permits Directory, Leaf {}

    static final class Directory implements Node {
        final Directory parent;
        final int depth;
        final TreeMap<ByteString, Node> children = new TreeMap<>();
        Attributes attributes = Attributes.IMPLIED;
        Map<String, ByteString> xattrs = Map.of();
        boolean opaque;

        /** Where {@link Directories} puts it. */
        long number;

        long block;
        long blocks;
        int tail;
        long size;

        private Directory(Optional<Directory> parent, int depth) {
            this.parent = parent.orElse(this);
            this.depth = depth;
        }
    }

    /** Anything but a directory; hard links are names of the same. */
    static final class Leaf implements Node {
        final long number;
        final int type;
        final ByteString target;
        int links;
        boolean counted;

        /**
         * @param type see {@link Inodes}
         * @param target of a symbolic link, else empty
         */
        Leaf(long number, int type, ByteString target) {
            this.number = number;
            this.type = type;
            this.target = target;
        }

        boolean isWhiteout() {
            return type == Inodes.TYPE_CHARACTER_DEVICE;
        }
    }

    /** @param memory see {@link LayerLimits#memory} */
    LayerTree(long memory) {
        this.memory = memory;
    }

    Directory root() {
        return root;
    }

    /** Where an entry belongs; directories on the way that the archive has not named are made. */
    Directory parent(EntryPath path) throws LayerException {
        List<ByteString> components = path.components();
        for (ByteString component : components.subList(0, components.size() - 1)) {
            if (startsWith(component, WHITEOUT_PREFIX)) {
                throw new LayerException(Reason.BAD_WHITEOUT, "'" + path + "' lies in what removes a file");
            }
        }
        return walk(path, true).orElseThrow();
    }

    /** What an earlier entry of the archive has made. */
    Optional<Node> find(EntryPath path) throws LayerException {
        if (path.isRoot()) {
            return Optional.of(root);
        }
        return walk(path, false)
                .map(parent -> parent.children.get(path.components().getLast()));
    }

    /** Goes along all components but the last. */
    private Optional<Directory> walk(EntryPath path, boolean making) throws LayerException {
        Deque<ByteString> rest =
                new ArrayDeque<>(path.components().subList(0, path.components().size() - 1));
        Directory directory = root;
        int links = 0;
        int beyond = 0; // components that a link has brought
        while (!rest.isEmpty()) {
            ByteString name = rest.pop();
            boolean linked = beyond > 0;
            beyond = Math.max(0, beyond - 1);
            if (name.isEmpty() || name.equals(CURRENT)) {
                continue;
            }
            Node child = name.equals(PARENT) ? directory.parent : directory.children.get(name);
            if (child instanceof Directory next) {
                directory = next;
            } else if (child == null || ((Leaf) child).isWhiteout()) {
                if (!making) {
                    return Optional.empty();
                }
                if (linked) {
                    throw new LayerException(Reason.BAD_PATH, "'" + path + "' leads through a link to nothing");
                }
                directory = make(directory, name);
            } else if (((Leaf) child).type == Inodes.TYPE_SYMBOLIC_LINK) {
                ByteString target = ((Leaf) child).target;
                steps += target.length();
                if (++links > MAXIMUM_LINKS || steps > MAXIMUM_STEPS) {
                    throw new LayerException(Reason.BAD_PATH, "'" + path + "' leads through too many links");
                }
                beyond += push(rest, target);
                directory = target.at(0) == '/' ? root : directory;
            } else {
                throw new LayerException(Reason.NOT_A_DIRECTORY, "'" + path + "' leads through a file");
            }
        }
        return Optional.of(directory);
    }

    /** Puts the components of a link's target before the others; returns how many. */
    private static int push(Deque<ByteString> rest, ByteString target) {
        int count = 0;
        for (int end = target.length(); end >= 0; ) {
            int start = end;
            while (start > 0 && target.at(start - 1) != '/') {
                start--;
            }
            rest.push(target.slice(start, end));
            count++;
            end = start - 1;
        }
        return count;
    }

    private Directory make(Directory parent, ByteString name) throws LayerException {
        if (parent.depth == EntryPath.MAXIMUM_DEPTH) {
            throw new LayerException(
                    Reason.TOO_DEEP, "a directory lies in more than " + EntryPath.MAXIMUM_DEPTH + " others");
        }
        Directory made = new Directory(Optional.of(parent), parent.depth + 1);
        made.opaque = parent.children.get(name) instanceof Leaf leaf && leaf.isWhiteout();
        set(parent, name, made);
        return made;
    }

    /** A directory of the archive. */
    void directory(Directory parent, ByteString name, Attributes attributes, Map<String, ByteString> xattrs)
            throws LayerException {
        Directory directory = parent.children.get(name) instanceof Directory existing ? existing : make(parent, name);
        describe(directory, attributes, xattrs);
    }

    /** What the archive says of a directory that exists. */
    void describe(Directory directory, Attributes attributes, Map<String, ByteString> xattrs) throws LayerException {
        charge(attributes.xattrs().length * 2L);
        directory.attributes = attributes;
        directory.xattrs = xattrs;
    }

    /** Gives a name to something else than a directory. */
    void put(Directory parent, ByteString name, Leaf leaf) throws LayerException {
        charge(leaf.links == 0 ? leaf.target.length() : 0);
        leaf.links++;
        set(parent, name, leaf);
    }

    /** The name stands for nothing that this layer has. */
    void remove(Directory parent, ByteString name) {
        forget(parent.children.remove(name));
    }

    static boolean isWhiteout(ByteString name) {
        return startsWith(name, WHITEOUT_PREFIX);
    }

    /**
     * An entry that removes something of the layers below, but nothing of this one, wherever in the archive it stands.
     *
     * @param whiteout what stands for a removed file
     */
    void whiteout(Directory parent, ByteString entry, Leaf whiteout) throws LayerException {
        if (entry.equals(OPAQUE)) {
            parent.opaque = true;
            return;
        }
        if (startsWith(entry, META_PREFIX)) {
            return; // what AUFS kept for itself
        }
        ByteString name = entry.slice(WHITEOUT_PREFIX.length(), entry.length());
        if (name.isEmpty() || name.equals(CURRENT) || name.equals(PARENT)) {
            throw new LayerException(Reason.BAD_WHITEOUT, "'" + entry + "' removes what has no name");
        }
        Node existing = parent.children.get(name);
        if (existing instanceof Directory directory) {
            directory.opaque = true;
        } else if (existing == null) {
            put(parent, name, whiteout);
        }
    }

    private void set(Directory parent, ByteString name, Node node) throws LayerException {
        charge(NODE_MEMORY + name.length());
        forget(parent.children.put(name, node));
    }

    private void charge(long bytes) throws LayerException {
        used += bytes;
        if (used > memory) {
            throw new LayerException(
                    Reason.TOO_MUCH_MEMORY, "the names of the layer take more than " + memory + " bytes of memory");
        }
    }

    private static void forget(Node node) {
        if (node instanceof Leaf leaf) {
            leaf.links--;
        } else if (node instanceof Directory directory) {
            directory.children.values().forEach(LayerTree::forget);
        }
    }

    private static boolean startsWith(ByteString name, ByteString prefix) {
        return name.length() >= prefix.length()
                && name.slice(0, prefix.length()).equals(prefix);
    }
}
