package dev.cay.engine.archive;

import dev.cay.engine.archive.HeaderBlock.Field;
import dev.cay.engine.archive.TarEntry.Kind;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Archives to test with: made by others, by us, and block by block. */
final class Archives {
    static final byte[] END = new byte[1024];

    private Archives() {}

    /** An entry with its content. */
    record Item(TarEntry entry, ByteString content) {}

    static byte[] fixture(String name) {
        try (InputStream stream = Archives.class.getResourceAsStream(name)) {
            return stream.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<Item> read(byte[] archive) throws IOException {
        return read(archive, TarLimits.STANDARD);
    }

    static List<Item> read(byte[] archive, TarLimits limits) throws IOException {
        TarReader reader = new TarReader(new ByteArrayInputStream(archive), limits);
        List<Item> items = new ArrayList<>();
        for (Optional<TarEntry> entry = reader.next(); entry.isPresent(); entry = reader.next()) {
            items.add(
                    new Item(entry.orElseThrow(), ByteString.of(reader.content().readAllBytes())));
        }
        return items;
    }

    static byte[] write(List<Item> items) throws IOException {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        TarWriter writer = new TarWriter(archive);
        for (Item item : items) {
            writer.add(item.entry(), new ByteArrayInputStream(item.content().toBytes()));
        }
        writer.finish();
        return archive.toByteArray();
    }

    static TarEntry entry(ByteString name, Kind kind) {
        return new TarEntry(name, kind, 0644, 0, 0, Instant.EPOCH, Map.of());
    }

    static Item file(String name, String content) {
        ByteString bytes = ByteString.of(content);
        return new Item(entry(ByteString.of(name), new Kind.File(bytes.length())), bytes);
    }

    /** A sealed header whose fields the change has filled. */
    static byte[] header(char type, String name, long size, Consumer<HeaderBlock> change) {
        HeaderBlock block = new HeaderBlock();
        block.put(Field.NAME, ByteString.of(name));
        block.put(Field.MODE, 0644);
        block.put(Field.SIZE, size);
        change.accept(block);
        block.seal(type);
        return block.bytes();
    }

    static byte[] header(char type, String name, long size) {
        return header(type, name, size, _ -> {});
    }

    /** A header and its padded content. */
    static byte[] extension(char type, String content) {
        byte[] bytes = content.getBytes(StandardCharsets.ISO_8859_1);
        return join(
                header(type, "extension", bytes.length),
                Arrays.copyOf(bytes, bytes.length + TarReader.padding(bytes.length)));
    }

    /** A record of less than 98 bytes. */
    static String record(String keyword, String value) {
        int rest = keyword.length() + value.length() + 3;
        return (rest + (rest < 9 ? 1 : 2)) + " " + keyword + "=" + value + "\n";
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    static List<Item> random(Random random, int count) {
        List<Item> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] content = new byte[random.nextInt(3) == 0 ? random.nextInt(3000) : random.nextInt(3) * 512];
            random.nextBytes(content);
            Kind kind = kind(random, content.length);
            items.add(new Item(
                    new TarEntry(
                            RandomNames.name(random, 400),
                            kind,
                            random.nextInt(010000),
                            id(random),
                            id(random),
                            time(random),
                            xattrs(random)),
                    kind instanceof Kind.File ? ByteString.of(content) : ByteString.EMPTY));
        }
        return items;
    }

    private static Kind kind(Random random, int size) {
        return switch (random.nextInt(10)) {
            case 0 -> new Kind.HardLink(RandomNames.name(random, 300));
            case 1 -> new Kind.SymbolicLink(RandomNames.name(random, 300));
            case 2 -> new Kind.Directory();
            case 3 -> new Kind.CharacterDevice(random.nextInt(1 << 12), random.nextInt(1 << 20));
            case 4 -> new Kind.BlockDevice(random.nextInt(1 << 12), random.nextInt(1 << 20));
            case 5 -> new Kind.Fifo();
            default -> new Kind.File(size);
        };
    }

    private static long id(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong() & Long.MAX_VALUE;
            case 1 -> (1 << 21) - 1 + random.nextInt(2);
            default -> random.nextInt(70_000);
        };
    }

    private static Instant time(Random random) {
        long seconds = switch (random.nextInt(5)) {
            case 0 -> random.nextLong(-10_000_000_000_000L, 10_000_000_000_000L);
            case 1 -> (1L << 33) - 1 + random.nextInt(2);
            case 2 -> random.nextInt(5) - 2;
            default -> random.nextInt(Integer.MAX_VALUE);
        };
        return Instant.ofEpochSecond(seconds, random.nextInt(3) == 0 ? random.nextInt(1_000_000_000) : 0);
    }

    private static Map<String, ByteString> xattrs(Random random) {
        Map<String, ByteString> xattrs = new TreeMap<>();
        for (int i = random.nextInt(4) - 1; i > 0; i--) {
            byte[] value = new byte[random.nextInt(random.nextInt(8) == 0 ? 7000 : 200)];
            random.nextBytes(value);
            xattrs.put("user." + "a=%\u00e9\n25".substring(random.nextInt(4)) + i, ByteString.of(value));
        }
        return xattrs;
    }
}
