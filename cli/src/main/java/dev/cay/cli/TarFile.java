package dev.cay.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A file of this machine that goes into an archive. A link is not followed.
 *
 * @param path which one
 * @param kind what it is
 * @param mode its permissions, 0 to 07777
 * @param size in bytes; 0 unless it is a file
 * @param seconds when it was last written, since 1970
 * @param target where it leads if it is a link; do not modify
 */
record TarFile(Path path, Kind kind, int mode, long size, long seconds, byte[] target) {
    private static final String ATTRIBUTES = "unix:mode,size,lastModifiedTime";
    private static final int KIND = 0170000;
    private static final int PERMISSIONS = 07777;

    /** What goes into an archive, and what does not. */
    enum Kind {
        FILE,
        DIRECTORY,
        LINK,
        OTHER
    }

    static TarFile of(Path path) throws IOException {
        Map<String, Object> attributes = Files.readAttributes(path, ATTRIBUTES, LinkOption.NOFOLLOW_LINKS);
        int mode = ((Number) attributes.get("mode")).intValue();
        Kind kind = switch (mode & KIND) {
            case 0100000 -> Kind.FILE;
            case 0040000 -> Kind.DIRECTORY;
            case 0120000 -> Kind.LINK;
            default -> Kind.OTHER;
        };
        long size = kind == Kind.FILE ? ((Number) attributes.get("size")).longValue() : 0;
        long seconds = Math.max(0, ((FileTime) attributes.get("lastModifiedTime")).to(TimeUnit.SECONDS));
        byte[] target = kind == Kind.LINK ? HostNames.bytes(Files.readSymbolicLink(path)) : new byte[0];
        return new TarFile(path, kind, mode & PERMISSIONS, size, seconds, target);
    }

    /** Opens it if it is still no link. */
    InputStream open() throws IOException {
        return Channels.newInputStream(
                Files.newByteChannel(path, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)));
    }
}
