package dev.cay.linux;

import static dev.cay.linux.Poll.Interest.reading;
import static dev.cay.linux.Poll.Interest.writing;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class PollTest {
    private static final long MILLISECOND = 1_000_000;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void saysWhichDescriptorsAreReady(boolean virtual) throws Exception {
        on(virtual, () -> {
            try (Pipe silent = Pipe.reading();
                    Pipe talking = Pipe.reading();
                    Pipe room = Pipe.writing();
                    Pipe over = Pipe.reading()) {
                put(talking.theirs());
                over.theirs().close();
                assertThat(Poll.await(0, reading(silent.ours()), reading(talking.ours())))
                        .isEqualTo(0b10);
                assertThat(Poll.await(Poll.FOREVER, reading(silent.ours()), writing(room.ours())))
                        .isEqualTo(0b10);
                assertThat(Poll.await(Poll.FOREVER, reading(over.ours()), reading(silent.ours())))
                        .isEqualTo(0b01);
                Poll.readable(talking.ours());
            }
            return null;
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void endsWhenTheTimeIsOver(boolean virtual) throws Exception {
        on(virtual, () -> {
            try (Pipe silent = Pipe.reading()) {
                long begin = System.nanoTime();
                assertThat(Poll.await(20 * MILLISECOND, reading(silent.ours()))).isZero();
                assertThat(System.nanoTime() - begin).isBetween(20 * MILLISECOND, 5000 * MILLISECOND);
                assertThat(Poll.await(0, reading(silent.ours()))).isZero();
            }
            return null;
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRegularFileIsAlwaysReady(boolean virtual) throws Exception {
        on(virtual, () -> {
            try (HostKernel kernel = new HostKernel()) {
                Op open = FileOps.open("/proc/self/exe", FileOps.O_RDONLY);
                try (Fd file = kernel.run(OpList.of(open)).fd(open)) {
                    assertThat(Poll.await(Poll.FOREVER, reading(file))).isEqualTo(1);
                }
            }
            return null;
        });
    }

    @Test
    void anInterruptWaitsUntilTheWaitIsOver() throws Exception {
        try (Pipe pipe = Pipe.reading()) {
            FutureTask<Boolean> waiting = new FutureTask<>(() -> {
                Poll.readable(pipe.ours());
                return Thread.interrupted();
            });
            Thread thread = Thread.startVirtualThread(waiting);
            thread.interrupt();
            put(pipe.theirs());
            assertThat(waiting.get()).isTrue();
        }
    }

    /** More readers than any pool of platform threads would bear. */
    @Test
    void aThousandVirtualThreadsWaitAtOnce() throws Exception {
        List<Pipe> pipes = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        AtomicInteger woken = new AtomicInteger();
        try {
            for (int i = 0; i < 1000; i++) {
                Pipe pipe = Pipe.reading();
                pipes.add(pipe);
                threads.add(Thread.startVirtualThread(() -> {
                    Poll.readable(pipe.ours());
                    woken.incrementAndGet();
                }));
            }
            Thread.sleep(20);
            assertThat(woken).hasValue(0);
            for (Pipe pipe : pipes) {
                put(pipe.theirs());
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(woken).hasValue(1000);
        } finally {
            pipes.forEach(Pipe::close);
        }
    }

    @Test
    void severalWaitForTheSameDescriptor() throws Exception {
        try (Pipe pipe = Pipe.reading()) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                threads.add(Thread.startVirtualThread(() -> Poll.readable(pipe.ours())));
                threads.add(Thread.ofPlatform().start(() -> Poll.readable(pipe.ours())));
            }
            Thread.sleep(10);
            put(pipe.theirs());
            for (Thread thread : threads) {
                assertThat(thread.join(java.time.Duration.ofSeconds(10))).isTrue();
            }
        }
    }

    @Test
    void aWatchIsCalledOnceOrNotAtAll() throws Exception {
        try (Pipe pipe = Pipe.reading()) {
            AtomicInteger calls = new AtomicInteger();
            CountDownLatch called = new CountDownLatch(1);
            Poller.Watch cancelled = Poller.shared().watch(reading(pipe.ours()), calls::incrementAndGet);
            cancelled.close();
            Poller.Watch watch = Poller.shared().watch(reading(pipe.ours()), called::countDown);

            put(pipe.theirs());

            assertThat(called.await(10, TimeUnit.SECONDS)).isTrue();
            put(pipe.theirs());
            watch.close();
            assertThat(calls).hasValue(0);
        }
    }

    /** The thread that all share outlives it. */
    @Test
    void aWatchThatThrowsEndsNobodyElses() throws Exception {
        try (Pipe pipe = Pipe.reading()) {
            CountDownLatch called = new CountDownLatch(1);
            Poller.shared().watch(reading(pipe.ours()), () -> {
                called.countDown();
                throw new IllegalStateException("a test that a watch may fail");
            });
            put(pipe.theirs());
            called.await();
            CountDownLatch other = new CountDownLatch(1);
            Poller.shared().watch(reading(pipe.ours()), other::countDown);
            assertThat(other.await(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void waitingLeavesNoDescriptorBehind() throws Exception {
        try (Pipe pipe = Pipe.reading()) {
            Poll.await(0, reading(pipe.ours()));
            int before = descriptors();
            Thread thread = Thread.startVirtualThread(() -> {
                for (int i = 0; i < 50; i++) {
                    Poll.await(1, reading(pipe.ours()));
                }
            });
            thread.join();
            assertThat(descriptors()).isLessThanOrEqualTo(before + 1); // the poller itself, if this was the first
        }
    }

    private static int descriptors() {
        return new java.io.File("/proc/self/fd").list().length;
    }

    private static void put(Fd fd) throws SyscallException {
        Pipe.write(fd, ByteBuffer.allocateDirect(1));
    }

    private static void on(boolean virtual, Callable<Void> body) throws Exception {
        FutureTask<Void> task = new FutureTask<>(body);
        (virtual ? Thread.ofVirtual() : Thread.ofPlatform()).start(task);
        task.get();
    }
}
