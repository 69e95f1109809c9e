package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.util.ArrayList;
import java.util.List;

/**
 * Removes a file, or a tree of any size and depth, by descriptors alone.
 *
 * <p>A tree that is deeper than {@link #DEPTH} levels is made flatter as it is found: the directory there is renamed to be one
 * just below the top, whose turn comes again. So few descriptors are enough, and nobody has to find the way back up, which the
 * sandbox could have changed meanwhile.
 */
final class Removal {
    private static final int DEPTH = 8;

    /** How many directories are open at once on each level: a list that empties so many costs as much as one for one. */
    private static final int BREADTH = 8;

    /** How many names one list removes. */
    private static final int BATCH = 256;

    /** Whoever adds files faster than they are removed keeps one call busy so long, and no longer. */
    private static final long MAXIMUM_REMOVED = 1 << 24;

    /** What a list costs, counted in names. */
    private static final int COST = 64;

    private final FileAccess access;
    private final String text;
    private long removed;

    private Removal(FileAccess access, String text) {
        this.access = access;
        this.text = text;
    }

    static void remove(FileAccess access, FilePath path, boolean recursive) {
        Place place = Place.of(path);
        Removal removal = new Removal(access, place.text());
        Op open = access.openParent(place);
        Op unlink = DirectoryOps.unlink(Arg.of(open), place.name()).tolerating(Errno.EISDIR);
        Results results = access.inside(OpList.of(open, unlink), place.text());
        try (Fd parent = results.fd(open)) {
            if (results.failed(unlink)) {
                removal.removeDirectory(parent, place.name(), recursive);
            }
        }
    }

    private void removeDirectory(Fd parent, byte[] name, boolean recursive) {
        while (true) {
            Op remove = DirectoryOps.removeDirectory(Arg.of(parent), name).tolerating(Errno.ENOTEMPTY, Errno.EEXIST);
            OpList.Builder list = OpList.builder();
            list.add(remove);
            if (!run(list).failed(remove)) {
                return;
            }
            if (!recursive) {
                throw Failures.of(text, Errno.ENOTEMPTY);
            }
            for (Child top : open(parent, List.of(name))) {
                try (top) {
                    empty(top.pages(), top.pages().directory(), 0);
                }
            }
        }
    }

    private FileFailed endless() {
        return Failures.of(text, Errno.EBUSY, "files appear in it faster than they can be removed");
    }

    /** A directory to be emptied and then removed. */
    private record Child(byte[] name, DirectoryPages pages) implements AutoCloseable {
        @Override
        public void close() {
            pages.directory().close();
        }
    }

    /** Reads a directory from its beginning to its end and removes what it finds. */
    private void empty(DirectoryPages pages, Fd top, int depth) {
        List<DirectoryOps.Entry> entries;
        while (!(entries = pages.next()).isEmpty()) {
            List<byte[]> full = unlink(pages.directory(), entries);
            for (int start = 0; start < full.size(); start += BREADTH) {
                List<byte[]> names = full.subList(start, Math.min(full.size(), start + BREADTH));
                if (depth == DEPTH) {
                    raise(pages.directory(), names, top);
                } else {
                    descend(pages.directory(), names, top, depth + 1);
                }
            }
        }
    }

    /** Removes what can be removed at once; what is left are directories that are not empty. */
    private List<byte[]> unlink(Fd directory, List<DirectoryOps.Entry> entries) {
        List<byte[]> full = new ArrayList<>();
        for (int start = 0; start < entries.size(); start += BATCH) {
            OpList.Builder list = OpList.builder();
            List<DirectoryOps.Entry> some = entries.subList(start, Math.min(entries.size(), start + BATCH));
            List<Op> ops = add(list, Arg.of(directory), some);
            Results results = run(list);
            full.addAll(full(some, ops, results));
        }
        return full;
    }

    private Results run(OpList.Builder list) {
        OpList built = list.build();
        removed += COST + built.size();
        if (removed > MAXIMUM_REMOVED) {
            throw endless();
        }
        return access.inside(built, text);
    }

    /** The calls that remove these; of what may be a directory the one that tells whether it is empty. */
    private static List<Op> add(OpList.Builder list, Arg directory, List<DirectoryOps.Entry> entries) {
        List<Op> ops = new ArrayList<>(entries.size());
        for (DirectoryOps.Entry entry : entries) {
            Op unlink = DirectoryOps.unlink(directory, entry.name()).tolerating(Errno.ENOENT, Errno.EISDIR);
            if (entry.isUnknown()) {
                list.add(unlink);
            }
            ops.add(list.add(
                    entry.isDirectory() || entry.isUnknown() ? removeIfEmpty(directory, entry.name()) : unlink));
        }
        return ops;
    }

    private static Op removeIfEmpty(Arg directory, byte[] name) {
        return DirectoryOps.removeDirectory(directory, name)
                .tolerating(Errno.ENOENT, Errno.ENOTEMPTY, Errno.EEXIST, Errno.ENOTDIR);
    }

    private static List<byte[]> full(List<DirectoryOps.Entry> entries, List<Op> ops, Results results) {
        List<byte[]> full = new ArrayList<>();
        for (int i = 0; i < ops.size(); i++) {
            long result = results.value(ops.get(i));
            if (result < 0 && result != -Errno.ENOENT.number() && result != -Errno.ENOTDIR.number()) {
                full.add(entries.get(i).name());
            }
        }
        return full;
    }

    /** Empties some directories and removes them: the first page of each in one list for all, the rest one after the other. */
    private void descend(Fd parent, List<byte[]> names, Fd top, int depth) {
        List<Child> children = open(parent, names);
        try {
            List<Child> left = firstPages(parent, children);
            for (Child child : left) {
                child.pages().rewind();
                empty(child.pages(), top, depth);
                OpList.Builder list = OpList.builder();
                list.add(removeIfEmpty(Arg.of(parent), child.name())); // what it is not now it is in the next scan
                run(list);
            }
        } finally {
            children.forEach(Child::close);
        }
    }

    private List<Child> firstPages(Fd parent, List<Child> children) {
        OpList.Builder list = OpList.builder();
        List<Op> removals = new ArrayList<>();
        for (Child child : children) {
            List<DirectoryOps.Entry> page = child.pages().next();
            add(list, Arg.of(child.pages().directory()), page.subList(0, Math.min(BATCH, page.size())));
            removals.add(list.add(removeIfEmpty(Arg.of(parent), child.name())));
        }
        if (children.isEmpty()) {
            return List.of();
        }
        Results results = run(list);
        List<Child> left = new ArrayList<>();
        for (int i = 0; i < removals.size(); i++) {
            if (results.failed(removals.get(i))) {
                left.add(children.get(i));
            }
        }
        return left;
    }

    /** Opens directories; those that have gone, or are something else by now, are left out. */
    private List<Child> open(Fd parent, List<byte[]> names) {
        List<Op> ops = names.stream()
                .map(name -> FileAccess.openDirectory(Arg.of(parent), name)
                        .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP))
                .toList();
        Results results = access.inside(OpList.of(ops.toArray(Op[]::new)), text);
        List<Child> children = new ArrayList<>();
        for (int i = 0; i < ops.size(); i++) {
            if (!results.failed(ops.get(i))) {
                DirectoryPages pages = new DirectoryPages(access, results.fd(ops.get(i)), text);
                children.add(new Child(names.get(i), pages));
            }
        }
        return children;
    }

    private void raise(Fd parent, List<byte[]> names, Fd top) {
        OpList.Builder list = OpList.builder();
        for (byte[] name : names) {
            list.add(DirectoryOps.rename(Arg.of(parent), name, Arg.of(top), Writing.temporaryName())
                    .tolerating(Errno.ENOENT));
        }
        run(list);
    }
}
