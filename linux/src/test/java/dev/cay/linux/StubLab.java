package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The real stub, as an ordinary process of this user, for each test. */
@Timeout(60)
abstract class StubLab {
    static final Birth PLAIN = new Birth(0, Optional.empty());
    static final long FOREVER = Long.MAX_VALUE;

    @TempDir
    Path directory;

    HostKernel kernel;
    Child process;
    Stub stub;
    byte[] program;

    @BeforeEach
    void open() throws IOException {
        kernel = new HostKernel();
        program = Files.readAllBytes(Path.of(
                System.getProperty("cay.root", ".."),
                "guest/src/main/resources/dev/cay/guest/stub-" + Native.ARCHITECTURE.text()));
        List<Fd> ends = UnixSocket.pair();
        try (Fd image = Stub.program(kernel, program);
                Fd listener = UnixSocket.listen(kernel, socket());
                Fd theirs = ends.getLast()) {
            process = kernel.spawn(
                    OpList.of(
                            FileOps.duplicate(Arg.of(theirs), 0),
                            FileOps.duplicate(Arg.of(listener), 1),
                            FileOps.closeOnExecFrom(3),
                            Processes.execve(Arg.of(image), List.of("cay-init", "attached"), List.of())),
                    PLAIN);
        }
        stub = new Stub(ends.getFirst());
    }

    @AfterEach
    void close() {
        HostKernel.inject(list -> Faults.NONE);
        stub.close();
        assertThat(process.await()).as("attached, so it ends with us").isEqualTo(new Child.Status(true, 0));
        process.close();
        kernel.close();
    }

    String socket() {
        return directory.resolve("socket").toString();
    }
}
