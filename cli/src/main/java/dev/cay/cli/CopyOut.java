package dev.cay.cli;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
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

    private final SandboxFiles files;
    private final Streams streams;
    private final Deque<Directory> pending = new ArrayDeque<>();
    private final byte[] buffer = new byte[BUFFER];
    private long leftOut;

    /** A directory of the sandbox whose files are to be copied, and where to. */
    private record Directory(FilePath from, Path to) {}

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
        pending.add(new Directory(path, target));
        while (!pending.isEmpty()) {
            copyFilesOf(pending.remove());
        }
    }

    private void copyOne(FilePath path, FileInfo info, CopyPath source, String to) throws IOException {
        Path target = HostNames.path(to);
        if (Files.isDirectory(target)) {
            target = target.resolve(HostNames.path(source.name()));
        } else if (to.endsWith("/")) {
            throw HostFiles.failed("there is no directory '" + to + "'", "make it, or leave out the slash at its end");
        }
        copyFile(path, info, target);
    }

    /** One listing is open at a time, however deep the sandbox has nested its directories. */
    private void copyFilesOf(Directory directory) throws IOException {
        try (SandboxFiles.Listing listing = files.list(directory.from())) {
            while (listing.hasNext()) {
                FileInfo info = listing.next();
                Path target = directory.to().resolve(HostNames.path(checkedName(info)));
                FilePath path = directory.from().resolve(info.name());
                if (info.kind() == FileKind.DIRECTORY) {
                    makeDirectory(target, info.mode());
                    pending.add(new Directory(path, target));
                } else {
                    copyFile(path, info, target);
                }
            }
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

    private void copyFile(FilePath path, FileInfo info, Path target) throws IOException {
        switch (info.kind()) {
            case FILE -> {
                makeRoom(target);
                write(path, info, target);
            }
            case SYMBOLIC_LINK -> {
                if (info.target().isEmpty()) {
                    throw HostFiles.failed("the link '" + path + "' of the sandbox leads nowhere", "");
                }
                makeRoom(target);
                Files.createSymbolicLink(
                        target, HostNames.path(info.target().get().bytes()));
            }
            case DIRECTORY -> throw new IllegalArgumentException("a directory is no single file");
            case FIFO, SOCKET, CHARACTER_DEVICE, BLOCK_DEVICE -> leftOut++;
        }
    }

    /** No more than its size, or a file that grows would never end. */
    private void write(FilePath path, FileInfo info, Path target) throws IOException {
        Set<StandardOpenOption> options = EnumSet.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
        var permissions = PosixFilePermissions.asFileAttribute(permissions(info.mode()));
        try (InputStream in = files.read(path, 0, info.size());
                OutputStream out = Channels.newOutputStream(Files.newByteChannel(target, options, permissions))) {
            for (int count = read(in, path); count >= 0; count = read(in, path)) {
                out.write(buffer, 0, count);
            }
        }
        Files.getFileAttributeView(target, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                .setTimes(FileTime.from(info.modified()), null, null);
    }

    private int read(InputStream in, FilePath path) {
        try {
            return in.read(buffer);
        } catch (IOException e) {
            throw new SandboxException.FileFailed("cannot read '" + path + "' of the sandbox: " + e.getMessage(), 0, e);
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
