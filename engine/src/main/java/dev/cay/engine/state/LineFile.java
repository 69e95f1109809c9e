package dev.cay.engine.state;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * A file of lines to which lines are only ever added. A line may be torn, because its writer was killed or the disk was full:
 * then it has no end, or one that says so, and counts as never written. Whoever adds holds a lock.
 */
final class LineFile {
    private static final long MAXIMUM = 16 << 20;

    /** Ends a torn line; no line of ours ends so. */
    private static final String TORN = "~\n";

    private LineFile() {}

    /** Adds a line by one write. */
    static void append(Path file, String line) throws IOException {
        boolean torn = isTorn(file);
        // No channel: an interrupt would close it half way.
        try (FileOutputStream out = new FileOutputStream(file.toFile(), true)) {
            out.write(((torn ? TORN : "") + line + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    /** All lines but torn ones. */
    static List<String> read(Path file) throws IOException {
        try {
            if (Files.size(file) > MAXIMUM) {
                throw new IOException(file + " is larger than it can have become");
            }
            String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
            String whole = text.substring(0, text.lastIndexOf('\n') + 1);
            return whole.lines().filter(line -> !line.endsWith("~")).toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private static boolean isTorn(Path file) throws IOException {
        if (!Files.exists(file)) {
            return false;
        }
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            long length = in.length();
            if (length == 0) {
                return false;
            }
            in.seek(length - 1);
            return in.read() != '\n';
        }
    }
}
