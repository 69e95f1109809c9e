package dev.cay.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** The stub: a static executable for each architecture, checked in as {@code src/main/c/build} makes it. */
public final class GuestProgram {
    private GuestProgram() {}

    /**
     * The executable for an architecture.
     *
     * @param architecture {@code x86_64} or {@code aarch64}
     */
    public static byte[] of(String architecture) {
        try (InputStream stream = GuestProgram.class.getResourceAsStream("stub-" + architecture)) {
            if (stream == null) {
                throw new IllegalArgumentException("there is no stub for " + architecture);
            }
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
