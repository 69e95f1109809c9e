/**
 * Layers of images as EROFS file systems. Start reading at {@link dev.cay.engine.erofs.LayerConverter}, which reads an archive
 * once and writes the file system as it goes; {@code LayerTree} is what the archive's entries come to, {@code ErofsImage} the
 * file, {@code Inodes} and {@code Directories} the layout of what is in it.
 *
 * <p>The format: Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h of Linux. Of it we write: blocks of 4 KiB; extended
 * inodes (compact ones have no time of their own); attributes inline; what a file has beyond whole blocks inline too, where there
 * is room; files whose content compresses as LZ4 in clusters of at most 64 KiB, with full indexes.
 */
package dev.cay.engine.erofs;
