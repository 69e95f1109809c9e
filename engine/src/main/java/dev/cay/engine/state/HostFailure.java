package dev.cay.engine.state;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** What the host's files do not do, in words: of the most frequent reasons the JDK tells the file alone. */
public final class HostFailure {
    private HostFailure() {}

    /**
     * A failure for whoever asked.
     *
     * @param what cannot be done, or what it is about
     * @param hint what to do about it, where the reason does not say something better
     */
    public static SandboxException of(String what, String hint, IOException reason) {
        boolean denied = reason instanceof AccessDeniedException;
        return new SandboxException.HostFailed(
                what + ": " + text(reason),
                denied ? "run cay as the user whom it belongs to, or as root" : hint,
                reason);
    }

    /** The reason of a failure. */
    public static String text(IOException reason) {
        if (!(reason instanceof FileSystemException failure) || failure.getReason() != null) {
            return String.valueOf(reason.getMessage());
        }
        String file = failure.getFile() == null ? "" : failure.getFile() + ": ";
        if (failure instanceof AccessDeniedException) {
            return file + "permission denied";
        }
        if (failure instanceof NoSuchFileException) {
            return file + "there is no such file or directory";
        }
        if (failure instanceof FileAlreadyExistsException) {
            return file + "it is there already";
        }
        if (failure instanceof DirectoryNotEmptyException) {
            return file + "the directory is not empty";
        }
        return file + (failure instanceof NotDirectoryException ? "it is no directory" : "it failed");
    }
}
