package dev.cay.engine.erofs;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a tree has that the layers below it have not, as the archive of one more layer. The tree comes as an archive: what differs is
 * taken as it passes. Only where a name has become one of another file, which had passed as unchanged, it comes a second time. As with rsync(1), a file counts as unchanged if its kind, owner, mode, size, time (to the
 * nanosecond), target and attributes are.
 */
public final class LayerDiff {
    private static final ByteString WHITEOUT = ByteString.of(".wh.");
    private static final String USER = "user.";
    private static final int MODE = 07777;

    private final BaseTree base;
    private final Set<EntryPath> ours;
    private final TarWriter target;

    /** Directories that have passed as unchanged: a layer that has something in them says how they are. */
    private final Map<EntryPath, TarEntry> directories = new HashMap<>();

    private final Set<EntryPath> taken = new HashSet<>();

    /** What is wanted after all, and has passed. */
    private final Set<EntryPath> late = new HashSet<>();

    /** What is no directory: it hides one of that name as a whole. */
    private final Set<EntryPath> others = new HashSet<>();

    /** Names of files that have others too, and have not changed: if one of these changes, it is another file. */
    private final Map<EntryPath, List<EntryPath>> links = new HashMap<>();

    /** The tree, each time anew. */
    public interface Tree {
        /** The archive of all of it, its names relative to its root. To be closed. */
        InputStream open() throws IOException;
    }

    private LayerDiff(BaseTree base, Set<EntryPath> ours, OutputStream target) {
        this.base = base;
        this.ours = ours;
        this.target = new TarWriter(target);
    }

    /**
     * Writes the archive.
     *
     * @param layers files that {@link LayerConverter} has made, the lowest first
     * @param ours what of the tree is neither of the layers nor a change, with all that is below it
     * @param target needs no buffer, and is not closed
     */
    public static void write(List<Path> layers, Tree tree, Set<EntryPath> ours, OutputStream target)
            throws IOException {
        requireNonNull(target, "target is null");
        LayerDiff diff = new LayerDiff(BaseTree.of(layers), Set.copyOf(ours), target);
        diff.each(tree, diff::compare);
        if (!diff.late.isEmpty()) {
            diff.each(tree, diff::takeLate);
        }
        diff.missing(new EntryPath(List.of()), diff.base.root());
        diff.target.finish();
    }

    /** What is done with an entry, whose content may be read. */
    private interface Visitor {
        void visit(EntryPath path, TarEntry entry, TarReader reader) throws IOException;
    }

    private boolean isOurs(EntryPath path) {
        for (int length = path.components().size(); length > 0; length--) {
            if (ours.contains(new EntryPath(path.components().subList(0, length)))) {
                return true;
            }
        }
        return false;
    }

    private void each(Tree tree, Visitor visitor) throws IOException {
        try (InputStream archive = tree.open()) {
            TarReader reader = new TarReader(archive, TarLimits.STANDARD);
            for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
                EntryPath path = EntryPath.of(next.get().name());
                if (!isOurs(path)) {
                    visitor.visit(path, next.get(), reader);
                }
            }
        }
    }

    private void compare(EntryPath path, TarEntry entry, TarReader reader) throws IOException {
        Optional<BaseTree.Node> before = base.find(path);
        before.ifPresent(node -> node.seen = true);
        if (!(entry.kind() instanceof Kind.Directory)
                && before.isPresent()
                && before.get().isDirectory()) {
            others.add(path);
        }
        if (entry.kind() instanceof Kind.HardLink(ByteString name)) {
            compareLink(path, entry, EntryPath.of(name), reader);
        } else if (before.isEmpty() || !isUnchanged(before.get(), entry)) {
            take(path, entry, reader);
        } else if (entry.kind() instanceof Kind.Directory) {
            directories.put(path, entry);
        }
    }

    private void compareLink(EntryPath path, TarEntry entry, EntryPath first, TarReader reader) throws IOException {
        Optional<BaseTree.Node> before = base.find(path);
        Optional<BaseTree.Node> target = base.find(first);
        boolean same = before.isPresent() && target.isPresent() && before.get().isSame(target.get());
        if (taken.contains(first)) {
            take(path, entry, reader);
        } else if (same && !late.contains(first)) {
            links.computeIfAbsent(first, _ -> new ArrayList<>()).add(path);
        } else {
            late.add(path);
            late.add(first);
            late.addAll(links.getOrDefault(first, List.of()));
        }
    }

    private void takeLate(EntryPath path, TarEntry entry, TarReader reader) throws IOException {
        if (late.contains(path)) {
            take(path, entry, reader);
        }
    }

    private void take(EntryPath path, TarEntry entry, TarReader reader) throws IOException {
        takeDirectories(path);
        if (taken.add(path)) {
            target.add(entry, reader.content());
        }
    }

    /** Those that a name is in. */
    private void takeDirectories(EntryPath path) throws IOException {
        for (int length = 0; length < path.components().size(); length++) {
            EntryPath above = new EntryPath(path.components().subList(0, length));
            TarEntry directory = directories.remove(above);
            if (directory != null) {
                taken.add(above);
                target.add(directory);
            }
        }
    }

    private static boolean isUnchanged(BaseTree.Node node, TarEntry entry) {
        if (node.inode.isEmpty()) {
            return false;
        }
        LayerReader.Inode inode = node.inode.get();
        boolean sameKind = switch (entry.kind()) {
            case Kind.Directory _ -> inode.type() == Inodes.TYPE_DIRECTORY;
            case Kind.File(long size) -> inode.type() == Inodes.TYPE_FILE && inode.size() == size;
            case Kind.SymbolicLink(ByteString target) ->
                inode.type() == Inodes.TYPE_SYMBOLIC_LINK && node.target.equals(target);
            case Kind.Fifo _ -> inode.type() == Inodes.TYPE_FIFO;
            case Kind.HardLink _, Kind.CharacterDevice _, Kind.BlockDevice _ -> false;
        };
        return sameKind
                && (inode.type() == Inodes.TYPE_SYMBOLIC_LINK || (inode.mode() & MODE) == entry.mode())
                && inode.uid() == entry.uid()
                && inode.gid() == entry.gid()
                && Instant.ofEpochSecond(inode.seconds(), inode.nanos()).equals(entry.modified())
                && visible(inode.xattrs()).equals(visible(entry.xattrs()));
    }

    /** Those that a sandbox can set. */
    private static Map<String, ByteString> visible(Map<String, ByteString> xattrs) {
        Map<String, ByteString> visible = new HashMap<>(xattrs);
        visible.keySet().removeIf(name -> !name.startsWith(USER));
        return visible;
    }

    /** What the layers have and the tree has not. */
    private void missing(EntryPath path, BaseTree.Node directory) throws IOException {
        for (Map.Entry<ByteString, BaseTree.Node> child : directory.children.entrySet()) {
            List<ByteString> components = new ArrayList<>(path.components());
            components.add(child.getKey());
            EntryPath below = new EntryPath(components);
            BaseTree.Node node = child.getValue();
            if (isOurs(below)) {
                continue;
            }
            if (!node.seen) {
                takeDirectories(below);
                target.add(new TarEntry(whiteout(below), new Kind.File(0), 0, 0, 0, Instant.EPOCH, Map.of()));
            } else if (node.isDirectory() && !others.contains(below)) {
                missing(below, node);
            }
        }
    }

    private static ByteString whiteout(EntryPath path) {
        ByteArrayOutputStream name = new ByteArrayOutputStream();
        List<ByteString> components = path.components();
        for (ByteString component : components.subList(0, components.size() - 1)) {
            name.writeBytes(component.toBytes());
            name.write('/');
        }
        name.writeBytes(WHITEOUT.toBytes());
        name.writeBytes(components.getLast().toBytes());
        return ByteString.of(name.toByteArray());
    }
}
