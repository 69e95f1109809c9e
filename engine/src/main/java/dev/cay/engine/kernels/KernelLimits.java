package dev.cay.engine.kernels;

/**
 * What a file that is to be a kernel may ask for. More is refused before memory or disk is taken.
 *
 * @param image bytes of a compressed kernel
 * @param vmlinux bytes of an uncompressed one
 * @param module bytes of a module, uncompressed
 * @param modules bytes of all modules of a package together
 * @param files how many files a package may have
 */
record KernelLimits(long image, long vmlinux, long module, long modules, int files) {
    /** Several times what distributions have: Debian's largest kernel is 60 MiB uncompressed, its modules are 400 MiB. */
    static final KernelLimits STANDARD = new KernelLimits(128L << 20, 512L << 20, 32L << 20, 2L << 30, 100_000);
}
