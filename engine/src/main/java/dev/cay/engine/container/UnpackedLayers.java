package dev.cay.engine.container;

import dev.cay.FilePath;
import dev.cay.engine.erofs.LayerExport;
import dev.cay.engine.files.ContainerFiles;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.FileLocks;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.RootlessKernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The layers of images for an ordinary user, who may not mount EROFS: directories, each unpacked once out of its EROFS file when it is
 * first used. They are made, and removed, as root of the user's namespace, as their files belong to ids that the user has there alone;
 * nothing in them is ever found by a path that begins outside.
 *
 * <pre>
 * DIGEST/        a layer; it appears and disappears as a whole
 * DIGEST.origin  a link to its EROFS file
 * .new-DIGEST/   being made by whoever holds the lock
 * .lock
 * </pre>
 *
 * A layer whose EROFS file is gone is nobody's any more: it goes when an engine ends. Thread-safe.
 */
final class UnpackedLayers implements ImageMounts.Mounter, AutoCloseable {
    private static final String ORIGIN = ".origin";

    private final RootlessKernel kernel;
    private final Path base;
    private final LayerExport.Form form;

    /**
     * @param base where they are
     * @param ids how many the user has
     */
    UnpackedLayers(RootlessKernel kernel, Path base, int ids) {
        this.kernel = kernel;
        this.base = base;
        form = ids == 1 ? LayerExport.Form.OWNERLESS_DIRECTORY : LayerExport.Form.DIRECTORY;
    }

    @Override
    public Fd mount(Path file) throws IOException {
        String name = file.getParent().getFileName().toString();
        Path layer = base.resolve(name);
        if (!exists(layer)) {
            Directories.make(base);
            FileLocks.locked(lock(), () -> exists(layer) ? layer : make(file, name));
        }
        Op mount = Mount.cloneTree(layer.toString());
        return kernel.run(OpList.of(mount)).fd(mount);
    }

    private Path make(Path file, String name) throws IOException {
        String born = Directories.NEW + name;
        try (Fd directory = open()) {
            ContainerFiles files = files(directory);
            if (exists(base.resolve(born))) {
                files.remove(FilePath.of("/" + born), true);
            }
            Files.createDirectory(base.resolve(born), Directories.PRIVATE);
            try (InputStream archive = LayerExport.open(file, form)) {
                files.unpackLayer(FilePath.of("/" + born), archive);
            }
            Files.setPosixFilePermissions(base.resolve(born), PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        Files.deleteIfExists(origin(name));
        Files.createSymbolicLink(origin(name), file);
        return Files.move(base.resolve(born), base.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    private static boolean exists(Path directory) {
        return Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS);
    }

    private Path origin(String name) {
        return base.resolve(name + ORIGIN);
    }

    private Path lock() {
        return base.resolve(".lock");
    }

    private Fd open() throws SyscallException {
        Op open = FileOps.open(base.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private ContainerFiles files(Fd directory) {
        return new ContainerFiles(kernel, kernel.host(), directory);
    }

    /** Removes the layers that nobody has any more; while somebody else makes one that is left for the next time. */
    @Override
    public void close() throws IOException {
        if (exists(base)) {
            FileLocks.tryLocked(lock(), () -> {
                for (String name : Directories.names(base)) {
                    if (exists(base.resolve(name)) && !Files.exists(origin(name))) {
                        remove(name);
                    }
                }
                return base;
            });
        }
    }

    private void remove(String name) throws IOException {
        try (Fd directory = open()) {
            files(directory).remove(FilePath.of("/" + name), true);
        }
        Files.deleteIfExists(origin(name));
    }
}
