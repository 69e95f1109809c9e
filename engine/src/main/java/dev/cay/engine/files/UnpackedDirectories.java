package dev.cay.engine.files;

import dev.cay.engine.archive.EntryPath;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.Results;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The directories that an archive is being unpacked into: made when they are needed, and a few of them held open, which is what
 * the files in them are made relative to. Not thread-safe.
 */
final class UnpackedDirectories implements AutoCloseable {
    /** How many stay open; a list takes 32 descriptors along. */
    private static final int OPEN = 12;

    /** How many one list opens. */
    private static final int NEW = 24;

    private static final int IMPLIED_MODE = 0755;

    private final CallBatch batch;
    private final Fd top;
    private final Set<EntryPath> made = new HashSet<>();
    private final Map<EntryPath, Fd> open = new LinkedHashMap<>(OPEN, 0.75f, true);
    private final Map<EntryPath, Op> opening = new LinkedHashMap<>();

    /** @param top where all of it goes; closed with this */
    UnpackedDirectories(CallBatch batch, Fd top) {
        this.batch = batch;
        this.top = top;
    }

    static EntryPath parent(EntryPath path) {
        return new EntryPath(path.components().subList(0, path.components().size() - 1));
    }

    static byte[] name(EntryPath path) {
        return path.components().getLast().toBytes();
    }

    /** The path as the kernel takes it. */
    static byte[] bytes(EntryPath path) {
        java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
        path.components().forEach(component -> {
            if (bytes.size() > 0) {
                bytes.write('/');
            }
            bytes.writeBytes(component.toBytes());
        });
        return bytes.toByteArray();
    }

    /** A directory for calls of the batch. It is made if need be; a link or a file in its place fails the batch. */
    Arg use(EntryPath directory) {
        if (directory.isRoot()) {
            return Arg.of(top);
        }
        Fd fd = open.get(directory);
        if (fd != null) {
            return Arg.of(fd);
        }
        Op known = opening.get(directory);
        if (known == null) {
            make(directory, IMPLIED_MODE);
            known = batch.add(open(directory));
            opening.put(directory, known);
        }
        return Arg.of(known);
    }

    /** Makes a directory and those above it, as far as this archive has not made them before. */
    void make(EntryPath directory, int mode) {
        if (directory.isRoot() || !made.add(directory)) {
            return;
        }
        EntryPath parent = parent(directory);
        make(parent, IMPLIED_MODE);
        if (parent.isRoot() || open.containsKey(parent) || opening.containsKey(parent)) {
            batch.add(makeIn(use(parent), directory, mode));
            return;
        }
        Op way = batch.add(open(parent));
        batch.add(makeIn(Arg.of(way), directory, mode));
        batch.add(FileOps.close(way));
    }

    private static Op makeIn(Arg parent, EntryPath directory, int mode) {
        return DirectoryOps.makeDirectory(parent, name(directory), mode).tolerating(Errno.EEXIST);
    }

    private Op open(EntryPath directory) {
        return DirectoryOps.open(
                Arg.of(top),
                bytes(directory),
                FileAccess.O_SEARCH_DIRECTORY | FileOps.O_NOFOLLOW,
                FileAccess.BELOW_WITH_MOUNTS);
    }

    boolean isFull() {
        return opening.size() >= NEW;
    }

    /** To be told when the batch has been run. */
    void ran(Results results) {
        opening.forEach((path, op) -> open.put(path, results.fd(op)));
        opening.clear();
        List<Fd> superfluous = new ArrayList<>();
        for (Iterator<Fd> eldest = open.values().iterator(); open.size() > OPEN; ) {
            superfluous.add(eldest.next());
            eldest.remove();
        }
        superfluous.forEach(Fd::close);
    }

    /** To be told when the batch has failed. */
    void failed() {
        opening.clear();
    }

    @Override
    public void close() {
        open.values().forEach(Fd::close);
        top.close();
    }
}
