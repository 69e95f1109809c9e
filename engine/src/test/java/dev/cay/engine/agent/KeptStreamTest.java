package dev.cay.engine.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.Seeded;
import java.io.IOException;
import java.io.InputStream;
import java.util.Random;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

/** What a command wrote is read once and in order, by whoever's turn it is, or is known to be lost. */
final class KeptStreamTest {
    private static final int CAPACITY = 1000;

    /** A command that writes as much as it is told to; each byte tells where it stands. */
    private static final class Command extends InputStream {
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private long written;
        private long allowed;
        private boolean ended;

        void allow(long more, boolean end) {
            lock.lock();
            try {
                allowed += more;
                ended = end;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        @Override
        public int read() {
            throw new UnsupportedOperationException("nobody reads single bytes");
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            lock.lock();
            try {
                while (written == allowed && !ended) {
                    changed.awaitUninterruptibly();
                }
                int count = (int) Math.min(length, allowed - written);
                for (int i = 0; i < count; i++) {
                    target[offset + i] = at(written + i);
                }
                written += count;
                return count == 0 ? -1 : count;
            } finally {
                lock.unlock();
            }
        }
    }

    private static byte at(long position) {
        return (byte) (position * 31 + position / 256);
    }

    private static void awaitTotal(KeptStream stream, long total) {
        while (stream.total() < total) {
            Thread.onSpinWait();
        }
    }

    private static long readSome(KeptStream.Reader reader, long from, Random random) throws IOException {
        byte[] bytes = new byte[1 + random.nextInt(2 * CAPACITY)];
        int count = reader.read(bytes, 0, bytes.length);
        for (int i = 0; i < count; i++) {
            assertThat(bytes[i]).isEqualTo(at(from + i));
        }
        return from + count;
    }

    @Test
    void nothingIsLostWhileSomebodyReadsAndTheNewestIsKeptWhileNobodyDoes() {
        Seeded.run(random -> {
            for (int run = 0; run < 20; run++) {
                Command command = new Command();
                KeptStream stream = new KeptStream(CAPACITY);
                Thread filler = Thread.ofVirtual().start(() -> stream.fill(command));
                long allowed = 0;
                KeptStream.Reader reader = stream.read(0);
                long position = 0;
                for (int step = 0; step < 200; step++) {
                    switch (random.nextInt(4)) {
                        case 0 -> {
                            int more = random.nextInt(3 * CAPACITY);
                            command.allow(more, false);
                            allowed += more;
                        }
                        case 1 -> {
                            reader.close();
                            awaitTotal(stream, allowed);
                            long from = random.nextLong(allowed + 1);
                            reader = stream.read(from);
                            position = reader.start();
                            assertThat(position).isEqualTo(Math.max(from, allowed - CAPACITY));
                        }
                        default -> {
                            if (position < allowed) {
                                position = readSome(reader, position, random);
                            }
                        }
                    }
                }
                command.allow(0, true);
                while (position < allowed) {
                    position = readSome(reader, position, random);
                }
                assertThat(reader.read()).isEqualTo(-1);
                filler.join();
            }
        });
    }

    @Test
    void whoseTurnIsOverReadsNoMore() throws IOException {
        Command command = new Command();
        KeptStream stream = new KeptStream(CAPACITY);
        Thread.ofVirtual().start(() -> stream.fill(command));
        KeptStream.Reader first = stream.read(0);
        command.allow(10, true);
        assertThat(first.read()).isEqualTo(at(0));
        KeptStream.Reader second = stream.read(1);
        assertThatThrownBy(first::read).isInstanceOf(IOException.class);
        first.close(); // which is not the second's end
        assertThat(second.readAllBytes()).hasSize(9);
        second.close();
        assertThatThrownBy(second::read).isInstanceOf(IOException.class);
        assertThat(stream.read(10).read()).isEqualTo(-1);
    }
}
