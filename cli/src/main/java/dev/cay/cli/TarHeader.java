package dev.cay.cli;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What stands before a file in a tar archive: a ustar header and, where that is too small, a pax header before it. See pax(1)
 * of POSIX.1-2017.
 */
final class TarHeader {
    static final int BLOCK = 512;

    private static final int NAME_LENGTH = 100;
    private static final long MAXIMUM_SIZE = 077777777777L;
    private static final int OCTAL = 8;
    private static final int CHECKSUM = 148;

    private TarHeader() {}

    /** The header of a file under that name; what belongs to root in the archive belongs to root in the sandbox. */
    static byte[] of(TarFile file, byte[] name) {
        char type = switch (file.kind()) {
            case FILE -> '0';
            case DIRECTORY -> '5';
            case LINK -> '2';
            case OTHER -> throw new IllegalArgumentException("not for an archive");
        };
        ByteArrayOutputStream records = new ByteArrayOutputStream();
        if (name.length > NAME_LENGTH) {
            record(records, "path", name);
        }
        if (file.target().length > NAME_LENGTH) {
            record(records, "linkpath", file.target());
        }
        if (file.size() > MAXIMUM_SIZE) {
            record(records, "size", Long.toString(file.size()).getBytes(StandardCharsets.US_ASCII));
        }
        byte[] header = block(name, file.mode(), file.size(), file.seconds(), type, file.target());
        if (records.size() == 0) {
            return header;
        }
        byte[] pax = records.toByteArray();
        byte[] title = "pax".getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes(block(title, 0644, pax.length, file.seconds(), 'x', new byte[0]));
        all.writeBytes(Arrays.copyOf(pax, (pax.length + BLOCK - 1) / BLOCK * BLOCK));
        all.writeBytes(header);
        return all.toByteArray();
    }

    private static byte[] block(byte[] name, int mode, long size, long seconds, char type, byte[] link) {
        byte[] block = new byte[BLOCK];
        System.arraycopy(name, 0, block, 0, Math.min(name.length, NAME_LENGTH));
        octal(block, 100, 8, mode);
        octal(block, 108, 8, 0);
        octal(block, 116, 8, 0);
        octal(block, 124, 12, Math.min(size, MAXIMUM_SIZE));
        octal(block, 136, 12, Math.min(seconds, MAXIMUM_SIZE));
        block[156] = (byte) type;
        System.arraycopy(link, 0, block, 157, Math.min(link.length, NAME_LENGTH));
        text(block, 257, "ustar\00000");
        text(block, CHECKSUM, "        ");
        int sum = 0;
        for (byte one : block) {
            sum += one & 0xFF;
        }
        octal(block, CHECKSUM, 7, sum);
        return block;
    }

    /** Digits and a NUL, as wide as the field. */
    private static void octal(byte[] block, int offset, int width, long value) {
        long rest = value;
        for (int i = width - 2; i >= 0; i--) {
            block[offset + i] = (byte) ('0' + rest % OCTAL);
            rest /= OCTAL;
        }
        block[offset + width - 1] = 0;
    }

    private static void text(byte[] block, int offset, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, block, offset, bytes.length);
    }

    /** {@code LENGTH KEY=VALUE\n}, where the length counts its own digits. */
    private static void record(ByteArrayOutputStream records, String key, byte[] value) {
        int rest = key.length() + value.length + 3;
        int length = rest + Integer.toString(rest).length();
        if (Integer.toString(length).length() + rest != length) {
            length++;
        }
        records.writeBytes((length + " " + key + "=").getBytes(StandardCharsets.US_ASCII));
        records.writeBytes(value);
        records.write('\n');
    }
}
