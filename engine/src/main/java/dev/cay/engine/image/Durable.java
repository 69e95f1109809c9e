package dev.cay.engine.image;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Files that are there, whole, after a power failure too: they are on the disk before they get their names (fsync(2)). */
final class Durable {
    private Durable() {}

    /** Makes a file that nobody else looks at yet. */
    static void write(Path file, byte[] content) throws IOException {
        try (FileChannel out = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer rest = ByteBuffer.wrap(content);
            while (rest.hasRemaining()) {
                out.write(rest);
            }
            out.force(true);
        }
    }

    /** Replaces a file: whoever reads it sees the old content or the new one. Whoever calls this holds a lock. */
    static void replace(Path file, byte[] content) throws IOException {
        Path born = file.resolveSibling(".new-" + file.getFileName());
        write(born, content);
        move(born, file);
    }

    /** Gives something its name, for good. */
    static void move(Path born, Path name) throws IOException {
        Files.move(born, name, StandardCopyOption.ATOMIC_MOVE);
        sync(name.getParent());
    }

    /** Waits until a file's content, or what is said in a directory, is on the disk. */
    static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
