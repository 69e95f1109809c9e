package dev.cay.engine.seccomp;

import dev.cay.SandboxException;

/** The processor architectures that filters are compiled for: 64-bit and little-endian, both. */
public enum Architecture {
    /** The 64-bit ABI only: x32 and i386 calls are foreign. */
    X86_64(0xC000_003E),
    /** The 64-bit ABI only: 32-bit ARM calls are foreign. */
    AARCH64(0xC000_00B7);

    private final int auditArchitecture;

    Architecture(int auditArchitecture) {
        this.auditArchitecture = auditArchitecture;
    }

    /** {@code AUDIT_ARCH_*} of {@code <linux/audit.h>}: how the kernel names the ABI of a call in {@code seccomp_data}. */
    int auditArchitecture() {
        return auditArchitecture;
    }

    /** The architecture of this machine. */
    public static Architecture current() {
        String name = System.getProperty("os.arch");
        return switch (name) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64" -> AARCH64;
            default -> throw new SandboxException.Unsupported(
                    "this machine's architecture is " + name, "Cay runs on x86-64 and aarch64");
        };
    }
}
