package dev.cay.engine.kernels;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
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
    static final int LIBRARY = 3;

    private static final int MAGIC = 0x464c457f;
    private static final int PROGRAM_HEADER = 56;
    private static final int SECTION_HEADER = 64;
    private static final int SYMBOL = 24;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int MAXIMUM_PROGRAM_HEADERS = 256;
    private static final int MAXIMUM_SECTIONS = 4096;

    private static final int MAXIMUM_NOTES = 1 << 20;

    /** The note by which a kernel says that it can be entered as a PVH guest: XEN_ELFNOTE_PHYS32_ENTRY. */
    private static final int PHYS32_ENTRY = 18;

    private static final int XEN = 0x006e6558;

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
            notes.getInt(); // its type
            long rest = padded(nameSize) + padded(size);
            if (nameSize < 0 || size < 0 || rest > notes.remaining()) {
                return false;
            }
            if (isEntryNote(notes, notes.position() - 12)) {
                return true;
            }
            notes.position(notes.position() + (int) rest);
        }
        return false;
    }

    /** Whether at this place, 16 bytes and more before the end, the note stands by which a PVH guest is entered. */
    static boolean isEntryNote(ByteBuffer bytes, int at) {
        return bytes.getInt(at) == 4
                && bytes.getInt(at + 4) >= 4
                && bytes.getInt(at + 4) <= 8
                && bytes.getInt(at + 8) == PHYS32_ENTRY
                && bytes.getInt(at + 12) == XEN;
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

    /**
     * What a symbol of a library names, as far as it stands in the file; empty if there is none of the name.
     *
     * @throws BadKernelException if it is no ELF file, or is damaged
     */
    static Optional<ByteBuffer> symbol(byte[] bytes, String name) throws BadKernelException {
        ByteBuffer symbols = section(bytes, ".dynsym").orElse(ByteBuffer.allocate(0));
        ByteBuffer names = section(bytes, ".dynstr").orElse(ByteBuffer.allocate(0));
        for (int at = 0; at <= symbols.limit() - SYMBOL; at += SYMBOL) {
            if (name.equals(text(names, symbols.getInt(at)))) {
                return Optional.of(loaded(bytes, symbols.getLong(at + 8), symbols.getLong(at + 16)));
            }
        }
        return Optional.empty();
    }

    /** What is loaded to an address. */
    private static ByteBuffer loaded(byte[] bytes, long address, long size) throws BadKernelException {
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int count = Short.toUnsignedInt(file.getShort(56));
        if (Short.toUnsignedInt(file.getShort(54)) != PROGRAM_HEADER || count > MAXIMUM_PROGRAM_HEADERS) {
            throw new BadKernelException("its program headers are damaged");
        }
        ByteBuffer headers = slice(file, file.getLong(32), (long) count * PROGRAM_HEADER);
        for (int at = 0; at < headers.limit(); at += PROGRAM_HEADER) {
            long inside = address - headers.getLong(at + 16);
            if (headers.getInt(at) == PT_LOAD && inside >= 0 && inside < headers.getLong(at + 32)) {
                return slice(file, headers.getLong(at + 8) + inside, size);
            }
        }
        throw new BadKernelException("it is cut off, or its symbols are damaged");
    }

    /** Writes the header of an executable, whose program headers follow at once. */
    static void putHeader(ByteBuffer target, long entry, int programHeaders) {
        target.putInt(0, MAGIC).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
        target.putShort(16, (short) EXECUTABLE)
                .putShort(18, (short) X86_64)
                .putInt(20, 1)
                .putLong(24, entry)
                .putLong(32, HEADER)
                .putShort(52, (short) HEADER)
                .putShort(54, (short) PROGRAM_HEADER)
                .putShort(56, (short) programHeaders);
    }

    static void putProgramHeader(
            ByteBuffer target, int index, int type, int flags, long offset, long address, long size) {
        int at = HEADER + index * PROGRAM_HEADER;
        target.putInt(at, type)
                .putInt(at + 4, flags)
                .putLong(at + 8, offset)
                .putLong(at + 16, address)
                .putLong(at + 24, address)
                .putLong(at + 32, size)
                .putLong(at + 40, size)
                .putLong(at + 48, 4);
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
