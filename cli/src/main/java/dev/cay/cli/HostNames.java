package dev.cay.cli;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Names of files as the bytes they are. A {@link Path} made of a text depends on the locale and cannot hold bytes that are not
 * of its character set; one made of a {@code file:} address holds any.
 */
final class HostNames {
    private static final int HEXADECIMAL = 16;

    private HostNames() {}

    /** The path of that text in UTF-8. */
    static Path path(String text) {
        return path(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A path of those bytes, absolute or relative; there must be some, and no NUL among them. */
    static Path path(byte[] bytes) {
        boolean ascii = true;
        for (byte one : bytes) {
            ascii &= one >= 0;
        }
        if (ascii) {
            return Path.of(new String(bytes, StandardCharsets.US_ASCII));
        }
        boolean absolute = bytes[0] == '/';
        StringBuilder address = new StringBuilder(absolute ? "file://" : "file:///");
        for (byte one : bytes) {
            if (one == '/') {
                address.append('/');
            } else {
                address.append('%').append(digit(one >> 4)).append(digit(one));
            }
        }
        Path path = Path.of(URI.create(address.toString()));
        return absolute ? path : path.subpath(0, path.getNameCount());
    }

    private static char digit(int value) {
        return Character.toUpperCase(Character.forDigit(value & 0xF, HEXADECIMAL));
    }

    /** The last name of a path. */
    static byte[] name(Path path) {
        String text = String.valueOf(path.getFileName());
        boolean ascii = true;
        for (int i = 0; i < text.length(); i++) {
            ascii &= text.charAt(i) < 0x80;
        }
        return ascii ? text.getBytes(StandardCharsets.US_ASCII) : bytes(path.getFileName());
    }

    /** The bytes of a path. */
    static byte[] bytes(Path path) {
        Path absolute = path.isAbsolute() ? path : Path.of("/").resolve(path);
        String address = absolute.toUri().getRawPath();
        int end = address.length() > 1 && address.endsWith("/") ? address.length() - 1 : address.length();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int i = path.isAbsolute() ? 0 : 1;
        while (i < end) {
            if (address.charAt(i) == '%') {
                bytes.write(Integer.parseInt(address, i + 1, i + 3, HEXADECIMAL));
                i += 3;
            } else {
                bytes.write(address.charAt(i));
                i++;
            }
        }
        return bytes.toByteArray();
    }
}
