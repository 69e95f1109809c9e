package dev.cay.engine.files;

import dev.cay.engine.archive.ByteString;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Packs the files of one directory, but not the directories in it: many small files in one list, large ones read from here. */
final class FileContents {
    /** A larger file is read from here. */
    private static final int SMALL = 32 * 1024;

    private static final int MAXIMUM_FILES = 64;
    private static final int MAXIMUM_BYTES = 256 * 1024;
    private static final int NAMES_SIZE = 256;

    private final FileAccess access;
    private final FoundFiles packed;
    private final String text;

    FileContents(FileAccess access, FoundFiles packed, String text) {
        this.access = access;
        this.packed = packed;
        this.text = text;
    }

    /** A file that is read whole within a list. */
    private record Small(
            NamedFile file, Op open, Arg.Buffer status, Op read, Arg.Buffer content, Op attributes, Arg.Buffer names) {
        static Small of(Arg directory, NamedFile file, String text, long resolve) {
            Op open = openFile(directory, file, resolve);
            // One byte more than there was tells whether it has grown.
            Arg.Buffer content = new Arg.Buffer((int) file.status().size() + 1);
            Arg.Buffer names = new Arg.Buffer(NAMES_SIZE);
            return new Small(
                    file,
                    open,
                    FileStatus.room(),
                    FileOps.read(Arg.of(open), content)
                            .tolerating(Errno.EBADF, Errno.EAGAIN, Errno.EISDIR, Errno.EINVAL),
                    content,
                    ExtendedAttributes.list(Arg.of(open), text, names),
                    names);
        }

        void addTo(OpList.Builder list) {
            list.add(open);
            list.add(DirectoryOps.status(Arg.of(open), FileAccess.SELF, status).tolerating(Errno.EBADF));
            list.add(read);
            list.add(attributes);
            list.add(FileOps.close(open).tolerating(Errno.EBADF));
        }
    }

    /** Opens what was a regular file; what has gone or changed since is left out. */
    private static Op openFile(Arg directory, NamedFile file, long resolve) {
        return DirectoryOps.open(directory, file.name(), FileAccess.O_READ | FileOps.O_NOFOLLOW, resolve)
                .tolerating(Errno.ENOENT, Errno.ELOOP, Errno.ENXIO, Errno.ENODEV);
    }

    private long resolve() {
        return packed.wantsMounts() ? FileAccess.BELOW_WITH_MOUNTS : FileAccess.BELOW;
    }

    /**
     * @param path of the directory, below what is packed
     * @param single whether the file is what is packed, so that its name is the archive's
     */
    void pack(Fd directory, byte[] path, List<NamedFile> files, boolean single) throws IOException {
        List<byte[]> targets = NamedFile.links(access, Arg.of(directory), files, text);
        List<NamedFile> small = new ArrayList<>();
        int bytes = 0;
        for (int i = 0; i < files.size(); i++) {
            NamedFile file = files.get(i);
            long size = file.status().size();
            if (file.status().isLink()) {
                if (targets.get(i).length > 0) {
                    packed.link(path, named(file, single), targets.get(i));
                }
            } else if (file.status().isFile() && size > SMALL) {
                large(directory, path, file, single);
            } else if (file.status().isFile()) {
                small.add(file);
                bytes += (int) size;
            } else if (!file.status().isDirectory()) {
                packed.special(path, named(file, single));
            }
            if (small.size() >= MAXIMUM_FILES || bytes >= MAXIMUM_BYTES || i == files.size() - 1) {
                small(directory, path, small, single);
                small.clear();
                bytes = 0;
            }
        }
    }

    private static NamedFile named(NamedFile file, boolean single) {
        return single ? new NamedFile(FileAccess.SELF, file.status()) : file;
    }

    private void small(Fd directory, byte[] path, List<NamedFile> files, boolean single) throws IOException {
        if (files.isEmpty()) {
            return;
        }
        OpList.Builder list = OpList.builder();
        List<Small> all = new ArrayList<>(files.size());
        for (NamedFile file : files) {
            Small one = Small.of(Arg.of(directory), file, text, resolve());
            one.addTo(list);
            all.add(one);
        }
        Results results = access.inside(list.build(), text);
        for (Small one : all) {
            if (results.failed(one.open()) || results.failed(one.read())) {
                continue;
            }
            NamedFile now = new NamedFile(one.file().name(), FileStatus.of(results.bytes(one.status())));
            byte[] content = results.bytes(one.content());
            int length = (int) results.value(one.read());
            if (!now.status().isFile()) {
                continue;
            }
            if (length == content.length
                    || packed.wantsAttributes()
                            && ExtendedAttributes.isOfInterest(
                                    results.value(one.attributes()), results.bytes(one.names()))) {
                large(directory, path, now, single);
            } else {
                packed.file(path, named(now, single), content, length);
            }
        }
    }

    private void large(Fd directory, byte[] path, NamedFile file, boolean single) throws IOException {
        Op open = openFile(Arg.of(directory), file, resolve());
        Arg.Buffer room = FileStatus.room();
        Op status = DirectoryOps.status(Arg.of(open), FileAccess.SELF, room).tolerating(Errno.EBADF);
        Results results = access.inside(OpList.of(open, status), text);
        if (results.failed(open)) {
            return;
        }
        try (Fd fd = results.fd(open)) {
            NamedFile now = new NamedFile(file.name(), FileStatus.of(results.bytes(room)));
            if (now.status().isFile()) {
                Map<String, ByteString> attributes =
                        packed.wantsAttributes() ? ExtendedAttributes.of(access, fd, text) : Map.of();
                packed.file(
                        path,
                        named(now, single),
                        attributes,
                        new Reading(
                                access,
                                text,
                                fd,
                                now.status().size(),
                                0,
                                now.status().size()));
            }
        }
    }
}
