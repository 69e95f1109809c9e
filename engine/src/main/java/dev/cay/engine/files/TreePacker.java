package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxFiles;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarWriter;
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
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Packs a tree, or shows it to a visitor. A directory is reached by its path below the top, which the kernel walks without following anything, so it does
 * not matter how deep it is; only as many are open as are opened by one list.
 */
final class TreePacker {
    /** How many directories one list opens. */
    private static final int DIRECTORIES = 16;

    /** The paths of directories that are still to be packed take no more bytes than this. */
    private static final long MAXIMUM_PENDING = 64 << 20;

    private static final int NAMES_SIZE = 256;

    private final FileAccess access;
    private final String text;
    private final FoundFiles packed;
    private final FileContents contents;
    private final Deque<byte[]> pending = new ArrayDeque<>();
    private long pendingBytes;

    private TreePacker(FileAccess access, String text, FoundFiles packed) {
        this.access = access;
        this.text = text;
        this.packed = packed;
        contents = new FileContents(access, packed, text);
    }

    static void pack(FileAccess access, FilePath path, OutputStream tar) {
        String text = Failures.text(path);
        TarWriter writer = new TarWriter(tar);
        byte[] last = Place.lastName(path).bytes();
        boolean named = last[0] != '/' && !Place.isDots(last);
        PackedFiles packed = new PackedFiles(writer, named ? last : new byte[] {'.'}, text);
        try {
            TreePacker packer = new TreePacker(access, text, packed);
            if (named) {
                packer.pack(Place.of(path));
            } else {
                Op open = access.open(path.bytes(), FileAccess.O_READ | FileOps.O_DIRECTORY);
                packer.tree(access.inside(OpList.of(open), text).fd(open));
            }
            writer.finish();
        } catch (IOException e) {
            throw packed.failure(e);
        }
    }

    /** Shows all that is in a directory; a link to one is followed. */
    static void visit(FileAccess access, FilePath path, SandboxFiles.Visitor visitor) throws IOException {
        String text = Failures.text(path);
        Op open = access.open(path.bytes(), FileAccess.O_READ | FileOps.O_DIRECTORY);
        Fd top = access.inside(OpList.of(open), text).fd(open);
        new TreePacker(access, text, new VisitedFiles(visitor, text)).tree(top);
    }

    private void pack(Place place) throws IOException {
        Op open = access.openParent(place);
        Arg.Buffer room = FileStatus.room();
        Results results = access.inside(OpList.of(open, DirectoryOps.status(Arg.of(open), place.name(), room)), text);
        try (Fd parent = results.fd(open)) {
            NamedFile file = new NamedFile(place.name(), FileStatus.of(results.bytes(room)));
            if (file.status().isDirectory()) {
                Op directory = DirectoryOps.open(
                        Arg.of(parent), place.name(), FileAccess.O_READ_DIRECTORY, FileAccess.BELOW_WITH_MOUNTS);
                tree(access.inside(OpList.of(directory), text).fd(directory));
            } else {
                // The base of the archive is the name already.
                contents.pack(parent, FileAccess.SELF, List.of(file), true);
            }
        }
    }

    /** @param top is closed */
    private void tree(Fd top) throws IOException {
        try (top) {
            pending.push(new byte[] {'.'});
            while (!pending.isEmpty()) {
                directories(top);
            }
        }
    }

    private record Opened(byte[] path, Op open, Arg.Buffer status, Op attributes, Arg.Buffer names) {
        static Opened of(Fd top, byte[] path, String text, long resolve) {
            Op open = DirectoryOps.open(Arg.of(top), path, FileAccess.O_READ_DIRECTORY, resolve)
                    .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EXDEV);
            Arg.Buffer names = new Arg.Buffer(NAMES_SIZE);
            return new Opened(path, open, FileStatus.room(), ExtendedAttributes.list(Arg.of(open), text, names), names);
        }
    }

    /** Opens some of the pending directories and packs what is in them, which adds theirs. */
    private void directories(Fd top) throws IOException {
        List<Opened> some = new ArrayList<>();
        OpList.Builder list = OpList.builder();
        while (!pending.isEmpty() && some.size() < DIRECTORIES) {
            byte[] path = pending.pop();
            pendingBytes -= path.length;
            Opened opened =
                    Opened.of(top, path, text, packed.wantsMounts() ? FileAccess.BELOW_WITH_MOUNTS : FileAccess.BELOW);
            list.add(opened.open());
            list.add(DirectoryOps.status(Arg.of(opened.open()), FileAccess.SELF, opened.status())
                    .tolerating(Errno.EBADF));
            list.add(opened.attributes());
            some.add(opened);
        }
        Results results = access.inside(list.build(), text);
        List<Fd> descriptors = new ArrayList<>();
        try {
            for (Opened opened : some) {
                if (!results.failed(opened.open())) {
                    descriptors.add(results.fd(opened.open()));
                }
            }
            int next = 0;
            for (Opened opened : some) {
                if (!results.failed(opened.open())) {
                    directory(opened, descriptors.get(next++), results);
                }
            }
        } finally {
            descriptors.forEach(Fd::close);
        }
    }

    private void directory(Opened opened, Fd directory, Results results) throws IOException {
        byte[] path = opened.path().length == 1 && opened.path()[0] == '.' ? FileAccess.SELF : opened.path();
        boolean attributed = packed.wantsAttributes()
                && ExtendedAttributes.isOfInterest(results.value(opened.attributes()), results.bytes(opened.names()));
        Map<String, ByteString> attributes = attributed ? ExtendedAttributes.of(access, directory, text) : Map.of();
        packed.directory(path, FileStatus.of(results.bytes(opened.status())), attributes);
        DirectoryPages pages = new DirectoryPages(access, directory, text);
        List<DirectoryOps.Entry> entries;
        while (!(entries = pages.next()).isEmpty()) {
            List<NamedFile> files = NamedFile.look(access, Arg.of(directory), entries, text);
            for (NamedFile file : files) {
                if (file.status().isDirectory()) {
                    later(PackedFiles.join(path, file.name()));
                }
            }
            contents.pack(directory, path, files, false);
        }
    }

    private void later(byte[] path) {
        pendingBytes += path.length;
        if (pendingBytes > MAXIMUM_PENDING) {
            throw Failures.of(text, Errno.E2BIG, "too many directories side by side");
        }
        pending.push(path);
    }
}
