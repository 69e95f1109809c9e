package dev.cay.engine.seccomp;

import dev.cay.linux.Architecture;

/** How the kernel names the ABI of a call in {@code struct seccomp_data}: {@code AUDIT_ARCH_*} of {@code <linux/audit.h>}. */
final class AuditArchitecture {
    private AuditArchitecture() {}

    /** The 64-bit ABI only: x32, i386 and 32-bit ARM calls are foreign. */
    static int of(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> 0xC000_003E;
            case AARCH64 -> 0xC000_00B7;
        };
    }
}
