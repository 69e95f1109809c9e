package dev.cay.engine.state;

import dev.cay.Size;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SparseFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;

/**
 * Disks that are gone with the sandbox that has them: files of which most take no space until something is written, each with an empty
 * ext4. Their names go as soon as somebody has them open, so that nothing is left of them whatever dies then. Thread-safe, also
 * between processes.
 */
public final class ScratchDisks {
    /** The name of the directory. */
    public static final String NAME = "disks";

    private final Path base;
    private final VolumeImage images;

    private ScratchDisks(Path base, VolumeImage images) {
        this.base = base;
        this.images = images;
    }

    /**
     * Opens the directory, which is made if it is missing, and removes what others have left in it.
     *
     * @param lives whether there is a sandbox of an id
     */
    public static ScratchDisks open(Path base, Predicate<String> lives) throws IOException {
        return open(base, lives, VolumeImage.ext4());
    }

    static ScratchDisks open(Path base, Predicate<String> lives, VolumeImage images) throws IOException {
        ScratchDisks disks = new ScratchDisks(Directories.make(base).toRealPath(), images);
        for (String id : Directories.names(disks.base)) {
            if (!lives.test(id)) {
                disks.forget(id);
            }
        }
        return disks;
    }

    /** Makes that of a sandbox. */
    public Path make(String sandbox, Size size) throws IOException {
        Path file = base.resolve(sandbox);
        try {
            images.make(file, size);
            return file;
        } catch (IOException | RuntimeException e) {
            forget(sandbox);
            throw e;
        }
    }

    /**
     * Makes that of a sandbox as a copy of another one.
     *
     * @param kernel of this process
     */
    public Path copy(Kernel kernel, String sandbox, Path original) throws IOException {
        Path file = base.resolve(sandbox);
        Op open = FileOps.open(original.toString(), FileOps.O_RDONLY);
        try (Fd from = kernel.run(OpList.of(open)).fd(open)) {
            Files.createFile(file);
            SparseFile.copy(kernel, from, file);
            return file;
        } catch (IOException | RuntimeException e) {
            forget(sandbox);
            throw e;
        }
    }

    /** Takes its name away; whoever has it open has it until he closes it. Without effect if there is none. */
    public void forget(String sandbox) throws IOException {
        Files.deleteIfExists(base.resolve(sandbox));
    }
}
