package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Executables that exist only in memory. */
final class Program {
    static final long MFD_CLOEXEC = 1;
    static final long MFD_ALLOW_SEALING = 2;
    private static final long MFD_EXEC = 0x10;
    static final long F_ADD_SEALS = 1033;
    static final long ALL_SEALS = 0xf;

    private static final int HEADER_SIZE = 64;
    private static final int SEGMENT_SIZE = 56;
    private static final long LOAD_ADDRESS = 0x400000;
    private static final short ET_EXEC = 2;
    private static final short EM_X86_64 = 62;
    private static final short EM_AARCH64 = 183;
    private static final int PT_LOAD = 1;
    private static final int PT_GNU_STACK = 0x6474e551;
    private static final int PF_EXECUTE = 1;
    private static final int PF_WRITE = 2;
    private static final int PF_READ = 4;

    private Program() {}

    /** {@code int memfd_create(const char *name, unsigned int flags)} memfd_create(2): the executable, sealed. */
    static Fd sealed(Kernel kernel, String name, byte[] image) throws SyscallException {
        // Linux before 6.3 does not know MFD_EXEC; later ones can be set to refuse execution without it.
        Op create = create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC).tolerating(Errno.EINVAL);
        Results results = kernel.run(OpList.of(create));
        if (results.failed(create)) {
            create = create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
            results = kernel.run(OpList.of(create));
        }
        Fd program = results.fd(create);
        try {
            kernel.run(OpList.of(
                    FileOps.write(Arg.of(program), name, image),
                    Op.of(SystemCall.FCHMOD, name, Arg.of(program), Arg.of(0555)),
                    Op.of(SystemCall.FCNTL, "seals", Arg.of(program), Arg.of(F_ADD_SEALS), Arg.of(ALL_SEALS))));
            return program;
        } catch (SyscallException e) {
            program.close();
            throw e;
        }
    }

    private static Op create(String name, long flags) {
        return Op.opening(SystemCall.MEMFD_CREATE, name, Arg.text(name), Arg.of(flags));
    }

    /**
     * A static ELF executable of one segment, and a header that keeps its stack from being executable; see elf(5).
     *
     * @param entry where in the code it begins
     */
    static byte[] image(Architecture architecture, byte[] code, int entry) {
        int start = HEADER_SIZE + 2 * SEGMENT_SIZE;
        int size = start + code.length;
        ByteBuffer elf = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}).putLong(0); // 64 bits, little endian, System V
        elf.putShort(ET_EXEC);
        elf.putShort(
                switch (architecture) {
                    case X86_64 -> EM_X86_64;
                    case AARCH64 -> EM_AARCH64;
                });
        elf.putInt(1)
                .putLong(LOAD_ADDRESS + start + entry)
                .putLong(HEADER_SIZE)
                .putLong(0)
                .putInt(0);
        elf.putShort((short) HEADER_SIZE).putShort((short) SEGMENT_SIZE).putShort((short) 2);
        elf.putShort((short) 0).putShort((short) 0).putShort((short) 0);
        elf.putInt(PT_LOAD)
                .putInt(PF_READ | PF_EXECUTE)
                .putLong(0)
                .putLong(LOAD_ADDRESS)
                .putLong(LOAD_ADDRESS);
        elf.putLong(size).putLong(size).putLong(0x1000);
        elf.putInt(PT_GNU_STACK).putInt(PF_READ | PF_WRITE);
        elf.putLong(0).putLong(0).putLong(0).putLong(0).putLong(0).putLong(16);
        return elf.put(code).array();
    }
}
