package dev.cay.cli;

import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.FileWatch;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.WriteOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The files of a sandbox that may say anything, true or not. */
final class FakeFiles implements SandboxFiles {
    static final Instant MODIFIED = Instant.parse("2020-02-03T04:05:06Z");

    private final Map<FilePath, FileInfo> infos = new LinkedHashMap<>();
    private final Map<FilePath, List<FileInfo>> listings = new LinkedHashMap<>();
    private final Map<FilePath, byte[]> contents = new LinkedHashMap<>();
    final List<String> done = new ArrayList<>();
    byte[] unpacked = {};
    byte[] archive = {};

    /** A directory, and what it says is in it. */
    FakeFiles directory(String path, FileInfo... files) {
        FilePath at = FilePath.of(path);
        infos.put(at, info(path.substring(path.lastIndexOf('/') + 1), FileKind.DIRECTORY, 0755, 0, ""));
        listings.put(at, List.of(files));
        for (FileInfo file : files) {
            infos.putIfAbsent(at.resolve(file.name()), file);
        }
        return this;
    }

    FakeFiles content(String path, String content) {
        contents.put(FilePath.of(path), content.getBytes(StandardCharsets.UTF_8));
        infos.putIfAbsent(
                FilePath.of(path),
                info(path.substring(path.lastIndexOf('/') + 1), FileKind.FILE, 0644, content.length(), ""));
        return this;
    }

    static FileInfo info(String name, FileKind kind, int mode, long size, String target) {
        return info(FilePath.of(name.isEmpty() ? "/" : name), kind, mode, size, target);
    }

    static FileInfo info(FilePath name, FileKind kind, int mode, long size, String target) {
        Optional<FilePath> leads = target.isEmpty() ? Optional.empty() : Optional.of(FilePath.of(target));
        return new FileInfo(name, kind, size, mode, 0, 0, 1, MODIFIED, leads);
    }

    @Override
    public InputStream read(FilePath path, long offset, long length) {
        byte[] content = contents.get(path);
        if (content == null) {
            throw new SandboxException.FileFailed("open(" + path + "): ENOENT", 2, new IOException());
        }
        return new ByteArrayInputStream(content, 0, (int) Math.min(length, content.length));
    }

    @Override
    public long write(FilePath path, InputStream content, WriteOptions options) {
        try {
            byte[] bytes = content.readAllBytes();
            done.add("write " + path + " " + Integer.toOctalString(options.mode()) + " "
                    + new String(bytes, StandardCharsets.UTF_8));
            return bytes.length;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public FileInfo stat(FilePath path, boolean follow) {
        FileInfo info = infos.get(path);
        if (info == null) {
            throw new SandboxException.FileFailed("stat(" + path + "): ENOENT", 2, new IOException());
        }
        return follow && info.target().isPresent() ? stat(info.target().get(), false) : info;
    }

    @Override
    public Listing list(FilePath path) {
        Iterator<FileInfo> files = listings.get(path).iterator();
        return new Listing() {
            @Override
            public boolean hasNext() {
                return files.hasNext();
            }

            @Override
            public FileInfo next() {
                return files.next();
            }

            @Override
            public void close() {
                done.add("listed " + path);
            }
        };
    }

    @Override
    public void makeDirectory(FilePath path, int mode, boolean parents) {
        done.add("mkdir " + path + " " + Integer.toOctalString(mode));
    }

    @Override
    public void remove(FilePath path, boolean recursive) {
        throw new UnsupportedOperationException("a copy removes nothing in a sandbox");
    }

    @Override
    public void move(FilePath from, FilePath to) {
        throw new UnsupportedOperationException("a copy moves nothing");
    }

    @Override
    public FileWatch watch(FilePath path, boolean recursive) {
        throw new UnsupportedOperationException("a copy watches nothing");
    }

    @Override
    public void unpack(FilePath directory, InputStream tar) {
        try {
            unpacked = tar.readAllBytes();
            done.add("unpack " + directory);
        } catch (IOException e) {
            throw new SandboxException.FileFailed("read: " + e.getMessage(), 0, e);
        }
    }

    @Override
    public void visit(FilePath directory, Visitor visitor) throws IOException {
        visit(directory, FilePath.of("."), visitor);
    }

    private void visit(FilePath directory, FilePath below, Visitor visitor) throws IOException {
        done.add("visited " + directory);
        for (FileInfo file : listings.get(directory)) {
            byte[] content = contents.getOrDefault(directory.resolve(file.name()), new byte[0]);
            visitor.visit(
                    below, file, new ByteArrayInputStream(content, 0, (int) Math.min(file.size(), content.length)));
        }
        for (FileInfo file : listings.get(directory)) {
            if (file.kind() == FileKind.DIRECTORY) {
                boolean top = below.equals(FilePath.of("."));
                visit(directory.resolve(file.name()), top ? file.name() : below.resolve(file.name()), visitor);
            }
        }
    }

    @Override
    public void pack(FilePath path, OutputStream tar) {
        try {
            done.add("pack " + path);
            tar.write(archive);
        } catch (IOException e) {
            throw new SandboxException.FileFailed("write: " + e.getMessage(), 0, e);
        }
    }
}
