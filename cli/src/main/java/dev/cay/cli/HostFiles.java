package dev.cay.cli;

import dev.cay.SandboxException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;

/** What can go wrong with files of this machine. */
final class HostFiles {
    private HostFiles() {}

    static SandboxException failed(String message, String hint) {
        return new SandboxException.HostFailed(message, hint, new IOException(message));
    }

    /** The JDK's messages are often but the name of the file. */
    static SandboxException failed(String what, IOException cause) {
        String file = cause instanceof FileSystemException of ? String.valueOf(of.getFile()) : "";
        String why = switch (cause) {
            case NoSuchFileException _ -> "there is no '" + file + "', or no directory for it";
            case FileAlreadyExistsException _ -> "'" + file + "' is there already";
            case FileSystemException system -> "'" + file + "': " + reason(system);
            default -> String.valueOf(cause.getMessage());
        };
        return new SandboxException.HostFailed(what + ": " + why, hint(cause), cause);
    }

    private static String hint(IOException cause) {
        return switch (cause) {
            case NoSuchFileException _ -> "look at the path: a relative one begins in this directory";
            case FileAlreadyExistsException _ -> "choose another name, or remove what is there";
            case AccessDeniedException _ -> "see who may read and write there: ls -ld";
            default -> "";
        };
    }

    private static String reason(FileSystemException cause) {
        String known = cause instanceof AccessDeniedException
                ? "permission denied"
                : cause.getClass().getSimpleName();
        return Optional.ofNullable(cause.getReason()).orElse(known);
    }

    /** Remembers whether it was we who could not write. */
    static final class Noting extends FilterOutputStream {
        private Optional<IOException> failure = Optional.empty();

        Noting(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            try {
                out.write(bytes, offset, length);
            } catch (IOException e) {
                failure = Optional.of(e);
                throw e;
            }
        }

        /** It is the process's own. */
        @Override
        public void close() throws IOException {
            flush();
        }

        Optional<IOException> failure() {
            return failure;
        }
    }
}
