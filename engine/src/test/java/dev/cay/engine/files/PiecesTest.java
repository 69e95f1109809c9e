package dev.cay.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Contents of files of which several pieces are on their way at once, and are done in the opposite order. */
class PiecesTest {
    private static final FileAccess.Pieces PIECES = new FileAccess.Pieces(1000, 3);
    private static final byte[] BYTES = new byte[10_500];

    @TempDir
    private Path directory;

    private FilesFixture box;
    private Backwards kernel;
    private FileAccess access;

    /** Runs the lists that have begun when the first of them is waited for, the last one first. */
    private static final class Backwards implements Kernel {
        private final Kernel real;
        private final List<Waiting> waiting = new ArrayList<>();
        private int most;
        private int forgotten;

        private Backwards(Kernel real) {
            this.real = real;
        }

        private final class Waiting implements Begun {
            private final OpList list;
            private boolean done;
            private Results results;
            private SyscallException failure;

            private Waiting(OpList list) {
                this.list = list;
            }

            private void run() {
                try {
                    results = real.run(list);
                } catch (SyscallException e) {
                    failure = e;
                }
            }

            @Override
            public Results results() throws SyscallException {
                waiting.reversed().forEach(Waiting::run);
                most = Math.max(most, waiting.size());
                waiting.clear();
                done = true;
                if (failure != null) {
                    throw failure;
                }
                return results;
            }

            @Override
            public void close() {
                forgotten += done ? 0 : 1;
            }
        }

        @Override
        public Results run(OpList list) throws SyscallException {
            return real.run(list);
        }

        @Override
        public Begun begin(OpList list) {
            waiting.add(new Waiting(list));
            return waiting.getLast();
        }

        @Override
        public Child spawn(OpList list, Birth birth) {
            throw new UnsupportedOperationException();
        }
    }

    @BeforeEach
    void open() throws IOException {
        new Random(1).nextBytes(BYTES);
        box = new FilesFixture(directory);
        kernel = new Backwards(box.kernel());
        access = new FileAccess(box.kernel(), kernel, box.rootFd());
    }

    @AfterEach
    void close() {
        box.close();
    }

    private Fd fd(String path, int flags) throws SyscallException {
        Op open = FileOps.open(path, flags);
        return box.kernel().run(OpList.of(open)).fd(open);
    }

    private long write(Kernel with, String path, byte[] content) throws IOException {
        FileAccess other = new FileAccess(with, with, box.rootFd());
        try (Fd file = fd(path, FileOps.O_WRONLY);
                NewContent written = new NewContent(other, PIECES, file, path)) {
            return written.copy(new ByteArrayInputStream(content));
        }
    }

    private Reading reading(Path path, long size, long position, long length) throws IOException {
        return new Reading(
                access, PIECES, path.toString(), fd(path.toString(), FileOps.O_RDONLY), size, position, length);
    }

    @Test
    void whatIsWrittenStandsWhereItBelongs() throws IOException {
        for (int length : List.of(0, 1, 999, 1000, 1001, 3000, 10_500)) {
            Path file = Files.createFile(directory.resolve("file" + length));
            byte[] content = Arrays.copyOf(BYTES, length);
            assertThat(write(kernel, file.toString(), content)).isEqualTo(length);
            assertThat(file).hasBinaryContent(content);
        }
        assertThat(kernel.most).isEqualTo(3);
        assertThat(kernel.forgotten).isZero();
    }

    @Test
    void whatWasWrittenInPartIsWrittenToItsEnd() throws IOException {
        RecordingKernel partly = new RecordingKernel().answer(SystemCall.PWRITE64, 250);
        write(partly, "/dev/null", Arrays.copyOf(BYTES, 1500));
        assertThat(partly.runs().stream()
                        .map(list -> list.operations().getFirst().arguments().get(3))
                        .toList())
                .as("positions")
                .containsExactlyElementsOf(
                        List.of(Arg.of(0), Arg.of(1000), Arg.of(250), Arg.of(500), Arg.of(750), Arg.of(1250)));
    }

    @Test
    void afterAFailureNothingIsWaitedFor() {
        assertThatThrownBy(() -> write(kernel, "/dev/full", BYTES))
                .isInstanceOfSatisfying(
                        FileFailed.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC.number()));
        assertThat(kernel.forgotten).isEqualTo(2);
    }

    @Test
    void whatIsReadComesInOrder() throws IOException {
        Path file = Files.write(directory.resolve("file"), BYTES);
        for (long size :
                List.of(0L, 700L, 10_000L, 10_500L, 20_000L)) { // it may have been another when it was looked at
            try (InputStream in = reading(file, size, 0, Long.MAX_VALUE)) {
                assertThat(in.readAllBytes()).isEqualTo(BYTES);
            }
        }
        assertThat(kernel.most).isEqualTo(3);
        try (InputStream in = reading(file, 10_500, 1234, 5678)) {
            assertThat(in.readAllBytes()).isEqualTo(Arrays.copyOfRange(BYTES, 1234, 1234 + 5678));
        }
    }

    @Test
    void whatIsCutOffMeanwhileIsNotMadeUp() throws IOException {
        Path file = Files.write(directory.resolve("file"), BYTES);
        try (InputStream in = reading(file, 10_500, 0, Long.MAX_VALUE)) {
            assertThat(in.read()).isEqualTo(BYTES[0] & 0xff);
            Files.write(file, Arrays.copyOf(BYTES, 4200)); // what comes from 3000 on has not been read yet
            assertThat(in.readAllBytes()).isEqualTo(Arrays.copyOfRange(BYTES, 1, 4200));
            Files.write(file, BYTES, StandardOpenOption.TRUNCATE_EXISTING);
            assertThat(in.read()).as("the end is the end").isEqualTo(-1);
        }
    }

    @Test
    void whoeverStopsReadingWaitsForNothing() throws IOException {
        Path file = Files.write(directory.resolve("file"), BYTES);
        try (InputStream in = reading(file, 10_500, 0, Long.MAX_VALUE)) {
            assertThat(in.read()).isEqualTo(BYTES[0] & 0xff);
        }
        assertThat(kernel.forgotten).isEqualTo(2);
    }
}
