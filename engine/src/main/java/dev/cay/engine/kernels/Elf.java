package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * The little that is read of ELF files of 64 bits, little endian: elf(5). Every number in them is checked against the file's size
 * before it is used.
 */
final class Elf {
    static final int X86_64 = 62;
    static final int HEADER = 64;
    static final int EXECUTABLE = 2;

    private static final int MAGIC = 0x464c457f;
    private static final int PROGRAM_HEADER = 56;
    private static final int SECTION_HEADER = 64;
    private static final int PT_NOTE = 4;
    private static final int MAXIMUM_PROGRAM_HEADERS = 256;
    private static final int MAXIMUM_SECTIONS = 4096;

    private static final int MAXIMUM_NOTES = 1 << 20;

    /** The note by which a kernel says that it can be entered as a PVH guest: XEN_ELFNOTE_PHYS32_ENTRY. */
    private static final int PHYS32_ENTRY = 18;

    private Elf() {}

    /** How a file begins: at most so many bytes of it. */
    static ByteBuffer head(Path file, int length) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(channel, 0, (int) Math.min(length, channel.size()));
        }
    }

    static boolean isOne(ByteBuffer head) {
        return head.limit() >= HEADER && head.getInt(0) == MAGIC && head.get(4) == 2 && head.get(5) == 1;
    }

    static int machine(ByteBuffer head) {
        return Short.toUnsignedInt(head.getShort(18));
    }

    static int type(ByteBuffer head) {
        return Short.toUnsignedInt(head.getShort(16));
    }

    /**
     * Checks that a file is a kernel for x86-64 that a VMM can enter directly: an executable with a PVH note.
     *
     * @throws BadKernelException if it is not
     */
    static void requireVmlinux(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer head = read(channel, 0, (int) Math.min(HEADER, channel.size()));
            if (!isOne(head)) {
                throw new BadKernelException("what is in it is no ELF file of 64 bits");
            }
            if (machine(head) != X86_64 || type(head) != EXECUTABLE) {
                throw new BadKernelException("it is no kernel for x86-64");
            }
            long table = head.getLong(32);
            int count = Short.toUnsignedInt(head.getShort(56));
            if (Short.toUnsignedInt(head.getShort(54)) != PROGRAM_HEADER || count > MAXIMUM_PROGRAM_HEADERS) {
                throw new BadKernelException("its program headers are damaged");
            }
            for (int i = 0; i < count; i++) {
                ByteBuffer header = within(channel, table + (long) i * PROGRAM_HEADER, PROGRAM_HEADER, PROGRAM_HEADER);
                long size = header.getLong(32);
                if (header.getInt(0) == PT_NOTE && hasEntry(within(channel, header.getLong(8), size, MAXIMUM_NOTES))) {
                    return;
                }
            }
            throw new BadKernelException("it has no PVH note (CONFIG_PVH), so that no VMM could enter it");
        }
    }

    private static boolean hasEntry(ByteBuffer notes) {
        while (notes.remaining() >= 12) {
            int nameSize = notes.getInt();
            int size = notes.getInt();
            int type = notes.getInt();
            long rest = padded(nameSize) + padded(size);
            if (nameSize < 0 || size < 0 || rest > notes.remaining()) {
                return false;
            }
            byte[] name = new byte[nameSize];
            notes.get(notes.position(), name);
            if (type == PHYS32_ENTRY && "Xen\0".equals(new String(name, StandardCharsets.ISO_8859_1)) && size >= 4) {
                return true;
            }
            notes.position(notes.position() + (int) rest);
        }
        return false;
    }

    private static long padded(int size) {
        return size + 3L & ~3L;
    }

    /**
     * The content of a section of a file that is in memory.
     *
     * @throws BadKernelException if it is no ELF file, or is damaged
     */
    static Optional<ByteBuffer> section(byte[] bytes, String name) throws BadKernelException {
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (!isOne(file)) {
            throw new BadKernelException("it is no ELF file of 64 bits");
        }
        long table = file.getLong(40);
        int count = Short.toUnsignedInt(file.getShort(60));
        int names = Short.toUnsignedInt(file.getShort(62));
        if (count > MAXIMUM_SECTIONS || names >= count || Short.toUnsignedInt(file.getShort(58)) != SECTION_HEADER) {
            throw new BadKernelException("its section headers are damaged");
        }
        ByteBuffer headers = slice(file, table, (long) count * SECTION_HEADER);
        ByteBuffer text = content(file, headers, names);
        for (int i = 0; i < count; i++) {
            if (name.equals(text(text, headers.getInt(i * SECTION_HEADER)))) {
                return Optional.of(content(file, headers, i));
            }
        }
        return Optional.empty();
    }

    private static ByteBuffer content(ByteBuffer file, ByteBuffer headers, int index) throws BadKernelException {
        int at = index * SECTION_HEADER;
        return slice(file, headers.getLong(at + 24), headers.getLong(at + 32));
    }

    private static ByteBuffer slice(ByteBuffer file, long offset, long length) throws BadKernelException {
        if (offset < 0 || length < 0 || offset > file.limit() || length > file.limit() - offset) {
            throw new BadKernelException("it is cut off, or its sections are damaged");
        }
        return file.slice((int) offset, (int) length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String text(ByteBuffer table, int offset) {
        StringBuilder text = new StringBuilder();
        for (int i = offset; i >= 0 && i < table.limit() && table.get(i) != 0; i++) {
            text.append((char) (table.get(i) & 0xFF));
        }
        return text.toString();
    }

    private static ByteBuffer within(FileChannel channel, long offset, long length, int maximum) throws IOException {
        if (offset < 0 || length < 0 || length > maximum || offset > channel.size() - length) {
            throw new BadKernelException("it is cut off, or its headers are damaged");
        }
        return read(channel, offset, (int) length);
    }

    private static ByteBuffer read(FileChannel channel, long offset, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, offset + buffer.position()) < 0) {
                throw new BadKernelException("it ends early");
            }
        }
        return buffer.flip();
    }
}
