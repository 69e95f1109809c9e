package dev.cay.engine.kernels;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The kernel in libkrunfw, a library whose object {@code KERNEL_BUNDLE} is a kernel as it lies in memory, and whose function
 * {@code krunfw_get_kernel(load address, entry, size)} says where. Nothing of it is executed: the function stores three constants,
 * which are read out of its instructions.
 *
 * @param kernel its memory
 * @param address where that begins
 * @param entry where the kernel is entered in 64-bit mode
 * @param note where in it the note stands by which it is entered as a PVH guest
 */
record KrunLibrary(ByteBuffer kernel, long address, long entry, int note) {
    private static final String BUNDLE = "KERNEL_BUNDLE";
    private static final String FUNCTION = "krunfw_get_kernel";

    private static final int LONGEST_FUNCTION = 256;
    private static final int CONSTANTS = 3;

    /** Where the kernel stands in the file that is made of it: page by page it can be mapped. */
    private static final int PAGE = 4096;

    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int ALL_RIGHTS = 7;
    private static final int READ = 4;
    private static final int NOTE_HEADER = 16;

    /** Whether a library is one. */
    static boolean isOne(Path file, KernelLimits limits) throws IOException {
        return Files.size(file) <= limits.image()
                && Elf.symbol(Files.readAllBytes(file), BUNDLE).isPresent();
    }

    static KrunLibrary read(byte[] library) throws BadKernelException {
        ByteBuffer bundle =
                Elf.symbol(library, BUNDLE).orElseThrow(() -> new BadKernelException("it has no " + BUNDLE));
        ByteBuffer code =
                Elf.symbol(library, FUNCTION).orElseThrow(() -> new BadKernelException("it has no " + FUNCTION));
        List<Long> constants = constants(code);
        // An array of characters that was written as a text has a zero behind it.
        long size = constants.stream()
                .filter(constant -> constant == bundle.limit() || constant == bundle.limit() - 1L)
                .findFirst()
                .orElseThrow(() -> unreadable(constants));
        constants.remove(size);
        long address = constants.getFirst();
        long entry = constants.getLast();
        if (address % PAGE != 0 || entry < address || entry >= address + size) {
            throw unreadable(constants);
        }
        ByteBuffer kernel = bundle.slice(0, (int) size).order(ByteOrder.LITTLE_ENDIAN);
        return new KrunLibrary(kernel, address, entry, note(kernel, address));
    }

    private static BadKernelException unreadable(List<Long> constants) {
        return new BadKernelException(FUNCTION + " does not say where the kernel is: it stores "
                + constants.stream().map(Long::toHexString).toList());
    }

    /** The constants that are stored where a register points: {@code REX.W C7 /0 imm32}, without displacement. In order. */
    private static List<Long> constants(ByteBuffer code) throws BadKernelException {
        List<Long> constants = new ArrayList<>();
        int end = Math.min(code.limit(), LONGEST_FUNCTION) - 7;
        for (int at = 0; at <= end; at++) {
            int register = code.get(at + 2);
            boolean stores = code.get(at) == 0x48 && code.get(at + 1) == (byte) 0xc7;
            if (stores && register >= 0 && register <= 7 && register != 4 && register != 5) {
                constants.add((long) code.getInt(at + 3));
                at += 6;
            }
        }
        if (constants.size() != CONSTANTS) {
            throw unreadable(constants);
        }
        // A compiler may store them in any order; a kernel begins before it is entered.
        constants.sort(null);
        return constants;
    }

    private static int note(ByteBuffer kernel, long address) throws BadKernelException {
        for (int at = 0; at <= kernel.limit() - NOTE_HEADER - Integer.BYTES; at += Integer.BYTES) {
            if (Elf.isEntryNote(kernel, at)) {
                long entry = Integer.toUnsignedLong(kernel.getInt(at + NOTE_HEADER));
                if (entry >= address && entry < address + kernel.limit()) {
                    return at;
                }
            }
        }
        throw new BadKernelException("its kernel has no PVH note (CONFIG_PVH), so that no VMM could enter it");
    }

    /** Writes it as an ELF file that a VMM can enter. */
    void write(Path vmlinux) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
        Elf.putHeader(head, entry, 2);
        Elf.putProgramHeader(head, 0, PT_LOAD, ALL_RIGHTS, PAGE, address, kernel.limit());
        int noteSize = NOTE_HEADER + kernel.getInt(note + 4);
        Elf.putProgramHeader(head, 1, PT_NOTE, READ, PAGE + note, address + note, noteSize);
        try (OutputStream out = Files.newOutputStream(vmlinux);
                WritableByteChannel channel = Channels.newChannel(out)) {
            channel.write(head);
            channel.write(kernel.duplicate());
        }
    }
}
