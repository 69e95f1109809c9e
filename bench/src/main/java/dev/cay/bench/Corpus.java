package dev.cay.bench;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Files to be copied: a large one, and a directory with many small ones. The same in every run; nothing in them can be compressed.
 *
 * @param large a file of {@code largeBytes}
 * @param small a directory of directories of files
 * @param smallBytes of all small files together
 */
record Corpus(Path large, Path small, long largeBytes, long smallBytes) {
    private static final long SEED = 20_251_123;
    private static final int SMALLEST = 1024;
    private static final int BIGGEST = 4096;

    /**
     * Makes them.
     *
     * @param directory where; it is made
     * @param files how many small ones there are
     * @param folders among how many directories these are divided
     */
    static Corpus make(Path directory, long largeBytes, int files, int folders) throws IOException {
        Random random = new Random(SEED);
        Files.createDirectories(directory);
        Path large = directory.resolve("large");
        byte[] buffer = new byte[1 << 20];
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(large))) {
            for (long left = largeBytes; left > 0; left -= buffer.length) {
                random.nextBytes(buffer);
                out.write(buffer, 0, (int) Math.min(left, buffer.length));
            }
        }
        Path small = Files.createDirectory(directory.resolve("small"));
        long bytes = 0;
        for (int i = 0; i < files; i++) {
            Path folder = Files.createDirectories(small.resolve("folder" + i % folders));
            byte[] content = new byte[random.nextInt(SMALLEST, BIGGEST + 1)];
            random.nextBytes(content);
            Files.write(folder.resolve("file" + i), content);
            bytes += content.length;
        }
        return new Corpus(large, small, largeBytes, bytes);
    }

    /** How many bytes are in the regular files at or below a path. */
    static long bytesIn(Path path) throws IOException {
        long bytes = 0;
        try (Stream<Path> all = Files.walk(path)) {
            for (Path one : all.toList()) {
                bytes += Files.isRegularFile(one, LinkOption.NOFOLLOW_LINKS) ? Files.size(one) : 0;
            }
        }
        return bytes;
    }
}
