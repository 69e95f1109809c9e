package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class KeptExecutionTest {
    private static final int NUMBER = 5;
    private static final int WINDOW = 256 * 1024;
    private static final long FOREVER = Long.MAX_VALUE;

    private StubConnection connection;
    private FakeStub stub;
    private KeptExecution execution;
    private ExecutorService threads;
    private Optional<FakeStub> second = Optional.empty();

    @BeforeEach
    void open() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        connection = new StubConnection(ends.getFirst());
        stub = new FakeStub(ends.getLast());
        execution = new KeptExecution(connection, NUMBER);
        threads = Executors.newCachedThreadPool();
    }

    @AfterEach
    void close() {
        connection.close();
        stub.close();
        threads.close();
    }

    private void tell(int kind, int flags, int... values) throws SyscallException {
        stub.send(NUMBER, kind, flags, FakeStub.integers(values));
    }

    private void assertNext(int kind, int flags, byte... payload) throws SyscallException {
        FakeStub.Frame frame = stub.next().orElseThrow();
        assertThat(List.of(frame.stream(), frame.kind(), frame.flags())).containsExactly(NUMBER, kind, flags);
        assertThat(frame.payload()).isEqualTo(payload);
    }

    @Test
    void nothingIsSentBeforeSomebodyReadsAndWhatIsReadIsGrantedAgain() throws SyscallException {
        execution.detach();
        stub.send(NUMBER, StubConnection.DATA, 2, new byte[] {7, 8, 9});

        assertThat(execution.error().read(FOREVER))
                .hasValueSatisfying(it -> assertThat(it).containsExactly(7, 8, 9));

        assertNext(StubConnection.DETACH, 0);
        assertNext(StubConnection.CREDIT, 2, FakeStub.integers(WINDOW));
        assertNext(StubConnection.CREDIT, 2, FakeStub.integers(3));
        stub.send(NUMBER, StubConnection.DATA, 2, new byte[] {1});
        assertThat(execution.error().read(FOREVER)).isPresent();
        assertNext(StubConnection.CREDIT, 2, FakeStub.integers(1));
    }

    @Test
    void theEndOfAStreamIsItsEndForEver() throws SyscallException {
        tell(StubConnection.END, 1, 0);

        assertThat(execution.output().read(FOREVER)).isEmpty();
        assertThat(execution.output().read(FOREVER)).isEmpty();
        assertThat(execution.error().read(System.nanoTime()))
                .hasValueSatisfying(it -> assertThat(it).isEmpty());
    }

    /** A reader looks whether it has ended while somebody waits for that: what a person types is answered at once. */
    @Test
    void whoeverOnlyLooksForTheEndIsNotHeldUpByWhoeverWaitsForIt() throws Exception {
        Future<Optional<KeptExecution.Ended>> waiting = threads.submit(() -> execution.await(FOREVER));
        for (int i = 0; i < 1000; i++) { // also when that has begun to wait
            Future<Optional<KeptExecution.Ended>> look = threads.submit(() -> execution.await(System.nanoTime()));
            assertThat(look.get(20, TimeUnit.SECONDS)).isEmpty();
        }
        tell(StubConnection.EXIT, 0, 1, 3, 0, 0);
        assertThat(waiting.get(20, TimeUnit.SECONDS).orElseThrow().status()).isEqualTo(new Child.Status(true, 3));
        assertThat(execution.await(System.nanoTime())).isPresent();
    }

    @Test
    void theInputWaitsForCreditAndGoesInPieces() throws Exception {
        byte[] text = "0123456789".getBytes(StandardCharsets.US_ASCII);
        Future<Boolean> writer = threads.submit(() -> execution.write(text, 1, 9));
        tell(StubConnection.CREDIT, 0, 4);
        assertNext(StubConnection.DATA, 0, "1234".getBytes(StandardCharsets.US_ASCII));
        tell(StubConnection.CREDIT, 0, 2);
        assertNext(StubConnection.DATA, 0, "56".getBytes(StandardCharsets.US_ASCII));
        tell(StubConnection.CREDIT, 0, 100);
        assertNext(StubConnection.DATA, 0, "789".getBytes(StandardCharsets.US_ASCII));
        assertThat(writer.get()).isTrue();

        assertThat(execution.write(new byte[97], 0, 97))
                .as("the rest of the credit")
                .isTrue();
        assertThat(stub.next().orElseThrow().payload()).hasSize(97);
    }

    @Test
    void aPieceIsNoLongerThanAFrame() throws SyscallException {
        tell(StubConnection.CREDIT, 0, -1); // unsigned: 4 GiB
        assertThat(execution.write(new byte[40_000], 0, 40_000)).isTrue();

        int total = 0;
        while (total < 40_000) {
            byte[] piece = stub.next().orElseThrow().payload();
            assertThat(piece.length).isLessThanOrEqualTo(StubConnection.MAXIMUM_PAYLOAD);
            total += piece.length;
        }
        assertThat(total).isEqualTo(40_000);
    }

    @Test
    void whenNobodyReadsTheInputAnyMoreItIsTold() throws SyscallException {
        tell(StubConnection.CREDIT, 0, 100);
        tell(StubConnection.END, 0, Errno.EPIPE.number());

        assertThat(execution.write(new byte[105], 0, 105)).isFalse();
        assertThat(execution.write(new byte[1], 0, 1)).isFalse();
        execution.endInput(); // there is nothing left to end
        execution.detach();
        for (FakeStub.Frame frame = stub.next().orElseThrow();
                frame.kind() != StubConnection.DETACH;
                frame = stub.next().orElseThrow()) {
            assertThat(frame.kind()).isEqualTo(StubConnection.DATA);
        }
    }

    @Test
    void theInputIsEndedOnce() throws SyscallException {
        execution.endInput();
        execution.endInput();
        execution.detach();

        assertNext(StubConnection.END, 0, FakeStub.integers(0));
        assertNext(StubConnection.DETACH, 0);
    }

    @Test
    void theExitIsToldToAllWhoAskAndAsOftenAsTheyDo() throws SyscallException {
        assertThat(execution.await(System.nanoTime())).isEmpty();
        int killed = 2;
        tell(StubConnection.EXIT, 0, killed, 15, 1, 0);

        for (int i = 0; i < 3; i++) {
            assertThat(execution.await(FOREVER))
                    .contains(new KeptExecution.Ended(new Child.Status(false, 15), true, Optional.empty()));
        }
        KeptExecution other = new KeptExecution(connection, NUMBER + 1);
        stub.send(NUMBER + 1, StubConnection.EXIT, 0, FakeStub.integers(1, 3, 0, 0));
        assertThat(other.await(FOREVER))
                .contains(new KeptExecution.Ended(new Child.Status(true, 3), false, Optional.empty()));
    }

    @Test
    void whoeverIsTakenOverIsToldWhereverHeWaits() throws Exception {
        List<Future<?>> waiting = List.of(
                threads.submit(() -> execution.output().read(FOREVER)),
                threads.submit(() -> execution.error().read(FOREVER)),
                threads.submit(() -> execution.write(new byte[1], 0, 1)),
                threads.submit(() -> execution.await(FOREVER)));
        tell(StubConnection.END, 3, Errno.EBUSY.number());

        for (Future<?> one : waiting) {
            assertThatThrownBy(one::get)
                    .hasRootCauseInstanceOf(SyscallException.class)
                    .hasMessageContaining("EBUSY");
        }
        assertThatThrownBy(() -> execution.await(FOREVER)).as("again").hasMessageContaining("EBUSY");
    }

    @Test
    void closingWakesWhoeverWaits() throws Exception {
        Future<?> reader = threads.submit(() -> execution.output().read(FOREVER));
        assertThat(stub.next().orElseThrow().kind()).as("it reads").isEqualTo(StubConnection.CREDIT);

        Future<?> pongs = threads.submit(() -> {
            for (Optional<FakeStub.Frame> ping = stub.next(); ping.isPresent(); ping = stub.next()) {
                stub.send(0, 3, 0, ping.get().payload()); // PONG
            }
            return null;
        });
        execution.close();

        assertThatThrownBy(reader::get).hasMessageContaining("ECANCELED");
        assertThat(pongs).isNotCancelled();
    }

    @Test
    void attachingTellsWhatWasBefore() throws Exception {
        Future<?> attaching = threads.submit(() -> {
            execution.attach();
            return null;
        });
        assertNext(StubConnection.ATTACH, 0);
        tell(StubConnection.ATTACHED, 0, 77, 0, 5, 1, 6, 0);
        attaching.get();

        assertThat(execution.output().before()).isEqualTo(5 + (1L << 32));
        assertThat(execution.error().before()).isEqualTo(6);
    }

    @Test
    void whatHasEndedCannotBeAttachedTo() throws Exception {
        try (Stub other = new Stub(secondConnection())) {
            Future<?> attaching = threads.submit(() -> other.attach(9));
            FakeStub.Frame frame = second.orElseThrow().next().orElseThrow();
            assertThat(frame.stream()).isEqualTo(9);
            second.orElseThrow().send(9, StubConnection.END, 3, FakeStub.integers(Errno.ESRCH.number()));
            assertThatThrownBy(attaching::get).hasRootCauseMessage("attach(execution 9): ESRCH");
        } finally {
            second.ifPresent(FakeStub::close);
        }
    }

    private Fd secondConnection() throws SyscallException {
        List<Fd> ends = UnixSocket.pair();
        second = Optional.of(new FakeStub(ends.getLast()));
        return ends.getFirst();
    }

    @Test
    void sizesAndSignalsAsAgreed() throws SyscallException {
        execution.resize(0x0102, 0x0304);
        execution.signal(15);

        assertNext(StubConnection.RESIZE, 0, (byte) 2, (byte) 1, (byte) 4, (byte) 3);
        assertNext(StubConnection.SIGNAL, 0, FakeStub.integers(15, 1));
    }
}
