package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A path inside a sandbox. Linux names files with bytes, so that is what this is made of: any but NUL. A relative path counts
 * from the sandbox's root. Links in it are followed within the sandbox, never out of it.
 */
public final class FilePath {
    private static final int MAXIMUM_LENGTH = 4095;

    private final byte[] bytes;

    private FilePath(byte[] bytes) {
        this.bytes = bytes;
        Check.that(bytes.length > 0, "the path is empty", "name a file");
        Check.that(bytes.length <= MAXIMUM_LENGTH, "the path is longer than 4095 bytes", "that is the kernel's limit");
        for (byte one : bytes) {
            Check.that(one != 0, "the path contains a NUL character", "remove it: no file can be named so");
        }
    }

    /** A path in UTF-8. */
    public static FilePath of(String path) {
        return new FilePath(requireNonNull(path, "path is null").getBytes(StandardCharsets.UTF_8));
    }

    /** A path of any bytes. */
    public static FilePath of(byte[] path) {
        return new FilePath(path.clone());
    }

    /** The path of a file in this directory. */
    public FilePath resolve(FilePath name) {
        byte[] joined = Arrays.copyOf(bytes, bytes.length + 1 + name.bytes.length);
        joined[bytes.length] = '/';
        System.arraycopy(name.bytes, 0, joined, bytes.length + 1, name.bytes.length);
        return new FilePath(joined);
    }

    public byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FilePath path && Arrays.equals(bytes, path.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** As UTF-8; bytes that are not UTF-8 are replaced. */
    @Override
    public String toString() {
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
