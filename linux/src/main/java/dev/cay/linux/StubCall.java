package dev.cay.linux;

import java.util.List;
import java.util.Optional;

/** A list that is on its way to a stub and back. Not thread-safe. */
final class StubCall implements AutoCloseable {
    private final StubConnection connection;
    private final int request;
    private final StubList list;
    private final Mailbox mailbox;
    private boolean over;

    private StubCall(StubConnection connection, int request, StubList list) {
        this.connection = connection;
        this.request = request;
        this.list = list;
        mailbox = connection.request(request, list::received);
    }

    /** Sends it. */
    static StubCall of(StubConnection connection, int request, StubList list) throws SyscallException {
        StubCall call = new StubCall(connection, request, list);
        try {
            call.send();
            return call;
        } catch (SyscallException | RuntimeException e) {
            call.mailbox.close();
            throw e;
        }
    }

    private void send() throws SyscallException {
        boolean passed = connection.passesDescriptors();
        byte[] bytes = passed ? list.bytes() : list.bytes(connection);
        connection.send(request, StubConnection.RUN, bytes, passed ? list.descriptors() : List.of());
    }

    /**
     * Waits for the answer; to be called once.
     *
     * @param deadline a value of {@link System#nanoTime}; whoever is late is cancelled
     * @throws SyscallException ETIMEDOUT if it is late
     */
    StubConnection.Frame await(long deadline) throws SyscallException {
        Optional<StubConnection.Frame> reply = connection.await(mailbox, deadline);
        if (reply.isEmpty()) {
            mailbox.abandon();
            connection.send(request, StubConnection.CANCEL, 0, new byte[0]);
            throw new SyscallException("stub", "the list stands still in the sandbox", Errno.ETIMEDOUT.number());
        }
        over = true;
        if (!connection.passesDescriptors()) {
            reply.get().descriptors().addAll(list.kept(reply.get().buffer(), connection));
        }
        return reply.get();
    }

    /** An answer that has not been waited for may still come: then it is dropped. */
    @Override
    public void close() {
        if (over) {
            mailbox.close();
        } else {
            mailbox.abandon();
        }
    }
}
