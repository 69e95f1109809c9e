package dev.cay.cli;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Copies files out of a sandbox.
 *
 * <p>All that the sandbox says is suspicious: names, links, sizes. So every file is made new and under a name without a slash,
 * in a directory that we have made or found to be no link; what is at its place is removed if it is a file or a link, and
 * refused if it is anything else.
 */
final class CopyOut {
    private static final int PERMISSIONS = 0777;
    private static final int OWNER_ALL = 0700;

    /** The first of the permissions, the others follow bit by bit. */
    private static final int OWNER_READ = 0400;

    private static final int BUFFER = 64 * 1024;
    private static final FilePath TOP = FilePath.of(".");

    private final SandboxFiles files;
    private final Streams streams;

    /** Where the directories go that have been shown, by their path below what is copied. */
    private final Map<FilePath, Path> directories = new HashMap<>();

    private final byte[] buffer = new byte[BUFFER];
    private long leftOut;

    CopyOut(SandboxFiles files, Streams streams) {
        this.files = files;
        this.streams = streams;
    }

    /** Returns how many files of other kinds were left out. */
    long copy(String from, String to, boolean followLink) {
        CopyPath source = CopyPath.of(from);
        FilePath path = FilePath.of(source.path());
        if (to.equals("-")) {
            pack(path);
            return 0;
        }
        FileInfo info = files.stat(path, followLink || source.directory());
        if (source.directory() && info.kind() != FileKind.DIRECTORY) {
            throw HostFiles.failed(
                    "'" + from + "' of the sandbox is not a directory", "leave out the slash at its end");
        }
        try {
            if (info.kind() == FileKind.DIRECTORY) {
                copyTree(path, source, to);
            } else {
                copyOne(path, info, source, to);
            }
        } catch (IOException e) {
            throw HostFiles.failed("cannot write to '" + to + "'", e);
        }
        return leftOut;
    }

    private void pack(FilePath path) {
        HostFiles.Noting out = new HostFiles.Noting(streams.out());
        try {
            files.pack(path, out);
            out.flush();
        } catch (IOException e) {
            throw streams.failure(Streams.OUT, e);
        } catch (RuntimeException e) {
            if (out.failure().isPresent()) {
                throw streams.failure(Streams.OUT, out.failure().get());
            }
            throw e;
        }
    }

    private void copyTree(FilePath path, CopyPath source, String to) throws IOException {
        Path target = HostNames.path(to);
        if (Files.isDirectory(target)) {
            if (!source.contents()) {
                target = target.resolve(HostNames.path(source.name()));
                makeDirectory(target, PERMISSIONS);
            }
        } else {
            makeDirectory(target, PERMISSIONS);
        }
        directories.put(TOP, target);
        files.visit(path, this::place);
    }

    private void copyOne(FilePath path, FileInfo info, CopyPath source, String to) throws IOException {
        Path target = HostNames.path(to);
        if (Files.isDirectory(target)) {
            target = target.resolve(HostNames.path(source.name()));
        } else if (to.endsWith("/")) {
            throw HostFiles.failed("there is no directory '" + to + "'", "make it, or leave out the slash at its end");
        }
        if (info.kind() == FileKind.FILE) {
            // No more than its size, or a file that grows would never end.
            try (InputStream in = files.read(path, 0, info.size())) {
                copyFile(info, target, in);
            }
        } else {
            copyFile(info, target, InputStream.nullInputStream());
        }
    }

    /** Puts down a file that the sandbox has shown. */
    void place(FilePath directory, FileInfo info, InputStream content) throws IOException {
        Path parent = directories.get(directory);
        if (parent == null) {
            throw HostFiles.failed(
                    "the sandbox has a file in a directory that it has not shown before: '" + directory + "'", "");
        }
        Path target = parent.resolve(HostNames.path(checkedName(info)));
        if (info.kind() == FileKind.DIRECTORY) {
            makeDirectory(target, info.mode());
            directories.put(directory.equals(TOP) ? info.name() : directory.resolve(info.name()), target);
        } else {
            copyFile(info, target, content);
        }
    }

    private static byte[] checkedName(FileInfo info) {
        byte[] name = info.name().bytes();
        String text = info.name().toString();
        boolean slash = false;
        for (byte one : name) {
            slash |= one == '/';
        }
        if (slash || text.equals(".") || text.equals("..")) {
            throw HostFiles.failed("the sandbox has a file called '" + text + "', which no file can be", "");
        }
        return name;
    }

    private void copyFile(FileInfo info, Path target, InputStream content) throws IOException {
        switch (info.kind()) {
            case FILE -> write(info, target, content);
            case SYMBOLIC_LINK -> {
                if (info.target().isEmpty()) {
                    throw HostFiles.failed("the link '" + info.name() + "' of the sandbox leads nowhere", "");
                }
                makeRoom(target);
                Files.createSymbolicLink(
                        target, HostNames.path(info.target().get().bytes()));
            }
            case DIRECTORY -> throw new IllegalArgumentException("a directory is no single file");
            case FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE -> leftOut++;
        }
    }

    private void write(FileInfo info, Path target, InputStream content) throws IOException {
        try (FileChannel out = create(target, info)) {
            ByteBuffer bytes = ByteBuffer.wrap(buffer);
            for (int count = read(content, info); count >= 0; count = read(content, info)) {
                bytes.clear().limit(count);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            }
        }
        Files.getFileAttributeView(target, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                .setTimes(FileTime.from(info.modified()), null, null);
    }

    /** Mostly nothing is in the way. */
    private static FileChannel create(Path target, FileInfo info) throws IOException {
        Set<StandardOpenOption> options = EnumSet.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
        var permissions = PosixFilePermissions.asFileAttribute(permissions(info.mode()));
        try {
            return FileChannel.open(target, options, permissions);
        } catch (FileAlreadyExistsException e) {
            makeRoom(target);
            return FileChannel.open(target, options, permissions);
        }
    }

    private int read(InputStream in, FileInfo info) {
        try {
            return in.read(buffer);
        } catch (IOException e) {
            throw new SandboxException.FileFailed(
                    "cannot read '" + info.name() + "' of the sandbox: " + e.getMessage(), 0, e);
        }
    }

    private static void makeRoom(Path target) throws IOException {
        if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        boolean replaceable = Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS) || Files.isSymbolicLink(target);
        if (!replaceable) {
            throw HostFiles.failed("'" + target + "' is no file that could be replaced", "name another target");
        }
        Files.delete(target);
    }

    private static void makeDirectory(Path target, int mode) throws IOException {
        try {
            Files.createDirectory(target, PosixFilePermissions.asFileAttribute(permissions(mode | OWNER_ALL)));
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
                throw HostFiles.failed(
                        "'" + target + "' is in the way of a directory", "remove it, or name another target");
            }
        }
    }

    /** The mode without the bits that would make a program run as its owner. */
    static Set<PosixFilePermission> permissions(int mode) {
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        PosixFilePermission[] all = PosixFilePermission.values();
        for (int i = 0; i < all.length; i++) {
            if ((mode & PERMISSIONS & OWNER_READ >> i) != 0) {
                permissions.add(all[i]);
            }
        }
        return permissions;
    }
}
