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
 * What a tree has that the layers below it have not, as the archive of one more layer. The tree comes as an archive twice: first to
 * see what differs, then to take it. As with rsync(1), a file counts as unchanged if its kind, owner, mode, size, time (to the
 * nanosecond), target and attributes are.
 */
public final class LayerDiff {
    private static final ByteString WHITEOUT = ByteString.of(".wh.");
    private static final String USER = "user.";
    private static final int MODE = 07777;

    private final BaseTree base;
    private final Set<EntryPath> ours;
    private final Set<EntryPath> wanted = new HashSet<>();
    private final List<EntryPath> removed = new ArrayList<>();

    /** What is no directory: it hides one of that name as a whole. */
    private final Set<EntryPath> others = new HashSet<>();

    /** Names of files that have others too, and have not changed: if one of these changes, it is another file. */
    private final Map<EntryPath, List<EntryPath>> links = new HashMap<>();

    /** The tree, each time anew. */
    public interface Tree {
        /** The archive of all of it, its names relative to its root. To be closed. */
        InputStream open() throws IOException;
    }

    private LayerDiff(BaseTree base, Set<EntryPath> ours) {
        this.base = base;
        this.ours = ours;
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
        LayerDiff diff = new LayerDiff(BaseTree.of(layers), Set.copyOf(ours));
        diff.compare(tree);
        diff.missing(new EntryPath(List.of()), diff.base.root());
        diff.take(tree, target);
    }

    private boolean isOurs(EntryPath path) {
        for (int length = path.components().size(); length > 0; length--) {
            if (ours.contains(new EntryPath(path.components().subList(0, length)))) {
                return true;
            }
        }
        return false;
    }

    private void compare(Tree tree) throws IOException {
        try (InputStream archive = tree.open()) {
            TarReader reader = new TarReader(archive, TarLimits.STANDARD);
            for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
                EntryPath path = EntryPath.of(next.get().name());
                if (!isOurs(path)) {
                    compare(path, next.get());
                }
            }
        }
    }

    private void compare(EntryPath path, TarEntry entry) throws IOException {
        Optional<BaseTree.Node> before = base.find(path);
        before.ifPresent(node -> node.seen = true);
        if (!(entry.kind() instanceof Kind.Directory)
                && before.isPresent()
                && before.get().isDirectory()) {
            others.add(path);
        }
        if (entry.kind() instanceof Kind.HardLink(ByteString name)) {
            EntryPath target = EntryPath.of(name);
            Optional<BaseTree.Node> first = base.find(target);
            boolean same =
                    before.isPresent() && first.isPresent() && before.get().isSame(first.get());
            if (same && !wanted.contains(target)) {
                links.computeIfAbsent(target, _ -> new ArrayList<>()).add(path);
            } else {
                want(path);
                want(target);
                links.getOrDefault(target, List.of()).forEach(this::want);
            }
        } else if (before.isEmpty() || !isUnchanged(before.get(), entry)) {
            want(path);
        }
    }

    /** With the directories that it is in: a layer that has them says how they are. */
    private void want(EntryPath path) {
        for (int length = path.components().size(); length >= 0; length--) {
            wanted.add(new EntryPath(path.components().subList(0, length)));
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
    private void missing(EntryPath path, BaseTree.Node directory) {
        directory.children.forEach((name, child) -> {
            List<ByteString> components = new ArrayList<>(path.components());
            components.add(name);
            EntryPath below = new EntryPath(components);
            if (isOurs(below)) {
                return;
            }
            if (!child.seen) {
                removed.add(below);
                want(path);
            } else if (child.isDirectory() && !others.contains(below)) {
                missing(below, child);
            }
        });
    }

    private void take(Tree tree, OutputStream target) throws IOException {
        TarWriter writer = new TarWriter(target);
        try (InputStream archive = tree.open()) {
            TarReader reader = new TarReader(archive, TarLimits.STANDARD);
            for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
                TarEntry entry = next.get();
                if (wanted.contains(EntryPath.of(entry.name())) && !isOurs(EntryPath.of(entry.name()))) {
                    writer.add(entry, reader.content());
                }
            }
        }
        for (EntryPath path : removed) {
            writer.add(new TarEntry(whiteout(path), new Kind.File(0), 0, 0, 0, Instant.EPOCH, Map.of()));
        }
        writer.finish();
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
