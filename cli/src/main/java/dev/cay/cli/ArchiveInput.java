package dev.cay.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;

/** An archive that comes by standard input. */
final class ArchiveInput {
    private ArchiveInput() {}

    /**
     * Refuses an input without a single byte, as one that the caller has closed, or of a program that failed: an archive of nothing is
     * longer.
     *
     * @param example a command that has one
     */
    static InputStream of(Streams streams, String example) {
        PushbackInputStream input = new PushbackInputStream(streams.in());
        try {
            int first = input.read();
            if (first < 0) {
                throw HostFiles.failed("there is no archive on standard input, which is empty", "write: " + example);
            }
            input.unread(first);
        } catch (IOException e) {
            throw HostFiles.failed("cannot read the archive", e);
        }
        return input;
    }
}
