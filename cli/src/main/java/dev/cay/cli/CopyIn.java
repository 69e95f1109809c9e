package dev.cay.cli;

import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.WriteOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/** Copies files into a sandbox: a single one as it is, a directory as a tar archive that is made while it is read. */
final class CopyIn {
    private static final int NO_SUCH_FILE = 2;
    private static final int STANDARD_MODE = 0755;

    private final SandboxFiles files;
    private final Streams streams;

    CopyIn(SandboxFiles files, Streams streams) {
        this.files = files;
        this.streams = streams;
    }

    /** Returns how many files of other kinds were left out. */
    long copy(String from, String to, boolean followLink) {
        CopyPath target = CopyPath.of(to);
        Optional<FileKind> there = kind(target);
        if (from.equals("-")) {
            if (there.isEmpty() || there.get() != FileKind.DIRECTORY) {
                throw HostFiles.failed(
                        "'" + to + "' is no directory of the sandbox", "an archive is unpacked into one");
            }
            files.unpack(FilePath.of(target.path()), ArchiveInput.of(streams, "tar -c . | cay cp - NAME:DIR"));
            return 0;
        }
        CopyPath source = CopyPath.of(from);
        try {
            Path path = HostNames.path(source.path());
            boolean follow = followLink || source.directory();
            TarFile file = follow ? TarFile.of(path.toRealPath()) : TarFile.of(path);
            return switch (file.kind()) {
                case DIRECTORY -> copyTree(file, source, target, there);
                case FILE -> copyFile(file, source, target, there);
                case LINK -> copyLink(file, source, target, there);
                case OTHER -> throw HostFiles.failed("'" + from + "' is neither a file nor a directory", "");
            };
        } catch (IOException e) {
            throw HostFiles.failed("cannot read '" + from + "'", e);
        }
    }

    /** What is at the target, at the end of all links. */
    private Optional<FileKind> kind(CopyPath target) {
        try {
            return Optional.of(files.stat(FilePath.of(target.path()), true).kind());
        } catch (SandboxException.FileFailed e) {
            if (e.errno() == NO_SUCH_FILE) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private long copyTree(TarFile file, CopyPath source, CopyPath target, Optional<FileKind> there) throws IOException {
        FilePath into = FilePath.of(target.path());
        byte[] name = {};
        if (there.isEmpty()) {
            files.makeDirectory(into, STANDARD_MODE, false);
        } else if (there.get() != FileKind.DIRECTORY) {
            throw HostFiles.failed(
                    "'" + target.path() + "' of the sandbox is not a directory, which '" + source.path() + "' is",
                    "name another target");
        } else if (!source.contents()) {
            name = source.name().getBytes(StandardCharsets.UTF_8);
        }
        return unpack(into, file, name);
    }

    private long unpack(FilePath into, TarFile file, byte[] name) throws IOException {
        try (TarStream tar = new TarStream(file, name)) {
            files.unpack(into, tar);
            return tar.leftOut();
        }
    }

    private long copyFile(TarFile file, CopyPath source, CopyPath target, Optional<FileKind> there) throws IOException {
        FilePath path = place(source, target, there);
        if (!Files.isRegularFile(file.path(), LinkOption.NOFOLLOW_LINKS)) {
            throw HostFiles.failed("'" + source.path() + "' has changed meanwhile", "try again");
        }
        WriteOptions options = new WriteOptions(file.mode(), OptionalLong.empty(), OptionalLong.empty(), false);
        try (InputStream in = file.open()) {
            files.write(path, in, options);
        }
        return 0;
    }

    /** Where a file goes: into a directory that is there, under its own name, or to the very place. */
    private static FilePath place(CopyPath source, CopyPath target, Optional<FileKind> there) {
        boolean directory = there.isPresent() && there.get() == FileKind.DIRECTORY;
        if (!directory && target.directory()) {
            throw HostFiles.failed(
                    "there is no directory '" + target.path() + "' in the sandbox", "leave out the slash at its end");
        }
        FilePath path = FilePath.of(target.path());
        return directory ? path.resolve(FilePath.of(source.name())) : path;
    }

    private long copyLink(TarFile file, CopyPath source, CopyPath target, Optional<FileKind> there) throws IOException {
        place(source, target, there);
        if (there.isPresent() && there.get() == FileKind.DIRECTORY) {
            return unpack(FilePath.of(target.path()), file, source.name().getBytes(StandardCharsets.UTF_8));
        }
        int slash = target.path().lastIndexOf('/');
        FilePath parent = FilePath.of(slash <= 0 ? "/" : target.path().substring(0, slash));
        return unpack(parent, file, target.name().getBytes(StandardCharsets.UTF_8));
    }
}
