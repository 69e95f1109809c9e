package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A session whose other end says what it should. */
class StubConnectionTest extends ConnectionLab {
    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aListOfAnyLengthIsCutIntoFrames() throws Exception {
        for (int length : List.of(0, 1, 32 * 1024 - 8, 32 * 1024 - 7, 300_001)) {
            byte[] list = random(length);
            Future<?> sender = threads.submit(() -> {
                connection.send(7, RUN, list, List.of());
                return null;
            });
            FakeStub.Frame whole = stub.nextList().orElseThrow();
            sender.get();

            assertThat(whole.stream()).isEqualTo(7);
            assertThat(whole.payload()).isEqualTo(list);
        }
    }

    @Test
    void anAnswerInPiecesIsPutTogether() throws Exception {
        byte[] answer = random(70_000);
        Mailbox mailbox = request(3, 0);
        Future<?> sender = threads.submit(() -> {
            for (int at = 0; at < answer.length; at += 20_000) {
                int end = Math.min(answer.length, at + 20_000);
                byte[] frame =
                        FakeStub.frame(3, RESULT, end < answer.length ? MORE : 0, Arrays.copyOfRange(answer, at, end));
                stub.sendRaw(Arrays.copyOf(frame, 5));
                stub.sendRaw(Arrays.copyOfRange(frame, 5, 9));
                stub.sendRaw(Arrays.copyOfRange(frame, 9, frame.length));
            }
            return null;
        });

        assertThat(connection.await(mailbox, FOREVER).orElseThrow().payload()).isEqualTo(answer);
        sender.get();
    }

    @Test
    void whoAsksGetsHisAnswerWhateverTheirOrder() throws Exception {
        int askers = 8;
        List<Future<byte[]>> answers = new ArrayList<>();
        for (int i = 1; i <= askers; i++) {
            int number = i;
            answers.add(threads.submit(() -> {
                try (Mailbox mailbox = request(number, 0)) {
                    connection.send(number, RUN, new byte[] {(byte) number}, List.of());
                    return connection.await(mailbox, FOREVER).orElseThrow().payload();
                }
            }));
        }
        List<FakeStub.Frame> asked = new ArrayList<>();
        for (int i = 0; i < askers; i++) {
            asked.add(stub.nextList().orElseThrow());
        }
        Collections.reverse(asked);
        for (FakeStub.Frame one : asked) {
            stub.send(one.stream(), RESULT, MORE, one.payload());
        }
        Collections.shuffle(asked, new Random(5));
        for (FakeStub.Frame one : asked) {
            stub.send(one.stream(), RESULT, 0, one.payload());
        }
        for (int i = 0; i < askers; i++) {
            assertThat(answers.get(i).get()).containsExactly(i + 1, i + 1);
        }
    }

    @Test
    void descriptorsGoToTheAnswerTheyCameWith() throws IOException {
        Mailbox two = request(1, 2);
        Mailbox none = request(2, 0);
        Mailbox one = request(3, 1);
        try (Pipe a = Pipe.reading();
                Pipe b = Pipe.reading();
                Pipe c = Pipe.reading()) {
            stub.send(1, RESULT, MORE, new byte[1], a.ours(), b.ours());
            stub.send(1, RESULT, 0, new byte[1]);
            stub.send(2, RESULT, 0, new byte[1]);
            stub.send(3, RESULT, 0, new byte[1], c.ours());

            List<Fd> third = connection.await(one, FOREVER).orElseThrow().descriptors();
            List<Fd> second = connection.await(none, FOREVER).orElseThrow().descriptors();
            List<Fd> first = connection.await(two, FOREVER).orElseThrow().descriptors();

            assertThat(first).extracting(StubConnectionTest::link).containsExactly(link(a.ours()), link(b.ours()));
            assertThat(second).isEmpty();
            assertThat(third).extracting(StubConnectionTest::link).containsExactly(link(c.ours()));
            first.forEach(Fd::close);
            third.forEach(Fd::close);
        }
    }

    private static String link(Fd fd) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd.number()))
                    .toString();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What nobody waits for any more takes nothing from the others, and its descriptors go. */
    @Test
    void anAnswerThatIsLateIsDropped() throws IOException {
        Mailbox late = request(1, 1);
        assertThat(connection.await(late, System.nanoTime())).isEmpty();
        late.abandon();
        late.close();
        Mailbox next = request(2, 1);
        try (Pipe a = Pipe.reading();
                Pipe b = Pipe.writing()) {
            stub.send(1, RESULT, 0, new byte[1], a.theirs());
            a.theirs().close();
            stub.send(2, RESULT, 0, new byte[1], b.ours());

            connection.await(next, FOREVER).orElseThrow().descriptors().forEach(Fd::close);
            assertThat(Pipe.read(a.ours(), ByteBuffer.allocate(1))).isEqualTo(Pipe.END);
        }
        assertThatThrownBy(() -> {
                    stub.send(1, RESULT, 0, new byte[1]); // there is no such request any more
                    connection.await(request(3, 0), FOREVER);
                })
                .isInstanceOf(SyscallException.class)
                .hasMessageContaining("protocol");
    }

    /** Whoever reads may be one of those who are served with it, and so may be the one whom it wakes to go on reading. */
    @Test
    void whoeverLeavesHasSomebodyElseRead() throws Exception {
        Random random = new Random(11);
        try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int round = 0; round < 150; round++) {
                List<Future<?>> waiting = new ArrayList<>();
                List<Integer> numbers = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    int number = 100 * round + i + 1;
                    numbers.add(number);
                    waiting.add((i % 2 == 0 ? threads : virtual).submit(() -> {
                        try (Mailbox mailbox = request(number, 0)) {
                            connection.send(number, RUN, new byte[1], List.of());
                            return connection.await(mailbox, FOREVER).orElseThrow();
                        }
                    }));
                }
                for (int i = 0; i < numbers.size(); i++) {
                    assertThat(stub.nextList()).isPresent();
                }
                Collections.shuffle(numbers, random);
                int served = 1 + random.nextInt(numbers.size() - 1);
                stub.sendRaw(answers(numbers.subList(0, served)));
                for (int number : numbers.subList(0, served)) {
                    waiting.get(number - 100 * round - 1).get();
                }
                stub.sendRaw(answers(numbers.subList(served, numbers.size())));
                for (Future<?> one : waiting) {
                    one.get();
                }
            }
        }
    }

    private static byte[] answers(List<Integer> numbers) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        numbers.forEach(number -> all.writeBytes(FakeStub.frame(number, RESULT, 0, new byte[8])));
        return all.toByteArray();
    }

    @Test
    void manyThreadsOfBothKindsAskAtOnce() throws Exception {
        Future<?> echo = threads.submit(() -> {
            for (Optional<FakeStub.Frame> one = stub.nextList(); one.isPresent(); one = stub.nextList()) {
                stub.send(one.get().stream(), RESULT, 0, one.get().payload());
            }
            return null;
        });
        List<Future<Boolean>> all = new ArrayList<>();
        try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 24; i++) {
                int base = i * 1000 + 1;
                all.add((i % 2 == 0 ? threads : virtual).submit(() -> {
                    boolean right = true;
                    for (int number = base; number < base + 50; number++) {
                        try (Mailbox mailbox = request(number, 0)) {
                            byte[] payload = FakeStub.integers(number);
                            connection.send(number, RUN, payload, List.of());
                            right &= Arrays.equals(
                                    payload,
                                    connection
                                            .await(mailbox, FOREVER)
                                            .orElseThrow()
                                            .payload());
                        }
                    }
                    return right;
                }));
            }
        }
        for (Future<Boolean> one : all) {
            assertThat(one.get()).isTrue();
        }
        connection.close();
        echo.get();
    }

    @Test
    void aWriterThatHasToWaitTakesWhatComesMeanwhile() throws Exception {
        byte[] answer = random(3_000_000);
        Mailbox mailbox = request(1, 0);
        Future<?> sender = threads.submit(() -> {
            connection.send(2, RUN, random(3_000_000), List.of());
            return null;
        });
        for (int at = 0; at < answer.length; at += 30_000) { // before it reads anything
            stub.send(1, RESULT, at + 30_000 < answer.length ? MORE : 0, Arrays.copyOfRange(answer, at, at + 30_000));
        }
        assertThat(stub.nextList().orElseThrow().payload()).hasSize(3_000_000);
        sender.get();
        assertThat(connection.await(mailbox, FOREVER).orElseThrow().payload()).isEqualTo(answer);
    }

    @Test
    void aDeadlineThatPassesIsNoAnswer() throws Exception {
        Mailbox one = request(1, 0);
        Mailbox other = request(2, 0);
        Future<Optional<StubConnection.Frame>> follower =
                threads.submit(() -> connection.await(other, System.nanoTime() + 20_000_000));

        assertThat(connection.await(one, System.nanoTime() + 20_000_000)).isEmpty();
        assertThat(follower.get()).isEmpty();
        assertThat(connection.await(one, System.nanoTime() - 1)).isEmpty();
        stub.send(1, RESULT, 0, new byte[8]);
        assertThat(connection.await(one, FOREVER)).isPresent();
    }

    private List<Future<?>> waiters(ExecutorService virtual) {
        List<Future<?>> waiters = new ArrayList<>();
        for (int i = 1; i <= 6; i++) {
            Mailbox mailbox = request(i, 0);
            waiters.add((i % 2 == 0 ? threads : virtual).submit(() -> connection.await(mailbox, FOREVER)));
        }
        return waiters;
    }

    /** A guest that hangs while a file goes there reads nothing any more: whoever asks it with a deadline is to learn that. */
    @Test
    void aDeadlineHoldsAlsoWhereNobodyReads() throws Exception {
        Future<?> writer = threads.submit(() -> {
            connection.send(7, RUN, random(16 << 20), List.of());
            return null;
        });
        for (int i = 0; i < 2; i++) { // there may be room for one for as long as the writer has not begun
            Future<Boolean> asked = threads.submit(() -> connection.synchronize(System.nanoTime() + 200_000_000));
            assertThat(asked.get(30, TimeUnit.SECONDS)).isFalse();
        }
        assertThat(writer.isDone()).isFalse();
        connection.close();
        assertThatThrownBy(() -> writer.get(30, TimeUnit.SECONDS)).hasCauseInstanceOf(SyscallException.class);
    }

    @Test
    void closingWakesWhoeverWaits() throws Exception {
        try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> waiters = waiters(virtual);

            connection.close();

            for (Future<?> one : waiters) {
                assertThatThrownBy(one::get).hasRootCauseMessage("stub(the first process has ended): EPIPE");
            }
        }
        connection.close();
        assertThat(connection.isBroken()).isTrue();
        assertThatThrownBy(() -> connection.send(1, RUN, new byte[1], List.of()))
                .hasMessageContaining("EPIPE");
    }

    @Test
    void theEndOfThePeerWakesWhoeverWaits() throws Exception {
        try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<?>> waiters = waiters(virtual);

            stub.close();

            for (Future<?> one : waiters) {
                assertThatThrownBy(one::get).hasRootCauseMessage("stub(the first process has ended): EPIPE");
            }
        }
    }

    @Test
    void whatCameBeforeTheEndIsStillThere() throws SyscallException {
        Mailbox mailbox = request(1, 0);
        stub.send(1, RESULT, 0, new byte[8]);
        stub.close();

        assertThat(connection.await(mailbox, FOREVER)).isPresent();
        assertThatThrownBy(() -> connection.await(mailbox, FOREVER)).hasMessageContaining("EPIPE");
    }

    @Test
    void anInterruptIsKeptAndChangesNothing() throws SyscallException {
        Mailbox mailbox = request(1, 0);
        Thread.currentThread().interrupt();
        stub.send(1, RESULT, 0, new byte[8]);

        assertThat(connection.await(mailbox, FOREVER)).isPresent();
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void whoeverHadAnExecutionBeforeLearnsThatAnotherHasIt() throws Exception {
        Mailbox former = connection.execution(5, 1);
        Future<Optional<StubConnection.Frame>> waiting = threads.submit(() -> connection.await(former, FOREVER));
        Mailbox latter = connection.execution(5, 1);
        stub.send(5, StubConnection.DATA, 1, new byte[] {1});

        assertThat(connection.await(latter, FOREVER).orElseThrow().payload()).containsExactly(1);
        StubConnection.Frame end = waiting.get().orElseThrow();
        assertThat(end.kind()).isEqualTo(StubConnection.END);
        assertThat(end.buffer().getInt(0)).isEqualTo(Errno.EBUSY.number());
    }

    /** What the stub has sent before it knew that another one attaches, on the same connection, is not for that. */
    @Test
    void whatIsOnItsWayToWhoWasAttachedIsNotForWhoAttaches() throws Exception {
        KeptExecution latter = new KeptExecution(connection, 5);
        Future<?> attaching = threads.submit(() -> {
            latter.attach();
            return null;
        });
        byte[] busy = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(Errno.EBUSY.number())
                .array();
        stub.send(5, StubConnection.DATA, 1, new byte[] {1});
        stub.send(5, StubConnection.CREDIT, 0, new byte[] {1, 0, 0, 0});
        stub.send(5, StubConnection.END, StubConnection.EXECUTION, busy);
        ByteBuffer attached = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        stub.send(5, StubConnection.ATTACHED, 0, attached.putLong(8, 1).array());
        stub.send(5, StubConnection.DATA, 1, new byte[] {2});
        attaching.get();

        assertThat(latter.output().before()).isEqualTo(1);
        assertThat(latter.output().read(FOREVER).orElseThrow()).containsExactly(2);
    }
}
