package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.SandboxFiles;
import dev.cay.engine.archive.ByteString;
import dev.cay.linux.Errno;
import dev.cay.linux.FileStatus;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/** Shows what is found to whoever asked for it. */
final class VisitedFiles implements FoundFiles {
    private static final int MAXIMUM_PATH = 4095;
    private static final FilePath TOP = FilePath.of(".");

    private final SandboxFiles.Visitor visitor;
    private final String text;

    VisitedFiles(SandboxFiles.Visitor visitor, String text) {
        this.visitor = visitor;
        this.text = text;
    }

    private void visit(byte[] directory, byte[] name, FileStatus status, Optional<FilePath> target, InputStream content)
            throws IOException {
        FilePath where = directory.length == 0 ? TOP : path(directory);
        visitor.visit(where, Informing.of(path(name), status, target), content);
    }

    private FilePath path(byte[] bytes) {
        if (bytes.length > MAXIMUM_PATH) {
            throw Failures.of(text, Errno.ENAMETOOLONG, "it contains a path of more than " + MAXIMUM_PATH + " bytes");
        }
        return FilePath.of(bytes);
    }

    @Override
    public void directory(byte[] path, FileStatus status, Map<String, ByteString> attributes) throws IOException {
        if (path.length > 0) {
            int slash = path.length - 1;
            while (slash >= 0 && path[slash] != '/') {
                slash--;
            }
            byte[] parent = Arrays.copyOf(path, Math.max(0, slash));
            visit(
                    parent,
                    Arrays.copyOfRange(path, slash + 1, path.length),
                    status,
                    Optional.empty(),
                    InputStream.nullInputStream());
        }
    }

    @Override
    public void file(byte[] directory, NamedFile file, byte[] content, int length) throws IOException {
        visit(directory, file.name(), file.status(), Optional.empty(), new ByteArrayInputStream(content, 0, length));
    }

    @Override
    public void file(byte[] directory, NamedFile file, Map<String, ByteString> attributes, InputStream content)
            throws IOException {
        visit(directory, file.name(), file.status(), Optional.empty(), content);
    }

    @Override
    public void link(byte[] directory, NamedFile file, byte[] target) throws IOException {
        visit(directory, file.name(), file.status(), Optional.of(path(target)), InputStream.nullInputStream());
    }

    @Override
    public void special(byte[] directory, NamedFile file) throws IOException {
        visit(directory, file.name(), file.status(), Optional.empty(), InputStream.nullInputStream());
    }

    @Override
    public boolean wantsAttributes() {
        return false;
    }

    @Override
    public boolean wantsMounts() {
        return true;
    }
}
