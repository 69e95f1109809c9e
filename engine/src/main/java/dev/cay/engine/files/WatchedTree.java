package dev.cay.engine.files;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Inotify;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** The directories that an inotify descriptor watches and where they are below the top. Not thread-safe. */
final class WatchedTree {
    /** The user's limit, fs.inotify.max_user_watches, is for all sandboxes. */
    private static final int MAXIMUM_DIRECTORIES = 16_384;

    /** How many directories one list opens. */
    private static final int BATCH = 16;

    private static final int MASK = Inotify.IN_MODIFY
            | Inotify.IN_ATTRIB
            | Inotify.IN_CREATE
            | Inotify.IN_DELETE
            | Inotify.IN_MOVED_FROM
            | Inotify.IN_MOVED_TO
            | Inotify.IN_EXCL_UNLINK
            | Inotify.IN_ONLYDIR;

    private final FileAccess access;
    private final Fd inotify;
    private final Fd top;
    private final boolean recursive;
    private final String text;
    private final Map<Integer, Node> byWatch = new HashMap<>();
    private final Node root = new Node(null, FileAccess.SELF);
    private boolean incomplete;

    WatchedTree(FileAccess access, Fd inotify, Fd top, boolean recursive, String text) {
        this.access = access;
        this.inotify = inotify;
        this.top = top;
        this.recursive = recursive;
        this.text = text;
    }

    /** A directory. Its place changes when it, or one above it, is renamed. */
    static final class Node {
        private Node parent;
        private byte[] name;
        private int watch;
        private final Map<java.nio.ByteBuffer, Node> children = new HashMap<>();

        private Node(Node parent, byte[] name) {
            this.parent = parent;
            this.name = name;
        }

        /** The path of a file in it, from the top; of itself if the name is empty. */
        byte[] path(byte[] file) {
            Deque<byte[]> names = new ArrayDeque<>();
            for (Node node = this; node.parent != null; node = node.parent) {
                names.push(node.name);
            }
            byte[] path = FileAccess.SELF;
            for (byte[] one : names) {
                path = PackedFiles.join(path, one);
            }
            return file.length == 0 ? path : PackedFiles.join(path, file);
        }
    }

    /** The directory that a watch is for, unless it is not watched any more. */
    Optional<Node> node(int watch) {
        return Optional.ofNullable(byWatch.get(watch));
    }

    /** Whether the top is still watched; it is not when its file system has been unmounted. */
    boolean isAlive() {
        return byWatch.containsKey(root.watch);
    }

    boolean isTop(Node node) {
        return node == root;
    }

    /** Whether something could not be watched since there is too much; asking makes it forgotten. */
    boolean wasIncomplete() {
        boolean was = incomplete;
        incomplete = false;
        return was;
    }

    /** Watches the top, and what is below it if that is wanted. */
    void start() {
        root.watch = (int) watch(top);
        byWatch.put(root.watch, root);
        if (recursive) {
            Op open = DirectoryOps.open(Arg.of(top), new byte[] {'.'}, FileAccess.O_READ_DIRECTORY, FileAccess.BELOW);
            try (Fd directory = access.inside(OpList.of(open), text).fd(open)) {
                descend(scan(root, directory, _ -> {}), _ -> {});
            }
        }
    }

    /**
     * Watches a directory that has appeared, and what is below it.
     *
     * @param found is given the paths of the files that are in it already, directories included
     */
    void add(Node parent, byte[] name, Consumer<byte[]> found) {
        if (recursive) {
            descend(new ArrayList<>(List.of(new Node(parent, name))), found);
        }
    }

    private void descend(List<Node> directories, Consumer<byte[]> found) {
        while (!directories.isEmpty()) {
            List<Node> some = directories.subList(Math.max(0, directories.size() - BATCH), directories.size());
            List<Node> batch = List.copyOf(some);
            some.clear();
            List<Op> ops = batch.stream()
                    .map(node -> DirectoryOps.open(
                                    Arg.of(top),
                                    node.path(FileAccess.SELF),
                                    FileAccess.O_READ_DIRECTORY,
                                    FileAccess.BELOW)
                            .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EXDEV))
                    .toList();
            Results results = access.inside(OpList.of(ops.toArray(Op[]::new)), text);
            List<Optional<Fd>> opened = ops.stream()
                    .map(op -> results.failed(op) ? Optional.<Fd>empty() : Optional.of(results.fd(op)))
                    .toList();
            try {
                for (int i = 0; i < batch.size(); i++) {
                    if (opened.get(i).isPresent()
                            && watch(batch.get(i), opened.get(i).get())) {
                        directories.addAll(scan(batch.get(i), opened.get(i).get(), found));
                    }
                }
            } finally {
                opened.forEach(fd -> fd.ifPresent(Fd::close));
            }
        }
    }

    private boolean watch(Node node, Fd directory) {
        Errno[] tolerated = {Errno.ENOSPC, Errno.ENOENT, Errno.ENOTDIR};
        long result = byWatch.size() >= MAXIMUM_DIRECTORIES ? -Errno.ENOSPC.number() : watch(directory, tolerated);
        if (result < 0) {
            incomplete |= result == -Errno.ENOSPC.number();
            return false;
        }
        node.watch = (int) result;
        Node old = byWatch.put(node.watch, node);
        if (old != null
                && old != root) { // it is watched already, under the name it had: an event about that is on its way
            old.parent.children.remove(key(old.name), old);
            node.children.putAll(old.children);
            node.children.values().forEach(child -> child.parent = node);
        }
        node.parent.children.put(key(node.name), node);
        return old == null;
    }

    /** A list in a machine may change its working directory, and cannot name a descriptor in a path. */
    private long watch(Fd directory, Errno... tolerated) {
        if (directory.isLocal()) {
            return access.io(Inotify.watch(inotify, directory, MASK).tolerating(tolerated), text);
        }
        Op watch = Inotify.watchHere(inotify, MASK).tolerating(tolerated);
        return access.io(OpList.of(FileOps.fchdir(Arg.of(directory), text), watch), text)
                .value(watch);
    }

    /** Tells what is in a directory; returns the directories among it. */
    private List<Node> scan(Node node, Fd directory, Consumer<byte[]> found) {
        List<Node> directories = new ArrayList<>();
        DirectoryPages pages = new DirectoryPages(access, directory, text);
        List<DirectoryOps.Entry> entries;
        while (!(entries = pages.next()).isEmpty()) {
            for (DirectoryOps.Entry entry : entries) {
                found.accept(node.path(entry.name()));
                if (entry.isDirectory() || entry.isUnknown()) {
                    directories.add(new Node(node, entry.name()));
                }
            }
            if (byWatch.size() + directories.size() > MAXIMUM_DIRECTORIES) {
                incomplete = true;
                return List.of();
            }
        }
        return directories;
    }

    /** A directory has been renamed within the tree. False if it is not known. */
    boolean move(Node from, byte[] oldName, Node to, byte[] newName) {
        Node node = from.children.remove(key(oldName));
        if (node == null) {
            return false;
        }
        node.parent = to;
        node.name = newName;
        to.children.put(key(newName), node);
        return true;
    }

    /** A directory has left the tree, with all below it. */
    void remove(Node parent, byte[] name) {
        Node node = parent.children.remove(key(name));
        Deque<Node> gone = new ArrayDeque<>();
        if (node != null) {
            gone.push(node);
        }
        while (!gone.isEmpty()) {
            Node next = gone.pop();
            gone.addAll(next.children.values());
            if (byWatch.remove(next.watch, next)) {
                access.io(Inotify.unwatch(inotify, next.watch).tolerating(Errno.EINVAL), text);
            }
        }
    }

    /** The kernel watches it no more. */
    void forget(int watch) {
        Node node = byWatch.remove(watch);
        if (node != null && node.parent != null) {
            node.parent.children.remove(key(node.name), node);
        }
    }

    private static java.nio.ByteBuffer key(byte[] name) {
        return java.nio.ByteBuffer.wrap(name);
    }
}
