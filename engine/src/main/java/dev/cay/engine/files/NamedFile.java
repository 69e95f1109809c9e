package dev.cay.engine.files;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.util.ArrayList;
import java.util.List;

/** A name in a directory and what it was when it was looked at. */
record NamedFile(byte[] name, FileStatus status) {
    /** How many are looked at in one list: what fits into the memory that calls reuse. */
    private static final int BATCH = 128;

    /** Looks at files by their names. What has vanished since is left out. */
    static List<NamedFile> look(FileAccess access, Arg directory, List<DirectoryOps.Entry> entries, String text) {
        List<NamedFile> files = new ArrayList<>(entries.size());
        for (int start = 0; start < entries.size(); start += BATCH) {
            look(access, directory, entries.subList(start, Math.min(entries.size(), start + BATCH)), text, files);
        }
        return files;
    }

    private static void look(
            FileAccess access, Arg directory, List<DirectoryOps.Entry> entries, String text, List<NamedFile> files) {
        OpList.Builder list = OpList.builder();
        List<Op> ops = new ArrayList<>(entries.size());
        List<Arg.Buffer> rooms = new ArrayList<>(entries.size());
        for (DirectoryOps.Entry entry : entries) {
            Arg.Buffer room = FileStatus.room();
            rooms.add(room);
            ops.add(list.add(
                    DirectoryOps.status(directory, entry.name(), room).tolerating(Errno.ENOENT, Errno.ESTALE)));
        }
        Results results = access.inside(list.build(), text);
        for (int i = 0; i < ops.size(); i++) {
            if (!results.failed(ops.get(i))) {
                files.add(new NamedFile(entries.get(i).name(), FileStatus.of(results.bytes(rooms.get(i)))));
            }
        }
    }

    /** Reads the links among them; of what is none any more, nothing. */
    static List<byte[]> links(FileAccess access, Arg directory, List<NamedFile> files, String text) {
        List<byte[]> targets = new ArrayList<>(files.size());
        for (int start = 0; start < files.size(); start += LINKS) {
            links(access, directory, files.subList(start, Math.min(files.size(), start + LINKS)), text, targets);
        }
        return targets;
    }

    private static final int LINKS = 64;

    /** A link says how long it is, except in /proc; one that has become longer since counts as vanished. */
    private static int room(long size) {
        return size == 0 ? Informing.LINK_SIZE : Math.clamp(size + 1, 64, Informing.LINK_SIZE);
    }

    private static void links(
            FileAccess access, Arg directory, List<NamedFile> files, String text, List<byte[]> targets) {
        OpList.Builder list = OpList.builder();
        List<Op> ops = new ArrayList<>(files.size());
        List<Arg.Buffer> rooms = new ArrayList<>(files.size());
        for (NamedFile file : files) {
            if (file.status().isLink()) {
                Arg.Buffer room = new Arg.Buffer(room(file.status().size()));
                rooms.add(room);
                ops.add(list.add(DirectoryOps.readLink(directory, file.name(), room)
                        .tolerating(Errno.ENOENT, Errno.EINVAL, Errno.ESTALE)));
            }
        }
        if (ops.isEmpty()) {
            files.forEach(_ -> targets.add(FileAccess.SELF));
            return;
        }
        Results results = access.inside(list.build(), text);
        int next = 0;
        for (NamedFile file : files) {
            if (!file.status().isLink()) {
                targets.add(FileAccess.SELF);
                continue;
            }
            long length = results.value(ops.get(next));
            byte[] written = results.bytes(rooms.get(next));
            targets.add(
                    length <= 0 || length == written.length
                            ? FileAccess.SELF
                            : java.util.Arrays.copyOf(written, (int) length));
            next++;
        }
    }
}
