package dev.cay.engine.agent;

import dev.cay.SandboxException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import jdk.net.ExtendedSocketOptions;

/**
 * A listening unix socket of this user alone. Before it is made a link to it is left in a directory of the engines, named after
 * the engine: if that is killed whoever cleans up after it finds the socket, wherever it is.
 */
final class SocketFile implements AutoCloseable {
    /** What fits into {@code struct sockaddr_un}; see unix(7). */
    private static final int MAXIMUM_PATH = 107;

    private static final int BACKLOG = 128;
    private static final char SEPARATOR = '.';

    private final Path path;
    private final Path link;
    private final ServerSocketChannel channel;
    private final Object identity;
    private final UserPrincipal owner;

    private SocketFile(Path path, Path link, ServerSocketChannel channel) throws IOException {
        this.path = path;
        this.link = link;
        this.channel = channel;
        identity = attributes(path).fileKey();
        owner = Files.getOwner(path, LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Listens.
     *
     * @param links the directory of the engines
     * @param name of the link there: of this engine, a dot, and something of its own
     * @throws SandboxException.InvalidSpec if no socket can be there
     * @throws SandboxException.Conflict if something is there that is not a socket whose owner has died
     */
    static SocketFile open(Path path, Path links, String name) throws IOException {
        check(path);
        Path link = links.resolve(name);
        link(links, link, path);
        ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        boolean done = false;
        try {
            bind(channel, path);
            // Until here the file's permissions are those of the umask, and whoever comes is asked who he is.
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
            SocketFile file = new SocketFile(path, link, channel);
            done = true;
            return file;
        } finally {
            if (!done) {
                channel.close();
                unlink(link);
            }
        }
    }

    private static void check(Path path) {
        if (path.toString().getBytes(StandardCharsets.UTF_8).length > MAXIMUM_PATH) {
            throw new SandboxException.InvalidSpec(
                    "the path " + path + " is too long for a socket", "at most " + MAXIMUM_PATH + " bytes");
        }
    }

    private static void bind(ServerSocketChannel channel, Path path) throws IOException {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
        try {
            channel.bind(address, BACKLOG);
        } catch (SocketException e) {
            if (!removeDead(path)) {
                throw new SandboxException.Conflict(
                        "cannot listen at " + path + ": " + e.getMessage(),
                        "name a path in a directory that is there, at which nothing is");
            }
            channel.bind(address, BACKLOG);
        }
    }

    /** Removes a socket at which nobody listens any more; false if what is there is anything else. */
    private static boolean removeDead(Path path) throws IOException {
        try {
            BasicFileAttributes attributes = attributes(path);
            if (!attributes.isOther() || !isDead(path)) {
                return false;
            }
            return Files.deleteIfExists(path);
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private static boolean isDead(Path path) throws IOException {
        try (SocketChannel _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return false;
        } catch (ConnectException e) {
            return true;
        } catch (SocketException e) {
            return false; // it is no stream socket, or not ours
        }
    }

    private static BasicFileAttributes attributes(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private static void link(Path links, Path link, Path path) throws IOException {
        while (true) {
            try {
                Files.createDirectory(
                        links, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                // somebody else has one too
            }
            try {
                Files.createSymbolicLink(link, path);
                return;
            } catch (NoSuchFileException e) {
                continue; // whose was the last one, and took the directory along
            }
        }
    }

    /** Takes a link away, and with the last one the directory. */
    private static void unlink(Path link) throws IOException {
        Files.deleteIfExists(link);
        try {
            Files.deleteIfExists(link.getParent());
        } catch (DirectoryNotEmptyException e) {
            // others listen
        }
    }

    /** Removes the sockets of an engine that has died. */
    static void sweep(Path links, String engine) throws IOException {
        try (DirectoryStream<Path> own = Files.newDirectoryStream(
                links, entry -> entry.getFileName().toString().startsWith(engine + SEPARATOR))) {
            for (Path link : own) {
                removeDead(Files.readSymbolicLink(link));
                unlink(link);
            }
        } catch (NoSuchFileException e) {
            // nobody listens
        }
    }

    Path path() {
        return path;
    }

    /** The next peer. */
    SocketChannel accept() throws IOException {
        return channel.accept();
    }

    /** Whether a peer is the user whose socket this is. */
    boolean isOwner(SocketChannel peer) throws IOException {
        return peer.getOption(ExtendedSocketOptions.SO_PEERCRED).user().equals(owner);
    }

    @Override
    public void close() throws IOException {
        channel.close();
        try {
            if (attributes(path).fileKey().equals(identity)) {
                Files.deleteIfExists(path);
            }
        } catch (NoSuchFileException e) {
            // somebody has removed it already
        }
        unlink(link);
    }
}
