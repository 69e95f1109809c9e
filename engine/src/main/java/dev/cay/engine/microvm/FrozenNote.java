package dev.cay.engine.microvm;

import dev.cay.engine.state.ProcessIdentity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * Says in a sandbox's directory that its file systems stand still, and for whom: if that process is no more, nobody will say that they
 * may go on.
 */
record FrozenNote(Path directory) {
    private static final String NAME = "frozen";

    /** To be called before they are halted. */
    void write() throws IOException {
        long pid = ProcessHandle.current().pid();
        Path born = directory.resolve(NAME + "." + pid);
        Files.writeString(born, pid + " " + startTime(pid).orElseThrow() + " " + ProcessIdentity.currentBoot());
        Files.move(born, directory.resolve(NAME), StandardCopyOption.ATOMIC_MOVE);
    }

    /** To be called when they go on. */
    void remove() throws IOException {
        Files.deleteIfExists(directory.resolve(NAME));
    }

    /** Whether they stand still for somebody, who may be no more. */
    boolean isThere() {
        return Files.exists(directory.resolve(NAME));
    }

    /** Whether they stand still for nobody. */
    boolean isAbandoned() throws IOException {
        String[] words;
        try {
            words = Files.readString(directory.resolve(NAME)).split(" ");
        } catch (NoSuchFileException e) {
            return false;
        }
        long pid = Long.parseLong(words[0]);
        boolean lives =
                startTime(pid).filter(words[1]::equals).isPresent() && words[2].equals(ProcessIdentity.currentBoot());
        return !lives;
    }

    private static Optional<String> startTime(long pid) throws IOException {
        return ProcessIdentity.of(pid).map(process -> Long.toString(process.startTime()));
    }
}
