package dev.cay.engine.files;

import dev.cay.FileInfo;
import dev.cay.FilePath;
import dev.cay.SandboxException.FileFailed;
import dev.cay.SandboxFiles;
import dev.cay.WriteOptions;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;

/** A directory of this machine as if it were a sandbox's root, seen by a kernel that is inside and outside at once. */
final class FilesFixture implements AutoCloseable {
    private final HostKernel kernel;
    private final Fd rootFd;
    private final Path root;
    private final SandboxFiles files;

    FilesFixture(Path root) throws IOException {
        this.root = root;
        kernel = new HostKernel();
        Op open = FileOps.open(root.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
        rootFd = kernel.run(OpList.of(open)).fd(open);
        files = new ContainerFiles(kernel, kernel, rootFd);
    }

    SandboxFiles files() {
        return files;
    }

    Kernel kernel() {
        return kernel;
    }

    Fd rootFd() {
        return rootFd;
    }

    Path path(String name) {
        return root.resolve(name);
    }

    static FilePath pathOf(String path) {
        return FilePath.of(path);
    }

    /** Options that a test without root can use. */
    static WriteOptions mine(int mode) {
        return new WriteOptions(mode, id("unix:uid"), id("unix:gid"), true);
    }

    private static OptionalLong id(String attribute) {
        try {
            return OptionalLong.of(((Number) Files.getAttribute(Path.of("/proc/self"), attribute)).longValue());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long user() {
        return id("unix:uid").orElseThrow();
    }

    static long group() {
        return id("unix:gid").orElseThrow();
    }

    long write(String path, String content) {
        return files.write(
                FilePath.of(path), new ByteArrayInputStream(content.getBytes(StandardCharsets.UTF_8)), mine(0644));
    }

    String read(String path) {
        try (var stream = files.read(path)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<FileInfo> list(String path) {
        List<FileInfo> all = new ArrayList<>();
        try (SandboxFiles.Listing listing = files.list(FilePath.of(path))) {
            listing.forEachRemaining(all::add);
        }
        return all;
    }

    /** The names of everything in a directory, which must have no temporary files. */
    List<String> names(Path directory) {
        try (Stream<Path> found = Files.list(directory)) {
            return found.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static boolean exists(Path path) {
        return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
    }

    static void refuses(String errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        Assertions.assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        FileFailed.class,
                        e -> Assertions.assertThat(e.getMessage()).startsWith(errno + ": "));
    }

    /** How many descriptors this process has open. */
    static long descriptors() {
        try (Stream<Path> found = Files.list(Path.of("/proc/self/fd"))) {
            return found.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        rootFd.close();
        kernel.close();
    }
}
