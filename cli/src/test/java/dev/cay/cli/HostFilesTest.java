package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class HostFilesTest {
    private static void assertTells(IOException cause, String message, String hint) {
        SandboxException failure = HostFiles.failed("cannot read the archive", cause);
        assertThat(failure).hasMessage("cannot read the archive: " + message);
        assertThat(failure.hint()).isEqualTo(hint);
        assertThat(failure.code()).isEqualTo("host-failed");
    }

    /** Of these the JDK says the name of the file alone. */
    @Test
    void whyAndWhatToDo() {
        assertTells(
                new NoSuchFileException("a.tar"),
                "there is no 'a.tar', or no directory for it",
                "look at the path: a relative one begins in this directory");
        assertTells(
                new FileAlreadyExistsException("a.tar"),
                "'a.tar' is there already",
                "choose another name, or remove what is there");
        assertTells(
                new AccessDeniedException("a.tar"),
                "'a.tar': permission denied",
                "see who may read and write there: ls -ld");
        assertTells(
                new FileSystemException("a.tar", null, "No space left on device"),
                "'a.tar': No space left on device",
                "");
        assertTells(new IOException("Broken pipe"), "Broken pipe", "");
    }
}
