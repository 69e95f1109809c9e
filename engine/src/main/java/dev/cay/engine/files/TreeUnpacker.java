package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxException.FileFailed;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Unpacks an archive into a directory: many small files in one list, large ones written from here. */
final class TreeUnpacker implements AutoCloseable {
    /** A larger file is written from here. */
    private static final int SMALL = 32 * 1024;

    /** Of a directory until all is in it. */
    private static final int UNFINISHED_MODE = 0700;

    private static final int O_LINK = FileOps.O_PATH | FileOps.O_NOFOLLOW;

    private final FileAccess access;
    private final String text;
    private final Fd top;
    private final TarReader reader;
    private final CallBatch batch;
    private final UnpackedDirectories directories;

    /** Whether what is unpacked is a layer of an overlay. */
    private final boolean layer;

    private final Map<EntryPath, Attributes> unfinished = new LinkedHashMap<>();

    /** What a hard link can lead to. */
    private final Set<EntryPath> files = new HashSet<>();

    private TreeUnpacker(FileAccess access, String text, Fd top, InputStream tar, boolean layer) {
        this.access = access;
        this.text = text;
        this.top = top;
        this.layer = layer;
        reader = new TarReader(tar, TarLimits.STANDARD);
        batch = new CallBatch(access);
        directories = new UnpackedDirectories(batch, top);
    }

    static void unpack(FileAccess access, FilePath directory, InputStream tar, boolean layer) {
        String text = Failures.text(directory);
        Op open = access.open(directory.bytes(), FileAccess.O_SEARCH_DIRECTORY);
        Fd top = access.inside(OpList.of(open), text).fd(open);
        try (TreeUnpacker unpacker = new TreeUnpacker(access, text, top, tar, layer)) {
            unpacker.unpack();
        }
    }

    private void unpack() {
        boolean complete = false;
        try {
            Optional<TarEntry> entry;
            while ((entry = reader.next()).isPresent()) {
                unpack(entry.get(), EntryPath.of(entry.get().name()));
                if (batch.isFull() || directories.isFull()) {
                    flush();
                }
            }
            flush();
            complete = true;
        } catch (IOException e) {
            throw Failures.ofStream(text, e);
        } finally {
            if (!complete) {
                finishDirectoriesAnyway();
            }
        }
        finishDirectories();
    }

    private Results flush() {
        try {
            Results results = batch.run();
            directories.ran(results);
            return results;
        } catch (SandboxException e) {
            directories.failed();
            throw e;
        }
    }

    private void unpack(TarEntry entry, EntryPath path) throws IOException {
        if (path.isRoot()) {
            return;
        }
        String subject = text + "/" + path;
        Attributes attributes = Attributes.of(entry, subject);
        batch.begin(subject);
        switch (entry.kind()) {
            case Kind.Directory _ -> {
                directories.make(path, UNFINISHED_MODE);
                unfinished.put(path, attributes);
            }
            case Kind.File(long size) -> {
                if (size <= SMALL) {
                    small(path, attributes, reader.content().readNBytes(SMALL));
                } else {
                    large(path, attributes);
                }
                files.add(path);
            }
            case Kind.SymbolicLink(ByteString target) -> {
                link(path, attributes, target.toBytes());
                files.add(path);
            }
            case Kind.HardLink(ByteString target) -> hardLink(path, EntryPath.of(target), subject);
            case Kind.Fifo _ -> fifo(path, attributes);
            case Kind.CharacterDevice(int major, int minor) -> {
                if (layer && major == 0 && minor == 0) {
                    batch.add(DirectoryOps.makeWhiteout(clear(path), UnpackedDirectories.name(path)));
                }
            }
            case Kind.BlockDevice _ -> {} // whatever devices are here, they would not be that there
        }
    }

    /** What a directory is unpacked over. */
    private Arg clear(EntryPath path) {
        Arg parent = directories.use(UnpackedDirectories.parent(path));
        batch.add(DirectoryOps.unlink(parent, UnpackedDirectories.name(path)).tolerating(Errno.ENOENT, Errno.EISDIR));
        return parent;
    }

    private void small(EntryPath path, Attributes attributes, byte[] content) {
        Arg parent = clear(path);
        Op file = batch.add(Writing.newFile(parent, UnpackedDirectories.name(path)));
        if (content.length > 0) {
            batch.addWrite(FileOps.write(Arg.of(file), attributes.subject(), content), content.length);
        }
        attributes.ofFile(Arg.of(file)).forEach(batch::add);
        batch.add(FileOps.close(file));
    }

    private void large(EntryPath path, Attributes attributes) {
        Arg parent = clear(path);
        Op opening = batch.add(Writing.newFile(parent, UnpackedDirectories.name(path)));
        try (Fd file = flush().fd(opening)) {
            NewContent.copy(access, reader.content(), file, attributes.subject());
            access.inside(OpList.of(attributes.ofFile(Arg.of(file)).toArray(Op[]::new)), attributes.subject());
        }
    }

    private void link(EntryPath path, Attributes attributes, byte[] target) {
        Arg parent = clear(path);
        byte[] name = UnpackedDirectories.name(path);
        batch.add(DirectoryOps.symlink(target, parent, name));
        Op link = batch.add(DirectoryOps.open(parent, name, O_LINK, FileAccess.BELOW));
        // Fails if it is no link: somebody may have put a file there whose owner must not change.
        batch.add(DirectoryOps.readLink(Arg.of(link), FileAccess.SELF, new Arg.Buffer(1)));
        attributes.ofLink(Arg.of(link)).forEach(batch::add);
        batch.add(FileOps.close(link));
    }

    private void hardLink(EntryPath path, EntryPath target, String subject) {
        if (path.equals(target)) {
            return;
        }
        if (!files.contains(target)) {
            throw Failures.of(subject, Errno.EINVAL, "a hard link to what the archive has not brought");
        }
        Arg from = directories.use(UnpackedDirectories.parent(target));
        Arg parent = clear(path);
        batch.add(DirectoryOps.link(from, UnpackedDirectories.name(target), parent, UnpackedDirectories.name(path)));
        files.add(path);
    }

    private void fifo(EntryPath path, Attributes attributes) {
        Arg parent = clear(path);
        byte[] name = UnpackedDirectories.name(path);
        batch.add(DirectoryOps.makeFifo(parent, name, 0600));
        Op fifo = batch.add(DirectoryOps.open(parent, name, FileAccess.O_READ | FileOps.O_NOFOLLOW, FileAccess.BELOW));
        batch.add(OpenFile.requirePipe(Arg.of(fifo), attributes.subject()));
        attributes.ofFile(Arg.of(fifo)).forEach(batch::add);
        batch.add(FileOps.close(fifo));
    }

    /** Gives the directories what they are to have, the deepest first: nothing is made in them any more. */
    private void finishDirectories() {
        for (EntryPath path : deepestFirst()) {
            finish(path);
            if (batch.isFull()) {
                batch.run();
            }
        }
        batch.run();
    }

    private List<EntryPath> deepestFirst() {
        List<EntryPath> paths = new ArrayList<>(unfinished.keySet());
        paths.sort(Comparator.comparingInt((EntryPath path) -> path.components().size())
                .reversed());
        return paths;
    }

    private void finish(EntryPath path) {
        Attributes attributes = unfinished.get(path);
        batch.begin(attributes.subject());
        Op directory = batch.add(DirectoryOps.open(
                Arg.of(top),
                UnpackedDirectories.bytes(path),
                FileAccess.O_READ_DIRECTORY,
                FileAccess.BELOW_WITH_MOUNTS));
        attributes.ofFile(Arg.of(directory)).forEach(batch::add);
        batch.add(FileOps.close(directory));
    }

    /** After a failure: one by one, since some may never have been made. */
    private void finishDirectoriesAnyway() {
        batch.clear();
        for (EntryPath path : deepestFirst()) {
            try {
                finish(path);
                batch.run();
            } catch (FileFailed _) {
                // What came before is what is told.
            } catch (SandboxException _) {
                return;
            }
        }
    }

    @Override
    public void close() {
        directories.close();
    }
}
