package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** A session whose other end breaks the protocol. */
class StubGarbageTest extends ConnectionLab {
    private void assertBreaks(Mailbox waiter) {
        assertThatThrownBy(() -> connection.await(waiter, FOREVER))
                .hasMessage("stub(the first process breaks the protocol): EPROTO");
        assertThat(connection.isBroken()).isTrue();
    }

    @Test
    void aFrameOfAnImpossibleLengthBreaksTheConnection() throws SyscallException {
        stub.sendRaw(new byte[] {1, 0, 0, 0, RESULT, 0, -1, -1});
        assertBreaks(request(1, 0));
    }

    @Test
    void anAnswerThatNobodyAskedForBreaksTheConnection() throws SyscallException {
        stub.send(2, RESULT, 0, new byte[8]);
        assertBreaks(request(1, 0));
    }

    @Test
    void anAnswerWhoseDescriptorsAreMissingBreaksTheConnection() throws SyscallException {
        stub.send(1, RESULT, 0, new byte[8]);
        assertBreaks(request(1, 1));
    }

    @Test
    void dataWithoutCreditIsNotKeptWithoutEnd() throws Exception {
        Mailbox mailbox = connection.execution(1, 1);
        Mailbox other = request(1, 0);
        Future<?> sender = threads.submit(() -> {
            for (int i = 0; i < 64; i++) {
                stub.send(1, StubConnection.DATA, 1, new byte[32 * 1024]);
            }
            return null;
        });
        assertBreaks(other);
        connection.close();
        sender.get();
        assertThat(mailbox.hasFrames()).isTrue();
    }

    @Test
    void descriptorsWithoutAnAnswerAreNotKeptWithoutEnd() throws Exception {
        Future<?> sender = threads.submit(() -> {
            try (Pipe pipe = Pipe.reading()) {
                for (int i = 0; i < 300; i++) {
                    stub.sendRaw(FakeStub.frame(9, 3, 0, new byte[0]), pipe.theirs());
                }
            }
            return null;
        });
        assertBreaks(request(1, 0));
        connection.close();
        sender.get();
    }

    /** An answer and what breaks the protocol come together, so whoever asked is told of the latter and never takes the former. */
    @Test
    void whatNobodyTakesBeforeABreakIsClosedWithTheConnection() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            ByteArrayOutputStream both = new ByteArrayOutputStream();
            both.writeBytes(FakeStub.frame(1, RESULT, 0, new byte[8]));
            both.writeBytes(FakeStub.frame(2, RESULT, 0, new byte[8]));
            Mailbox answered = request(1, 1);
            stub.sendRaw(both.toByteArray(), pipe.theirs());
            pipe.theirs().close();
            assertBreaks(answered);
            assertThat(answered.hasFrames()).isTrue();

            connection.close();

            assertThat(Pipe.read(pipe.ours(), ByteBuffer.allocate(1))).isEqualTo(Pipe.END);
        }
    }

    /** So does one that nobody has taken when he who asked goes. */
    @Test
    void whatNobodyTakesIsClosedWithItsMailbox() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            Mailbox untaken = request(1, 1);
            Mailbox other = request(2, 0);
            stub.send(1, RESULT, 0, new byte[8], pipe.theirs());
            pipe.theirs().close();
            stub.send(2, RESULT, 0, new byte[8]);
            assertThat(connection.await(other, FOREVER)).isPresent();

            untaken.close();

            assertThat(Pipe.read(pipe.ours(), ByteBuffer.allocate(1))).isEqualTo(Pipe.END);
        }
    }

    /** Valid frames, some of which are bent: whatever comes, it is an answer or a failure that is told. */
    @Test
    void garbageIsNoWorseThanAnEnd() throws IOException {
        long seed = Long.getLong("cay.seed", new Random().nextLong());
        Random random = new Random(seed);
        int before = descriptors();
        for (int round = 0; round < 300; round++) {
            List<Fd> ends = UnixSocket.pair();
            try (StubConnection fuzzed = new StubConnection(ends.getFirst());
                    Pipe pipe = Pipe.reading()) {
                StubList list = StubList.of(
                        OpList.of(FileOps.open("/", 0)), StubList.Mode.CHILD, new Birth(0, Optional.empty()));
                List<Mailbox> mailboxes = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    mailboxes.add(fuzzed.request(i, list::received));
                    mailboxes.add(fuzzed.execution(1, i));
                }
                try (FakeStub fake = new FakeStub(ends.getLast())) {
                    for (int i = 0; i < 6; i++) {
                        byte[] bytes = bent(random);
                        boolean sends = random.nextInt(4) == 0;
                        fake.sendRaw(bytes, sends ? new Fd[] {pipe.theirs()} : new Fd[0]);
                    }
                }
                for (Mailbox mailbox : mailboxes) {
                    drain(fuzzed, mailbox, seed);
                }
            }
        }
        assertThat(descriptors()).as("-Dcay.seed=%d", seed).isEqualTo(before);
    }

    private static byte[] bent(Random random) {
        int kind = 1 + random.nextInt(17);
        int length = List.of(0, 4, 8, 16, 24, random.nextInt(300)).get(random.nextInt(6));
        byte[] payload = new byte[length];
        if (random.nextBoolean()) {
            random.nextBytes(payload);
        }
        if (kind == RESULT && length >= 4) {
            System.arraycopy(FakeStub.integers(random.nextInt(5) - 3), 0, payload, 0, 4);
        }
        byte[] frame = FakeStub.frame(random.nextInt(3), kind, random.nextInt(5), payload);
        for (int i = random.nextInt(3) - 1; i > 0; i--) {
            frame[random.nextInt(frame.length)] = (byte) random.nextInt();
        }
        return random.nextInt(8) == 0 ? Arrays.copyOf(frame, random.nextInt(frame.length) + 1) : frame;
    }

    private static void drain(StubConnection connection, Mailbox mailbox, long seed) {
        try {
            while (true) {
                connection.await(mailbox, FOREVER).orElseThrow().descriptors().forEach(Fd::close);
            }
        } catch (SyscallException e) {
            assertThat(e.errno()).as("-Dcay.seed=%d", seed).isIn(Errno.EPIPE.number(), Errno.EPROTO.number());
        }
    }

    private static int descriptors() {
        return new File("/proc/self/fd").list().length;
    }
}
