package dev.cay.engine.kernels;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/**
 * The file system that a guest begins with: the first process, and the modules that the kernel needs before it can do anything
 * else. A cpio archive, not compressed (Documentation/driver-api/early-userspace/buffer-format.rst): the guest would have to take
 * it apart.
 *
 * <pre>
 * /init                the first process
 * /cay/modules         the modules, one path on each line, in the order in which they are to be loaded
 * /cay/NN-NAME.ko      each of them
 * /dev                 where the first process mounts what it needs to find its channel
 * </pre>
 */
public final class Initramfs {
    private static final int DIRECTORY = 0040755;
    private static final int PROGRAM = 0100755;
    private static final int FILE = 0100644;

    private final OutputStream out;
    private int inode;
    private long written;

    private Initramfs(OutputStream out) {
        this.out = out;
    }

    /**
     * Writes one.
     *
     * @param target a file that is not there yet
     * @param init the program of the first process, which must need no library
     */
    public static void write(Path target, byte[] init, GuestKernel kernel) throws IOException {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(target), 64 * 1024)) {
            new Initramfs(out).write(init, kernel.modules());
        }
    }

    private void write(byte[] init, List<Path> modules) throws IOException {
        entry("dev", DIRECTORY, new byte[0]);
        entry("cay", DIRECTORY, new byte[0]);
        StringBuilder names = new StringBuilder();
        for (Path module : modules) {
            String name = "cay/" + module.getFileName();
            entry(name, FILE, Files.readAllBytes(module));
            names.append('/').append(name).append('\n');
        }
        entry("cay/modules", FILE, names.toString().getBytes(StandardCharsets.UTF_8));
        entry("init", PROGRAM, init);
        entry("TRAILER!!!", 0, new byte[0]);
    }

    private void entry(String name, int mode, byte[] content) throws IOException {
        byte[] text = (name + "\0").getBytes(StandardCharsets.UTF_8);
        StringBuilder header = new StringBuilder("070701");
        inode++;
        long[] fields = {inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, text.length, 0};
        for (long field : fields) {
            header.append(HexFormat.of().toHexDigits((int) field));
        }
        put(header.toString().getBytes(StandardCharsets.US_ASCII));
        put(text);
        pad();
        put(content);
        pad();
    }

    private void put(byte[] bytes) throws IOException {
        out.write(bytes);
        written += bytes.length;
    }

    private void pad() throws IOException {
        while ((written & 3) != 0) {
            put(new byte[1]);
        }
    }
}
