package dev.cay.engine.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A socket is its owner's alone, and nothing of it stays, however its engine ends. */
final class SocketFileTest {
    @TempDir
    private Path directory;

    private Path links() {
        return directory.resolve("agents");
    }

    private SocketFile open(Path path, String name) throws IOException {
        return SocketFile.open(path, links(), name);
    }

    /** What a process that was killed leaves: the socket, at which nobody listens. */
    private static void leave(Path path) throws IOException {
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path));
        }
    }

    @Test
    void itIsTheOwnersAlone() throws IOException {
        Path path = directory.resolve("socket");
        try (SocketFile file = open(path, "e.1");
                SocketChannel _ = SocketChannel.open(UnixDomainSocketAddress.of(path));
                SocketChannel peer = file.accept()) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo("rw-------");
            assertThat(file.isOwner(peer)).isTrue();
        }
        assertThat(path).doesNotExist();
        assertThat(links()).doesNotExist();
    }

    @Test
    void whatIsLeftOfTheDeadIsReplaced() throws IOException {
        Path path = directory.resolve("socket");
        leave(path);
        open(path, "e.1").close();
        assertThat(path).doesNotExist();
    }

    @Test
    void whatIsAnothersIsLeftAlone() throws IOException {
        Path path = directory.resolve("socket");
        try (SocketFile file = open(path, "e.1")) {
            assertThatThrownBy(() -> open(path, "e.2")).isInstanceOf(SandboxException.Conflict.class);
            assertThat(links()).isDirectoryContaining(link -> link.endsWith("e.1"));
            assertThat(links().resolve("e.2")).doesNotExist();
            file.accept().close(); // of whoever looked whether it is alive
        }
        Path text = Files.writeString(directory.resolve("text"), "text");
        assertThatThrownBy(() -> open(text, "e.1")).isInstanceOf(SandboxException.Conflict.class);
        assertThat(text).hasContent("text");
        assertThat(links()).doesNotExist();
        assertThatThrownBy(() -> open(directory.resolve("x".repeat(108)), "e.1"))
                .isInstanceOf(SandboxException.InvalidSpec.class);
        assertThatThrownBy(() -> open(directory.resolve("none/socket"), "e.1"))
                .isInstanceOf(SandboxException.Conflict.class);
        assertThat(links()).doesNotExist();
    }

    @Test
    void oneThatHasTakenItsPlaceIsNotRemovedWithIt() throws IOException {
        Path path = directory.resolve("socket");
        try (SocketFile _ = open(path, "e.1")) {
            Files.delete(path);
            Files.writeString(path, "another's");
        }
        assertThat(path).hasContent("another's");
    }

    @Test
    void theDeadAreSweptAndTheLivingAreNot() throws IOException {
        Path dead = directory.resolve("dead");
        Path replaced = Files.writeString(directory.resolve("replaced"), "another's");
        leave(dead);
        try (SocketFile living = open(directory.resolve("living"), "other.1")) {
            Files.createSymbolicLink(links().resolve("e.1"), dead);
            Files.createSymbolicLink(links().resolve("e.2"), replaced);
            Files.createSymbolicLink(links().resolve("e.3"), directory.resolve("gone"));
            Files.createSymbolicLink(links().resolve("e.4"), living.path());
            SocketFile.sweep(links(), "e");
            assertThat(dead).doesNotExist();
            assertThat(replaced).exists();
            assertThat(living.path()).exists();
            assertThat(Files.list(links())).containsExactly(links().resolve("other.1"));
        }
        SocketFile.sweep(links(), "e"); // there is nothing any more
        assertThat(links()).doesNotExist();
    }
}
