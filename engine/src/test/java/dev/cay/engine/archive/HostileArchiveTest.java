package dev.cay.engine.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import dev.cay.engine.archive.Archives.Item;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Archives are not to be trusted: whatever they are, they end in entries within the limits or in a TarException. */
final class HostileArchiveTest {
    private static final TarLimits LIMITS = new TarLimits(40, 300, 20_000, 10_000, 100_000);
    private static final String ALPHABET = "0123456789 =\n\0\377\200-./xgLKS12345VDustar";

    @Test
    void damagedArchivesAreReadOrRefused() {
        List<byte[]> fixtures = Stream.of("v7", "ustar", "gnu", "pax", "python", "sparse-gnu", "sparse-pax-0.1")
                .map(name -> Archives.fixture(name + ".tar"))
                .toList();
        Seeded.run(random -> {
            int whole = 0;
            for (int i = 0; i < 20_000; i++) {
                byte[] archive = random.nextInt(4) == 0
                        ? Archives.write(Archives.random(random, 1 + random.nextInt(3)))
                        : fixtures.get(random.nextInt(fixtures.size())).clone();
                for (int j = random.nextInt(4); j >= 0; j--) {
                    archive = damaged(archive, random);
                }
                if (random.nextInt(8) > 0) {
                    mend(archive);
                }
                whole += readsWithinLimits(archive, random) ? 1 : 0;
            }
            // Else the damage is so great that nothing behind the first check is seen.
            assertThat(whole).isGreaterThan(1000);
        });
    }

    @Test
    void noiseIsRefused() {
        Seeded.run(random -> {
            for (int i = 0; i < 1000; i++) {
                byte[] archive = new byte[random.nextInt(3000)];
                random.nextBytes(archive);
                mend(archive);
                readsWithinLimits(archive, random);
            }
        });
    }

    @Test
    void endlessArchivesEnd() {
        byte[] file = Archives.join(Archives.header('0', "f", 600), new byte[1024]);
        byte[] global = Archives.extension('g', Archives.record("comment", "c"));
        byte[] extended = Archives.extension('x', Archives.record("uid", "1"));

        assertThatThrownBy(() -> readAll(file)).hasMessageContaining("more than 40");
        assertThatThrownBy(() -> readAll(global)).hasMessageContaining("more than 40");
        assertThatThrownBy(() -> readAll(extended)).hasMessageContaining("two headers");
        assertThatThrownBy(() -> readAll(Archives.header('L', "", 0))).hasMessageContaining("two headers");
        assertThatThrownBy(() -> readAll(Archives.header('0', "f", 90_000))).hasMessageContaining("more than 100000");
    }

    private static void readAll(byte[] repeated) throws IOException {
        TarReader reader = new TarReader(new Endless(repeated), LIMITS);
        while (reader.next().isPresent()) {
            reader.content().skip(1);
        }
    }

    private static final class Endless extends InputStream {
        private final byte[] repeated;
        private long position;

        private Endless(byte[] repeated) {
            this.repeated = repeated;
        }

        @Override
        public int read() {
            return repeated[(int) (position++ % repeated.length)] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            for (int i = 0; i < length; i++) {
                target[offset + i] = (byte) read();
            }
            return length;
        }
    }

    /** Whether it was read to its end. What was read can in any case be written, and is then the same. */
    private static boolean readsWithinLimits(byte[] archive, Random random) throws IOException {
        List<Item> items = new ArrayList<>();
        boolean whole = readsWithinLimits(archive, random, items);
        if (!items.isEmpty()) {
            assertThat(Archives.read(Archives.write(items)).equals(items)).isTrue();
        }
        return whole;
    }

    private static boolean readsWithinLimits(byte[] archive, Random random, List<Item> some) throws IOException {
        TarReader reader = new TarReader(new ByteArrayInputStream(archive), LIMITS);
        int entries = 0;
        long size = 0;
        try {
            for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
                TarEntry entry = next.orElseThrow();
                entries++;
                size += entry.size();
                assertThat(entries).isLessThanOrEqualTo((int) LIMITS.entries());
                assertThat(size).isLessThanOrEqualTo(LIMITS.contentSize());
                assertThat(entry.name().length()).isLessThanOrEqualTo(LIMITS.nameLength());
                assertThat(entry.xattrs().values().stream()
                                .mapToInt(ByteString::length)
                                .sum())
                        .isLessThanOrEqualTo(LIMITS.xattrSize());
                path(entry.name());
                if (random.nextInt(4) == 0) {
                    ByteString content = ByteString.of(reader.content().readAllBytes());
                    assertThat((long) content.length()).isEqualTo(entry.size());
                    some.add(new Item(entry, content));
                }
            }
            return true;
        } catch (TarException e) {
            assertThat(e.getMessage()).startsWith("tar entry ").hasSizeLessThan(400);
            return false;
        }
    }

    private static void path(ByteString name) {
        try {
            for (ByteString component : EntryPath.of(name).components()) {
                assertThat(component).isNotEqualTo(ByteString.of(".."));
                assertThat(component.length()).isBetween(1, EntryPath.MAXIMUM_COMPONENT);
            }
        } catch (TarException e) {
            assertThat(e.reason()).isIn(TarException.Reason.BAD_NAME, TarException.Reason.NAME_TOO_LONG);
        }
    }

    private static byte[] damaged(byte[] archive, Random random) {
        if (archive.length == 0) {
            return archive;
        }
        int block = random.nextInt((archive.length + 511) / 512) * 512;
        // Where sizes, types and names stand, or anywhere.
        int inBlock = random.nextBoolean() ? 100 + random.nextInt(60) : random.nextInt(512);
        int at = Math.min(archive.length - 1, block + inBlock);
        byte character = (byte) ALPHABET.charAt(random.nextInt(ALPHABET.length()));
        switch (random.nextInt(8)) {
            case 0 -> archive[at] ^= (byte) (1 << random.nextInt(8));
            case 1, 2, 3 -> archive[at] = character;
            case 4 -> Arrays.fill(archive, at, Math.min(archive.length, at + random.nextInt(12)), character);
            case 5 -> {
                int other = random.nextInt((archive.length + 511) / 512) * 512;
                int length = Math.min(512, archive.length - Math.max(block, other));
                System.arraycopy(archive.clone(), block, archive, other, length);
            }
            case 6 -> {
                return Arrays.copyOf(archive, random.nextInt(archive.length + 1));
            }
            default -> {
                return Archives.join(Arrays.copyOf(archive, block), Arrays.copyOfRange(archive, 0, block), archive);
            }
        }
        return archive;
    }

    /** Makes the checksums of all blocks right that look like headers, so that damage is not found at once. */
    private static void mend(byte[] archive) {
        for (int start = 0; start + 512 <= archive.length; start += 512) {
            boolean header = archive[start + 154] == 0 || archive[start + 155] == 0 || archive[start + 155] == ' ';
            if (!header || archive[start + 148] < '0' || archive[start + 148] > '7') {
                continue;
            }
            int sum = 8 * ' ';
            for (int i = 0; i < 512; i++) {
                sum += i >= 148 && i < 156 ? 0 : archive[start + i] & 0xFF;
            }
            for (int i = 6; i >= 0; i--, sum >>= 3) {
                archive[start + 148 + i] = (byte) ('0' + (sum & 7));
            }
            archive[start + 155] = 0;
        }
    }
}
