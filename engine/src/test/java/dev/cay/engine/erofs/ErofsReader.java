package dev.cay.engine.erofs;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/** Reads an EROFS file system as the kernel does, from the definition of the format, and fails where the kernel would. */
final class ErofsReader {
    private static final int BLOCK = 4096;
    private static final Map<Integer, String> SPACES = Map.of(
            1, "user.", 2, "system.posix_acl_access", 3, "system.posix_acl_default", 4, "trusted.", 6, "security.");

    private final ByteBuffer image;

    /** A file, under its path without leading slash; bytes of names are characters. */
    record Entry(
            long number,
            int type,
            int mode,
            int uid,
            int gid,
            int links,
            long seconds,
            int nanos,
            byte[] content,
            Map<String, String> xattrs) {
        String text() {
            return new String(content, ISO_8859_1);
        }
    }

    private ErofsReader(ByteBuffer image) {
        this.image = image;
    }

    static Map<String, Entry> read(Path file) throws IOException {
        ByteBuffer image = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        ErofsReader reader = new ErofsReader(image);
        reader.superblock();
        Map<String, Entry> all = new TreeMap<>();
        reader.walk("", Short.toUnsignedLong(image.getShort(1024 + 14)), all);
        return all;
    }

    private void superblock() {
        assertThat(image.getInt(1024)).isEqualTo(0xE0F5E1E2);
        byte[] block = new byte[BLOCK - 1024];
        image.get(1024, block);
        ByteBuffer.wrap(block).putInt(4, 0);
        CRC32C checksum = new CRC32C();
        checksum.update(block);
        assertThat(image.getInt(1024 + 4)).isEqualTo(~(int) checksum.getValue());
        assertThat((long) image.getInt(1024 + 36) * BLOCK).isEqualTo(image.limit());
    }

    private void walk(String path, long number, Map<String, Entry> all) {
        Entry entry = entry(number);
        all.put(path, entry);
        if (entry.type == 0040000) {
            Map<String, Long> children = children(entry.content);
            assertThat(children.get(".")).isEqualTo(number);
            children.forEach((name, child) -> {
                if (!name.equals(".") && !name.equals("..")) {
                    walk(path.isEmpty() ? name : path + "/" + name, child, all);
                }
            });
        }
    }

    private static Map<String, Long> children(byte[] content) {
        Map<String, Long> children = new HashMap<>();
        String last = "";
        for (int start = 0; start < content.length; start += BLOCK) {
            int length = Math.min(BLOCK, content.length - start);
            ByteBuffer block = ByteBuffer.wrap(content, start, length).slice().order(ByteOrder.LITTLE_ENDIAN);
            int count = block.getShort(8) / 12;
            for (int i = 0; i < count; i++) {
                int from = block.getShort(i * 12 + 8);
                int to = i + 1 < count ? block.getShort(i * 12 + 20) : length;
                String name = new String(content, start + from, to - from, ISO_8859_1);
                name = name.indexOf('\0') < 0 ? name : name.substring(0, name.indexOf('\0'));
                assertThat(name).isGreaterThan(last); // characters are bytes here
                last = name;
                children.put(name, block.getLong(i * 12));
            }
        }
        return children;
    }

    private Entry entry(long number) {
        int at = Math.toIntExact(number * 32);
        int format = image.getShort(at);
        assertThat(format & 1).as("extended").isEqualTo(1);
        int xattrs = Short.toUnsignedInt(image.getShort(at + 2));
        int xattrSize = xattrs == 0 ? 0 : 12 + 4 * (xattrs - 1);
        int mode = Short.toUnsignedInt(image.getShort(at + 4));
        int size = Math.toIntExact(image.getLong(at + 8));
        int where = image.getInt(at + 16);
        byte[] content = new byte[size];
        int behind = at + 64 + xattrSize;
        switch (format >> 1) {
            case 0 -> image.get(where * BLOCK, content);
            case 1 -> content = compressed(behind + 7 & -8, size);
            case 2 -> {
                int whole = size & -BLOCK;
                image.get(where * BLOCK, content, 0, whole);
                assertThat(behind % BLOCK + size - whole).as("torn tail").isLessThanOrEqualTo(BLOCK);
                image.get(behind, content, whole, size - whole);
            }
            default -> throw new AssertionError("layout " + (format >> 1));
        }
        return new Entry(
                number,
                mode & 0170000,
                mode & 07777,
                image.getInt(at + 24),
                image.getInt(at + 28),
                image.getInt(at + 44),
                image.getLong(at + 32),
                image.getInt(at + 40),
                content,
                xattrs == 0 ? Map.of() : xattrs(at + 64 + 12, at + 64 + xattrSize));
    }

    private Map<String, String> xattrs(int from, int to) {
        Map<String, String> xattrs = new TreeMap<>();
        for (int at = from; at < to; ) {
            int name = Byte.toUnsignedInt(image.get(at));
            int value = Short.toUnsignedInt(image.getShort(at + 2));
            xattrs.put(SPACES.get((int) image.get(at + 1)) + text(at + 4, name), text(at + 4 + name, value));
            at += 4 + name + value + 3 & -4;
        }
        return xattrs;
    }

    private String text(int at, int length) {
        byte[] bytes = new byte[length];
        image.get(at, bytes);
        return new String(bytes, ISO_8859_1);
    }

    private byte[] compressed(int header, int size) {
        assertThat(image.getShort(header + 4)).isEqualTo((short) 2);
        int clusters = (size + BLOCK - 1) / BLOCK;
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        List<Integer> heads = new ArrayList<>();
        for (int i = 0; i < clusters; i++) {
            if (image.getShort(header + 16 + 8 * i) != 2) {
                heads.add(i);
            } else {
                int head = heads.getLast();
                assertThat(image.getShort(header + 16 + 8 * i + 2)).isEqualTo((short) BLOCK);
                int distance = image.getShort(header + 16 + 8 * i + 4) & 0x7FF;
                assertThat(i == head + 1 ? 1 : distance).isEqualTo(i - head);
            }
        }
        heads.add(clusters);
        for (int i = 0; i + 1 < heads.size(); i++) {
            int index = header + 16 + 8 * heads.get(i);
            int length = Math.min(size, heads.get(i + 1) * BLOCK) - heads.get(i) * BLOCK;
            int block = image.getInt(index + 4);
            if (image.getShort(index) == 0) {
                byte[] plain = new byte[length];
                assertThat(length).isLessThanOrEqualTo(BLOCK);
                image.get(block * BLOCK, plain);
                content.writeBytes(plain);
            } else {
                int blocks = image.getShort(index + 8 + 4);
                assertThat(blocks & 0x800).isNotZero();
                byte[] packed = new byte[(blocks & 0x7FF) * BLOCK];
                image.get(block * BLOCK, packed);
                content.writeBytes(expand(packed, length));
            }
        }
        return content.toByteArray();
    }

    /** What LZ4 has compressed, behind any zeros. */
    static byte[] expand(byte[] packed, int length) {
        byte[] out = new byte[length];
        int to = 0;
        int at = 0;
        while (packed[at] == 0) {
            at++;
        }
        assertThat(at).as("zeros in front").isLessThan(BLOCK);
        while (at < packed.length) {
            int token = Byte.toUnsignedInt(packed[at++]);
            int literals = token >>> 4;
            if (literals == 15) {
                int more;
                do {
                    more = Byte.toUnsignedInt(packed[at++]);
                    literals += more;
                } while (more == 255);
            }
            System.arraycopy(packed, at, out, to, literals);
            at += literals;
            to += literals;
            if (at == packed.length) {
                assertThat(literals >= 5 || to == literals)
                        .as("the last literals")
                        .isTrue();
                break;
            }
            int offset = Byte.toUnsignedInt(packed[at]) | Byte.toUnsignedInt(packed[at + 1]) << 8;
            at += 2;
            int count = token & 15;
            if (count == 15) {
                int more;
                do {
                    more = Byte.toUnsignedInt(packed[at++]);
                    count += more;
                } while (more == 255);
            }
            assertThat(length - to)
                    .as("the last match begins 12 bytes before the end")
                    .isGreaterThanOrEqualTo(12);
            for (int i = 0; i < count + 4; i++, to++) {
                out[to] = out[to - offset];
            }
        }
        assertThat(to).isEqualTo(length);
        return out;
    }
}
