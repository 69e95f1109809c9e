package dev.cay.engine.archive;

/**
 * What an archive may ask of its reader. More is a {@link TarException}, before memory is taken or content is read.
 *
 * @param entries how many; global extended headers count
 * @param nameLength of a name or link target, in bytes
 * @param paxSize of the records before one entry, in bytes; many small ones take a multiple of it
 * @param xattrSize of the names and values of one entry's extended attributes together, in bytes
 * @param contentSize of all files together, in bytes
 */
public record TarLimits(long entries, int nameLength, int paxSize, int xattrSize, long contentSize) {
    /** What Linux can hold, and more entries than any image has: 1 MiB of extended attributes, 64 GiB of content. */
    public static final TarLimits STANDARD = new TarLimits(4_000_000, 4095, 2 << 20, 1 << 20, 64L << 30);

    public TarLimits {
        if (entries < 0 || nameLength < 0 || paxSize < 0 || xattrSize < 0 || contentSize < 0) {
            throw new IllegalArgumentException("a limit is negative");
        }
        // One byte more ends a GNU long name.
        if (nameLength == Integer.MAX_VALUE) {
            throw new IllegalArgumentException("nameLength is too large");
        }
    }
}
