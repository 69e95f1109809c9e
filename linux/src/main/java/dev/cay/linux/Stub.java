package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The first process of a sandbox, taken as a kernel: lists run in the sandbox's namespaces, as its first process or in children of
 * it. Thread-safe. See the module {@code guest} for the program and what it promises.
 *
 * <p>Descriptors that a list opens are handed over to this process; those it names go the other way.
 */
public final class Stub implements Kernel, AutoCloseable {
    private static final Birth PLAIN = new Birth(0, Optional.empty());

    private final StubConnection connection;
    private final AtomicInteger requests = new AtomicInteger();

    /** @param socket a connection to it; this object's from now on */
    public Stub(Fd socket) {
        connection = new StubConnection(socket);
    }

    /** The program, sealed, to be given to {@link Processes#execve(Fd, List, List)}. */
    public static Fd program(Kernel kernel, byte[] image) throws SyscallException {
        return Program.sealed(kernel, "cay-init", image);
    }

    /**
     * Runs a list in a child of the first process, which shares its descriptors and nothing else: whatever the list changes about
     * itself ends with it.
     */
    @Override
    public Results run(OpList list) throws SyscallException {
        return run(list, StubList.Mode.CHILD);
    }

    /** Runs a list in the first process itself: what it changes there stays. */
    public Results runInside(OpList list) throws SyscallException {
        return run(list, StubList.Mode.INLINE);
    }

    private Results run(OpList list, StubList.Mode mode) throws SyscallException {
        StubList encoded = StubList.of(list, mode, PLAIN);
        StubConnection.Frame reply = call(encoded);
        try {
            check(list, reply);
        } catch (SyscallException e) {
            undo(encoded, reply);
            throw e;
        }
        return encoded.results(reply.buffer(), reply.descriptors());
    }

    private void undo(StubList encoded, StubConnection.Frame reply) throws SyscallException {
        List<Op> closes = reply.buffer().getInt(0) == StubList.REFUSED ? List.of() : encoded.undo(reply.buffer());
        if (!closes.isEmpty()) {
            call(StubList.of(OpList.of(closes.toArray(Op[]::new)), StubList.Mode.INLINE, PLAIN));
        }
    }

    @Override
    public Child spawn(OpList list, Birth birth) throws SyscallException {
        return spawn(list, StubList.of(list, StubList.Mode.EXECUTION, birth));
    }

    private Child spawn(OpList list, StubList encoded) throws SyscallException {
        StubConnection.Frame reply = call(encoded);
        check(list, reply);
        return Child.ofStub(reply.descriptors().getFirst());
    }

    /**
     * Starts an execution whose streams the stub keeps, and attaches to it.
     *
     * @throws SyscallException of the operation that failed
     */
    public KeptExecution start(OpList list, Birth birth, KeptExecution.Plan plan) throws SyscallException {
        KeptExecution execution = new KeptExecution(connection, plan.number());
        try {
            spawn(list, StubList.of(list, StubList.Mode.EXECUTION, birth).keep(plan))
                    .close();
            return execution;
        } catch (SyscallException | RuntimeException e) {
            execution.close();
            throw e;
        }
    }

    /**
     * Attaches to an execution that is there.
     *
     * @throws SyscallException ESRCH if it has ended, and nothing of its output is on its way any more
     */
    public KeptExecution attach(int number) throws SyscallException {
        KeptExecution execution = new KeptExecution(connection, number);
        try {
            execution.attach();
            return execution;
        } catch (SyscallException | RuntimeException e) {
            execution.close();
            throw e;
        }
    }

    /** Sends a signal to the process group of an execution that it keeps, if that runs. */
    public void signal(int number, int signal) throws SyscallException {
        KeptExecution.signal(connection, number, signal);
    }

    /**
     * Says when it ends; both from now on.
     *
     * @param milliseconds until it ends in any case; 0 for never
     * @param idleMilliseconds without connection and execution until it ends; 0 for never
     * @param execution with whose end it ends; 0 for none
     */
    public void endAfter(long milliseconds, long idleMilliseconds, int execution) throws SyscallException {
        ByteBuffer payload = ByteBuffer.allocate(3 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        payload.putLong(milliseconds).putLong(idleMilliseconds).putInt(execution);
        connection.send(0, StubConnection.LIFETIME, 0, payload.array());
    }

    /** Hands over a descriptor, one end of a pair of unix sockets, as a further connection; the caller's is closed by him. */
    public void connect(Fd socket) throws SyscallException {
        connection.send(0, StubConnection.CONNECT, new byte[0], List.of(socket));
    }

    /** Hands over a listening socket, from which it takes further connections from now on; the caller's is closed by him. */
    public void listen(Fd socket) throws SyscallException {
        connection.send(0, StubConnection.LISTEN, new byte[0], List.of(socket));
    }

    /** Whether the connection, and so most likely the stub, has come to its end. */
    public boolean isGone() {
        return connection.isBroken();
    }

    private StubConnection.Frame call(StubList encoded) throws SyscallException {
        int request = requests.incrementAndGet();
        try (StubConnection.Mailbox mailbox = connection.request(request, encoded::received)) {
            connection.send(request, StubConnection.RUN, encoded.bytes(), encoded.descriptors());
            return connection.await(mailbox, StubConnection.FOREVER).orElseThrow(connection::gone);
        }
    }

    private static void check(OpList list, StubConnection.Frame reply) throws SyscallException {
        ByteBuffer buffer = reply.buffer();
        int failed = buffer.getInt(0);
        if (failed == StubList.REFUSED) {
            throw new SyscallException("stub", "the list was refused", buffer.getInt(4));
        }
        if (failed >= 0) {
            reply.descriptors().forEach(Fd::close);
            if (failed >= list.size()) {
                throw new SyscallException("execve", "the list ended without it", buffer.getInt(4));
            }
            Op operation = list.operations().get(failed);
            throw new SyscallException(operation.call().text(), operation.operands(), buffer.getInt(4), failed);
        }
    }

    /** Ends the connection. A stub that is attached to it ends. */
    @Override
    public void close() {
        connection.close();
    }
}
