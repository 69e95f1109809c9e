package dev.cay.engine.erofs;

/**
 * What a layer may ask of whoever converts it. More is a {@link LayerException}, or a {@link
 * dev.cay.engine.archive.TarException} for what that can tell.
 *
 * @param entries how many the archive may have
 * @param pathLength of a name or link target, in bytes
 * @param size of the archive, uncompressed, in bytes
 * @param expansion how many times the compressed size the uncompressed may be; looked at from {@link #EXPANSION_GRACE} on
 * @param memory what names, links and the attributes of directories may take while it is converted, in bytes, roughly
 */
public record LayerLimits(long entries, int pathLength, long size, long expansion, long memory) {
    /** More than any image has that is one. */
    public static final LayerLimits STANDARD = new LayerLimits(1_000_000, 4095, 64L << 30, 200, 256L << 20);

    /** A small archive may be anything: a page of zeros has a thousandth of its size. */
    public static final long EXPANSION_GRACE = 256L << 20;

    public LayerLimits {
        if (entries < 0 || pathLength < 0 || size < 0 || expansion < 1 || memory < 0) {
            throw new IllegalArgumentException("a limit is negative");
        }
    }
}
