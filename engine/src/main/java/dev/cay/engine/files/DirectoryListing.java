package dev.cay.engine.files;

import dev.cay.FileInfo;
import dev.cay.FilePath;
import dev.cay.SandboxFiles;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Fd;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Queue;

/** The files of a directory, looked at page by page. Not thread-safe. */
final class DirectoryListing implements SandboxFiles.Listing {
    /** Few enough that a page of links does not take megabytes. */
    private static final int BATCH = 128;

    private final DirectoryPages pages;
    private final Queue<FileInfo> ready = new ArrayDeque<>();
    private List<DirectoryOps.Entry> names = List.of();

    private DirectoryListing(DirectoryPages pages) {
        this.pages = pages;
    }

    static DirectoryListing open(FileAccess access, FilePath path) {
        String text = Failures.text(path);
        Op open = access.open(path.bytes(), FileAccess.O_READ | dev.cay.linux.FileOps.O_DIRECTORY);
        Fd directory = access.inside(OpList.of(open), text).fd(open);
        return new DirectoryListing(new DirectoryPages(access, directory, text));
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty() && pages.directory().isOpen()) {
            if (names.isEmpty()) {
                names = pages.next();
            }
            if (names.isEmpty()) {
                close();
            } else {
                look(names.subList(0, Math.min(BATCH, names.size())));
                names = new ArrayList<>(names.subList(Math.min(BATCH, names.size()), names.size()));
            }
        }
        return !ready.isEmpty();
    }

    private void look(List<DirectoryOps.Entry> entries) {
        Arg directory = Arg.of(pages.directory());
        List<NamedFile> files = NamedFile.look(pages.access(), directory, entries, pages.text());
        List<byte[]> targets = NamedFile.links(pages.access(), directory, files, pages.text());
        for (int i = 0; i < files.size(); i++) {
            NamedFile file = files.get(i);
            byte[] target = targets.get(i);
            ready.add(Informing.of(
                    FilePath.of(file.name()),
                    file.status(),
                    target.length == 0 ? Optional.empty() : Optional.of(FilePath.of(target))));
        }
    }

    @Override
    public FileInfo next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return ready.remove();
    }

    @Override
    public void close() {
        pages.directory().close();
        ready.clear();
        names = List.of();
    }
}
