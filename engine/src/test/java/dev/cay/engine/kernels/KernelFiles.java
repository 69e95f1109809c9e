package dev.cay.engine.kernels;

import com.github.luben.zstd.Zstd;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Files that are kernels, modules and packages as far as their form goes. */
final class KernelFiles {
    private KernelFiles() {}

    /** How something is compressed. */
    enum Compression {
        GZIP,
        XZ,
        ZSTD,
        LZ4
    }

    /** An ELF file with a PVH note and a version. */
    static byte[] vmlinux(String release) {
        ByteBuffer file = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        header(file, Elf.EXECUTABLE);
        file.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 2);
        file.putInt(64, 1); // PT_LOAD
        file.putInt(120, 4).putLong(120 + 8, 512).putLong(120 + 32, 40);
        file.put(512, note("GNU\0", 3)).put(512 + 20, note("Xen\0", 18));
        byte[] banner = ("Linux version " + release + " (builder@example)").getBytes(StandardCharsets.US_ASCII);
        file.put(4096, banner);
        return file.array();
    }

    private static byte[] note(String name, int type) {
        return ByteBuffer.allocate(20)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(4)
                .putInt(4)
                .putInt(type)
                .put(name.getBytes(StandardCharsets.US_ASCII))
                .putInt(0x1000)
                .array();
    }

    private static void header(ByteBuffer file, int type) {
        file.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1);
        file.putShort(16, (short) type).putShort(18, (short) Elf.X86_64);
    }

    static byte[] bzImage(String release, byte[] vmlinux, Compression compression) throws IOException {
        byte[] payload = compress(vmlinux, compression);
        int code = 3 * 512;
        ByteBuffer file =
                ByteBuffer.allocate(code + 256 + payload.length + 4 + 100).order(ByteOrder.LITTLE_ENDIAN);
        boolean gzip = compression == Compression.GZIP;
        file.put(0x1f1, (byte) 2).putInt(0x202, 0x53726448).putShort(0x206, (short) 0x020f);
        file.putShort(0x20e, (short) 0x200);
        file.put(0x400, (release + " (builder@example) #1 SMP").getBytes(StandardCharsets.US_ASCII));
        file.putInt(0x248, 256).putInt(0x24c, payload.length + (gzip ? 0 : 4));
        file.put(code + 256, payload);
        if (!gzip) {
            file.putInt(code + 256 + payload.length, vmlinux.length);
        }
        return file.array();
    }

    static byte[] compress(byte[] bytes, Compression compression) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        switch (compression) {
            case GZIP -> {
                try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
                    gzip.write(bytes);
                }
            }
            case XZ -> {
                try (XZOutputStream xz = new XZOutputStream(out, new LZMA2Options(1))) {
                    xz.write(bytes);
                }
            }
            case ZSTD -> out.writeBytes(Zstd.compress(bytes));
            case LZ4 -> {
                out.writeBytes(new byte[] {2, 0x21, 0x4c, 0x18});
                byte[] block = lz4(bytes);
                out.writeBytes(number(block.length));
                out.writeBytes(block);
            }
        }
        return out.toByteArray();
    }

    /** One block: runs of one byte become matches that overlap themselves, all else literals. */
    private static byte[] lz4(byte[] bytes) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int begun = 0;
        for (int i = 0; i < bytes.length; ) {
            int run = i + 1;
            while (run < bytes.length - 12 && bytes[run] == bytes[i]) {
                run++;
            }
            if (run - i < 32) {
                i = Math.max(run, i + 1);
                continue;
            }
            sequence(out, bytes, begun, i + 1, run - i - 1);
            begun = run;
            i = run;
        }
        sequence(out, bytes, begun, bytes.length, 0);
        return out.toByteArray();
    }

    private static void sequence(ByteArrayOutputStream out, byte[] bytes, int from, int to, int match) {
        int literals = to - from;
        int more = match - 4;
        out.write(Math.min(literals, 15) << 4 | (match == 0 ? 0 : Math.min(more, 15)));
        length(out, literals);
        out.write(bytes, from, literals);
        if (match > 0) {
            out.write(1);
            out.write(0);
            length(out, more);
        }
    }

    private static void length(ByteArrayOutputStream out, int length) {
        if (length >= 15) {
            for (int rest = length - 15; ; rest -= 255) {
                out.write(Math.min(rest, 255));
                if (rest < 255) {
                    return;
                }
            }
        }
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(value)
                .array();
    }

    /** A module that depends on others, as {@code a,b}. */
    static byte[] module(String name, String dependencies) {
        byte[] information =
                ("name=" + name + "\0depends=" + dependencies + "\0retpoline=Y\0").getBytes(StandardCharsets.US_ASCII);
        byte[] names = "\0.shstrtab\0.modinfo\0".getBytes(StandardCharsets.US_ASCII);
        ByteBuffer file = ByteBuffer.allocate(64 + names.length + information.length + 3 * 64)
                .order(ByteOrder.LITTLE_ENDIAN);
        header(file, 1);
        int sections = 64 + names.length + information.length;
        file.putLong(40, sections)
                .putShort(58, (short) 64)
                .putShort(60, (short) 3)
                .putShort(62, (short) 1);
        file.put(64, names).put(64 + names.length, information);
        file.putInt(sections + 64, 1).putLong(sections + 64 + 24, 64).putLong(sections + 64 + 32, names.length);
        file.putInt(sections + 128, 11)
                .putLong(sections + 128 + 24, 64 + names.length)
                .putLong(sections + 128 + 32, information.length);
        return file.array();
    }

    /** What libkrunfw's kernel is: memory, in which a note and a version stand. */
    static byte[] kernelMemory(String release, int address) {
        ByteBuffer memory = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        memory.put(512, note("Xen\0", 18)).putInt(512 + 16, address + 64);
        memory.put(4096, ("Linux version " + release + " (root@libkrunfw)").getBytes(StandardCharsets.US_ASCII));
        return memory.array();
    }

    /** A library like libkrunfw. Its function stores these constants, in this order. */
    static byte[] krunLibrary(byte[] kernel, int... constants) {
        byte[] code = new byte[64];
        ByteBuffer instructions = ByteBuffer.wrap(code).order(ByteOrder.LITTLE_ENDIAN);
        instructions.put((byte) 0x55);
        for (int constant : constants) { // mov rax, [rbp - 8]; mov qword [rax], constant
            instructions.put(new byte[] {0x48, (byte) 0x8b, 0x45, (byte) 0xf8, 0x48, (byte) 0xc7, 0});
            instructions.putInt(constant);
        }
        instructions.put((byte) 0xc3);
        byte[] symbolNames = "\0KERNEL_BUNDLE\0krunfw_get_kernel\0".getBytes(StandardCharsets.US_ASCII);
        byte[] sectionNames = "\0.dynsym\0.dynstr\0.shstrtab\0".getBytes(StandardCharsets.US_ASCII);
        int codeAt = 256;
        int symbols = 512;
        int names = symbols + 3 * 24;
        int moreNames = names + symbolNames.length;
        int sections = 1024;
        int bundle = 4096;
        int shift = 0x1000; // from the file to memory
        ByteBuffer file = ByteBuffer.allocate(bundle + kernel.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        header(file, Elf.LIBRARY);
        file.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 1);
        file.putInt(64, 1).putLong(64 + 16, shift).putLong(64 + 32, file.capacity());
        file.put(codeAt, code)
                .put(names, symbolNames)
                .put(moreNames, sectionNames)
                .put(bundle, kernel);
        file.putInt(symbols + 24, 1).putLong(symbols + 32, bundle + shift).putLong(symbols + 40, kernel.length + 1);
        file.putInt(symbols + 48, 15).putLong(symbols + 56, codeAt + shift).putLong(symbols + 64, code.length);
        file.putLong(40, sections)
                .putShort(58, (short) 64)
                .putShort(60, (short) 4)
                .putShort(62, (short) 3);
        section(file, sections + 64, 1, symbols, 3 * 24);
        section(file, sections + 128, 9, names, symbolNames.length);
        section(file, sections + 192, 17, moreNames, sectionNames.length);
        return file.array();
    }

    private static void section(ByteBuffer file, int header, int name, int at, int size) {
        file.putInt(header, name).putLong(header + 24, at).putLong(header + 32, size);
    }

    /** A package with these files. */
    static byte[] debian(Map<String, byte[]> files, Compression compression) throws IOException {
        ByteArrayOutputStream tar = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(tar);
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            TarEntry.Kind kind = new TarEntry.Kind.File(file.getValue().length);
            writer.add(
                    new TarEntry(ByteString.of(file.getKey()), kind, 0644, 0, 0, Instant.EPOCH, Map.of()),
                    new ByteArrayInputStream(file.getValue()));
        }
        writer.finish();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("!<arch>\n".getBytes(StandardCharsets.US_ASCII));
        member(out, "debian-binary", "2.0\n".getBytes(StandardCharsets.US_ASCII));
        member(out, "control.tar.xz", new byte[5]);
        member(out, "data.tar.xz", compress(tar.toByteArray(), compression));
        return out.toByteArray();
    }

    private static void member(ByteArrayOutputStream out, String name, byte[] content) {
        String header = String.format("%-16s%-12s%-6s%-6s%-8s%-10d`\n", name, "0", "0", "0", "100644", content.length);
        out.writeBytes(header.getBytes(StandardCharsets.US_ASCII));
        out.writeBytes(content);
        if ((content.length & 1) == 1) {
            out.write('\n');
        }
    }
}
