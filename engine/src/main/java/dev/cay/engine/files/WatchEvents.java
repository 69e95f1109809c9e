package dev.cay.engine.files;

import dev.cay.FileEvent;
import dev.cay.FileEvent.Kind;
import dev.cay.FilePath;
import dev.cay.linux.Inotify;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Makes what inotify(7) tells into events: one for each change, with a path, both halves of a renaming together. */
final class WatchEvents {
    /** At once; what is more is told as one event, that everything is to be looked at. */
    private static final int MAXIMUM = 16_384;

    static final FileEvent RESCAN = new FileEvent(Kind.RESCAN, FilePath.of("."), Optional.empty());

    private final WatchedTree tree;
    private final List<Optional<FileEvent>> events = new ArrayList<>();
    private final Map<Integer, Half> halves = new HashMap<>();
    private final Set<ByteBuffer> found;
    private boolean lost;

    /** @param found what was found in new directories, whose creation may be told again later */
    WatchEvents(WatchedTree tree, Set<ByteBuffer> found) {
        this.tree = tree;
        this.found = found;
    }

    /** A file that was renamed to where we do not know yet; at the index stands the event if it is nowhere. */
    private record Half(WatchedTree.Node from, byte[] name, FilePath path, int index, boolean directory) {}

    /** Adds what was read; true if something has been lost. */
    boolean add(List<Inotify.Event> read) {
        for (Inotify.Event event : read) {
            if (event.is(Inotify.IN_Q_OVERFLOW)) {
                lost = true;
            } else if (event.is(Inotify.IN_IGNORED | Inotify.IN_UNMOUNT)) {
                tree.forget(event.watch());
            } else {
                tree.node(event.watch()).ifPresent(node -> add(event, node));
            }
            lost |= tree.wasIncomplete() || events.size() > MAXIMUM;
            if (lost) {
                return true;
            }
        }
        return false;
    }

    /** Whether something was renamed, and the other half can still come. */
    boolean isHalf() {
        return !halves.isEmpty();
    }

    private void add(Inotify.Event event, WatchedTree.Node node) {
        if (event.name().length == 0) {
            if (event.is(Inotify.IN_ATTRIB) && tree.isTop(node)) {
                changed(FilePath.of("."));
            }
            return;
        }
        FilePath path = FilePath.of(node.path(event.name()));
        boolean directory = event.is(Inotify.IN_ISDIR);
        if (event.is(Inotify.IN_CREATE)) {
            appeared(node, event, path);
        } else if (event.is(Inotify.IN_MODIFY | Inotify.IN_ATTRIB)) {
            changed(path);
        } else if (event.is(Inotify.IN_DELETE)) {
            found.remove(ByteBuffer.wrap(path.bytes()));
            tell(new FileEvent(Kind.REMOVED, path, Optional.empty()));
            if (directory) {
                tree.remove(node, event.name());
            }
        } else if (event.is(Inotify.IN_MOVED_FROM)) {
            halves.put(event.cookie(), new Half(node, event.name(), path, events.size(), directory));
            tell(new FileEvent(Kind.REMOVED, path, Optional.empty()));
        } else if (event.is(Inotify.IN_MOVED_TO)) {
            Half half = halves.remove(event.cookie());
            if (half == null) {
                appeared(node, event, path);
            } else {
                renamed(half, node, event, path);
            }
        }
    }

    private void appeared(WatchedTree.Node node, Inotify.Event event, FilePath path) {
        if (found.remove(ByteBuffer.wrap(path.bytes()))) {
            return;
        }
        tell(new FileEvent(Kind.CREATED, path, Optional.empty()));
        if (event.is(Inotify.IN_ISDIR)) {
            tree.add(node, event.name(), this::found);
        }
    }

    private void found(byte[] bytes) {
        FilePath path = FilePath.of(bytes);
        if (events.size() <= MAXIMUM) {
            found.add(ByteBuffer.wrap(bytes));
            tell(new FileEvent(Kind.CREATED, path, Optional.empty()));
        }
    }

    private void renamed(Half half, WatchedTree.Node node, Inotify.Event event, FilePath path) {
        events.set(half.index(), Optional.empty());
        tell(new FileEvent(Kind.RENAMED, half.path(), Optional.of(path)));
        if (half.directory() && !tree.move(half.from(), half.name(), node, event.name())) {
            tree.add(node, event.name(), this::found);
        }
    }

    /** Many writes in a row are one change. */
    private void changed(FilePath path) {
        FileEvent event = new FileEvent(Kind.CHANGED, path, Optional.empty());
        if (events.isEmpty() || !events.getLast().equals(Optional.of(event))) {
            tell(event);
        }
    }

    private void tell(FileEvent event) {
        events.add(Optional.of(event));
    }

    /** All events, when no more are read; what was renamed to nowhere has gone. */
    List<FileEvent> finish() {
        for (Half half : halves.values()) {
            if (half.directory()) {
                tree.remove(half.from(), half.name());
            }
        }
        return events.stream().flatMap(Optional::stream).toList();
    }
}
