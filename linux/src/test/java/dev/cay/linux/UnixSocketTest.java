package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {
    @TempDir
    private Path directory;

    @Test
    void bytesArriveInOrderHoweverTheyAreCut() throws SyscallException {
        byte[] sent = new byte[5 * UnixSocket.CHUNK + 3];
        new Random(1).nextBytes(sent);
        byte[] received = new byte[sent.length];
        List<Fd> ends = UnixSocket.pair();
        try (Fd near = ends.getFirst();
                Fd far = ends.getLast()) {
            int done = 0;
            int arrived = 0;
            while (arrived < sent.length) {
                int length = Math.min(UnixSocket.CHUNK, sent.length - done);
                int count = length == 0 ? 0 : UnixSocket.send(near, sent, done, length, List.of());
                done += Math.max(0, count);
                UnixSocket.Received one = UnixSocket.receive(far);
                assertThat(one.descriptors()).isEmpty();
                System.arraycopy(one.bytes(), 0, received, arrived, one.bytes().length);
                arrived += one.bytes().length;
            }
        }
        assertThat(received).isEqualTo(sent);
    }

    @Test
    void whoeverWouldHaveToWaitIsTold() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        try (Fd near = ends.getFirst();
                Fd _ = ends.getLast()) {
            assertThat(UnixSocket.receive(near))
                    .extracting(UnixSocket.Received::status)
                    .isEqualTo(UnixSocket.WOULD_BLOCK);
            byte[] chunk = new byte[UnixSocket.CHUNK];
            int count;
            do {
                count = UnixSocket.send(near, chunk, 0, chunk.length, List.of());
            } while (count > 0);
            assertThat(count).isEqualTo(UnixSocket.WOULD_BLOCK);
        }
    }

    @Test
    void theOtherEndIsTheEnd() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        try (Fd near = ends.getFirst()) {
            ends.getLast().close();
            assertThat(UnixSocket.receive(near).status()).isEqualTo(UnixSocket.END);
            assertThat(UnixSocket.send(near, new byte[1], 0, 1, List.of())).isEqualTo(UnixSocket.END);
        }
    }

    @Test
    void shuttingDownEndsBothDirections() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        try (Fd near = ends.getFirst();
                Fd far = ends.getLast()) {
            UnixSocket.shutdown(near);
            assertThat(UnixSocket.receive(near).status()).isEqualTo(UnixSocket.END);
            assertThat(UnixSocket.receive(far).status()).isEqualTo(UnixSocket.END);
            assertThat(UnixSocket.send(far, new byte[1], 0, 1, List.of())).isEqualTo(UnixSocket.END);
        }
    }

    @Test
    void descriptorsTravelInOrderAndAreOthersOverThere() throws IOException {
        List<Fd> ends = UnixSocket.pair();
        List<Pipe> pipes = new ArrayList<>();
        for (int i = 0; i < UnixSocket.MAXIMUM_DESCRIPTORS; i++) {
            pipes.add(Pipe.reading());
        }
        try (Fd near = ends.getFirst();
                Fd far = ends.getLast()) {
            UnixSocket.send(
                    near, new byte[3], 1, 2, pipes.stream().map(Pipe::theirs).toList());
            UnixSocket.send(near, new byte[1], 0, 1, List.of(pipes.getFirst().theirs()));

            UnixSocket.Received first = UnixSocket.receive(far);
            UnixSocket.Received second = UnixSocket.receive(far);

            assertThat(first.bytes()).as("what came with them, and no more").hasSize(2);
            assertThat(first.descriptors()).hasSize(UnixSocket.MAXIMUM_DESCRIPTORS);
            assertThat(second.descriptors()).hasSize(1);
            for (int i = 0; i < pipes.size(); i++) {
                Fd fd = first.descriptors().get(i);
                assertThat(fd.number()).isNotEqualTo(pipes.get(i).theirs().number());
                assertThat(link(fd)).isEqualTo(link(pipes.get(i).ours()));
            }
            assertThat(closesOnExec(first.descriptors().getFirst())).isTrue();
            first.descriptors().forEach(Fd::close);
            second.descriptors().forEach(Fd::close);
        } finally {
            pipes.forEach(Pipe::close);
        }
    }

    private static String link(Fd fd) throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd.number())).toString();
    }

    private static boolean closesOnExec(Fd fd) throws IOException {
        return Files.readString(Path.of("/proc/self/fdinfo/" + fd.number()))
                .lines()
                .anyMatch(line -> line.matches("flags:\\s+02[0-7]{6}"));
    }

    /** From a peer that keeps to no agreement: nothing of it may stay behind. */
    @Test
    void moreDescriptorsThanAgreedAreRefusedAndClosed() throws IOException {
        List<Fd> ends = UnixSocket.pair();
        try (Fd near = ends.getFirst();
                Fd far = ends.getLast();
                Pipe pipe = Pipe.reading()) {
            List<Fd> many = Collections.nCopies(UnixSocket.MAXIMUM_DESCRIPTORS + 9, pipe.theirs());
            UnixSocket.send(near, new byte[1], 0, 1, many);

            assertThatThrownBy(() -> UnixSocket.receive(far)).hasMessageContaining("EPROTO");

            pipe.theirs().close();
            ByteBuffer buffer = ByteBuffer.allocateDirect(1);
            assertThat(Pipe.read(pipe.ours(), buffer)).as("nobody holds it").isEqualTo(Pipe.END);
        }
    }

    @Test
    void whoConnectsToAPathReachesWhoListensThere() throws IOException {
        Path path = directory.resolve("socket");
        try (HostKernel kernel = new HostKernel()) {
            assertThatThrownBy(() -> UnixSocket.connect(kernel, path.toString()))
                    .hasMessageContaining("ENOENT");
            try (ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                            .bind(UnixDomainSocketAddress.of(path));
                    Fd near = UnixSocket.connect(kernel, path.toString());
                    SocketChannel far = listening.accept()) {
                UnixSocket.send(near, new byte[] {7}, 0, 1, List.of());
                ByteBuffer received = ByteBuffer.allocate(2);
                assertThat(far.read(received)).isEqualTo(1);
                assertThat(received.get(0)).isEqualTo((byte) 7);
            }
            assertThatThrownBy(() -> UnixSocket.connect(kernel, path.toString()))
                    .hasMessageContaining("ECONNREFUSED");
        }
    }

    @Test
    void othersCanConnectToWhereWeListen() throws IOException {
        Path path = directory.resolve("socket");
        try (HostKernel kernel = new HostKernel();
                Fd _ = UnixSocket.listen(kernel, path.toString());
                SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            assertThat(client.connect(UnixDomainSocketAddress.of(path))).isTrue();
            assertThatThrownBy(() -> UnixSocket.listen(kernel, path.toString())).hasMessageContaining("EADDRINUSE");
        }
    }

    /** An address has room for 107 bytes, a path for 4095. */
    @Test
    void thePathMayBeLong() throws IOException {
        Path deep = Files.createDirectories(directory.resolve("x".repeat(100) + "/" + "y".repeat(200)));
        for (int length : new int[] {1, 80}) {
            String path = deep.resolve("s".repeat(length)).toString();
            try (HostKernel kernel = new HostKernel();
                    Fd _ = UnixSocket.listen(kernel, path);
                    Fd _ = UnixSocket.connect(kernel, path)) {
                assertThatThrownBy(() -> UnixSocket.listen(kernel, path)).hasMessageContaining("EADDRINUSE");
                assertThatThrownBy(() -> UnixSocket.connect(kernel, path + "x")).hasMessageContaining("ENOENT");
            }
        }
        RecordingKernel kernel = new RecordingKernel();
        assertThatThrownBy(() -> UnixSocket.connect(kernel, "/x/" + "x".repeat(120)))
                .as("the name alone has to fit")
                .isInstanceOf(IllegalArgumentException.class);
    }
}
