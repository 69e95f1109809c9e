package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The first process of a sandbox, taken as a kernel: lists run in the sandbox's namespaces, as its first process or in children of
 * it. Thread-safe. See the module {@code guest} for the program and what it promises.
 *
 * <p>Descriptors that a list opens are handed over to this process; those it names go the other way. The stub of a machine keeps
 * them instead, for this session: then a list can name no others but those.
 */
public final class Stub implements Kernel, AutoCloseable {
    private static final Birth PLAIN = new Birth(0, Optional.empty());

    private final StubConnection connection;
    private final AtomicInteger requests = new AtomicInteger();

    /** @param socket a connection to it; this object's from now on */
    public Stub(Fd socket) {
        this(new StubConnection(socket));
    }

    private Stub(StubConnection connection) {
        this.connection = connection;
    }

    /**
     * Begins a session with the stub of a machine, and ends the one before: what that had opened is closed, what had not begun is
     * forgotten, executions go on.
     *
     * @param socket the host's end of the machine's channel; the session's from now on, closed if there will be none
     * @param deadline a value of {@link System#nanoTime}
     * @throws SyscallException ETIMEDOUT if there is no answer in time, EPIPE if the channel has ended
     */
    public static Stub ofMachine(Fd socket, long deadline) throws SyscallException {
        return ofMachine(socket, deadline, false);
    }

    /**
     * The same.
     *
     * @param onlooker whether this session puts off no end for want of something to do
     */
    public static Stub ofMachine(Fd socket, long deadline, boolean onlooker) throws SyscallException {
        try {
            return new Stub(new StubConnection(socket, Greeting.exchange(socket, deadline, onlooker)));
        } catch (SyscallException | RuntimeException e) {
            socket.close();
            throw e;
        }
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
        return run(list, StubList.Mode.CHILD, StubConnection.FOREVER);
    }

    /**
     * The same, but not waited for without end: in a sandbox a child can be stopped by others, and a file system can be one that does
     * not answer. What is late is cancelled: it is killed, and its end not waited for.
     *
     * @throws SyscallException ETIMEDOUT if it takes longer
     */
    public Results run(OpList list, Duration limit) throws SyscallException {
        return run(list, StubList.Mode.CHILD, System.nanoTime() + limit.toNanos());
    }

    /** Runs a list in the first process itself: what it changes there stays. */
    public Results runInside(OpList list) throws SyscallException {
        return run(list, StubList.Mode.INLINE, StubConnection.FOREVER);
    }

    /**
     * Runs a list in the first process itself that ends in an execve: then that is another program, and what ends it is to be seen by
     * its owner. This object is of no use afterwards; nor is the first process, if the list fails on its way.
     *
     * @throws SyscallException of the operation that failed
     */
    public void become(OpList list) throws SyscallException {
        List<Fd> line = UnixSocket.pair();
        // The list puts the program's own streams where this connection is: what fails is told on another.
        try (Stub second = new Stub(line.getFirst())) {
            try (Fd theirs = line.getLast()) {
                connect(theirs);
            }
            try {
                second.runInside(list);
            } catch (SyscallException e) {
                if (!second.isGone()) { // else there is no stub any more that could tell of anything
                    throw e;
                }
            }
        }
    }

    /** {@inheritDoc} It runs in a child, as with {@link #run(OpList)}. */
    @Override
    public Begun begin(OpList list) throws SyscallException {
        StubList encoded = encode(list, StubList.Mode.CHILD, PLAIN);
        StubCall call = StubCall.of(connection, requests.incrementAndGet(), encoded);
        return new Begun() {
            @Override
            public Results results() throws SyscallException {
                return Stub.this.results(list, encoded, call.await(StubConnection.FOREVER));
            }

            @Override
            public void close() {
                call.close();
            }
        };
    }

    private Results run(OpList list, StubList.Mode mode, long deadline) throws SyscallException {
        StubList encoded = encode(list, mode, PLAIN);
        return results(list, encoded, call(encoded, deadline));
    }

    private Results results(OpList list, StubList encoded, StubConnection.Frame reply) throws SyscallException {
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
            call(encode(OpList.of(closes.toArray(Op[]::new)), StubList.Mode.INLINE, PLAIN));
        }
    }

    private StubList encode(OpList list, StubList.Mode mode, Birth birth) throws SyscallException {
        return StubList.of(list, mode, birth, !connection.passesDescriptors());
    }

    /**
     * {@inheritDoc}
     *
     * @throws UnsupportedOperationException if it is the stub of a machine: what runs there cannot be waited for by a descriptor of
     *     this process, see {@link #start}
     */
    @Override
    public Child spawn(OpList list, Birth birth) throws SyscallException {
        if (!connection.passesDescriptors()) {
            throw new UnsupportedOperationException("executions of a machine are kept");
        }
        return Child.ofStub(spawn(list, encode(list, StubList.Mode.EXECUTION, birth)));
    }

    /**
     * A process whose streams are its caller's.
     *
     * @param told how it ended, and what it has used then; to be closed
     */
    public record Told(Child child, KeptExecution told) {}

    /**
     * Makes a process of whose end more is told than its descriptor knows.
     *
     * @param number unique in its sandbox
     */
    public Told spawn(OpList list, Birth birth, int number) throws SyscallException {
        KeptExecution told = new KeptExecution(connection, number);
        try {
            StubList encoded = encode(list, StubList.Mode.EXECUTION, birth).number(number);
            return new Told(Child.ofStub(spawn(list, encoded)), told);
        } catch (SyscallException | RuntimeException e) {
            told.close();
            throw e;
        }
    }

    private Fd spawn(OpList list, StubList encoded) throws SyscallException {
        StubConnection.Frame reply = call(encoded);
        check(list, reply);
        return reply.descriptors().getFirst();
    }

    /**
     * Starts an execution whose streams the stub keeps, and attaches to it.
     *
     * @throws SyscallException of the operation that failed
     */
    public KeptExecution start(OpList list, Birth birth, KeptExecution.Plan plan) throws SyscallException {
        KeptExecution execution = new KeptExecution(connection, plan.number());
        try {
            spawn(list, encode(list, StubList.Mode.EXECUTION, birth).keep(plan)).close();
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

    /**
     * Has the stub of a machine serve a further channel from now on, which is a port of it that one of its lists has opened. Each channel
     * is one host's at a time, as the first is.
     *
     * @param port is of no use afterwards
     */
    public void serve(Fd port) throws SyscallException {
        requireMachine();
        connection.send(0, StubConnection.CONNECT, 0, FrameCodec.integer(port.number(Optional.of(connection))));
    }

    /** Hands over a listening socket, from which it takes further connections from now on; the caller's is closed by him. */
    public void listen(Fd socket) throws SyscallException {
        connection.send(0, StubConnection.LISTEN, new byte[0], List.of(socket));
    }

    /**
     * An execution that is alive, or whose end nobody has been told.
     *
     * @param pid its process there; 0 if that has ended
     */
    public record Alive(int number, int pid) {}

    /** The executions of a machine. */
    public List<Alive> alive() throws SyscallException {
        requireMachine();
        ByteBuffer answer = connection.alive();
        List<Alive> all = new ArrayList<>();
        while (answer.hasRemaining()) {
            all.add(new Alive(answer.getInt(), answer.getInt()));
        }
        return all;
    }

    /**
     * Leaves a list with the stub of a machine, instead of the one before: it is run in the stub itself when nothing has come from
     * any host for so long. Whatever comes puts it off; another session changes nothing about it.
     *
     * @param milliseconds of silence; 0 for never
     */
    public void leave(OpList list, long milliseconds) throws SyscallException {
        requireMachine();
        StubList encoded = encode(list, StubList.Mode.INLINE, PLAIN);
        int request = requests.incrementAndGet();
        try (Mailbox mailbox = connection.request(request, reply -> reply.capacity() == 2 * Integer.BYTES ? 0 : -1)) {
            byte[] bytes = encoded.bytes(connection);
            connection.send(request, StubConnection.RUN, StubConnection.LEAVE, bytes, List.of());
            check(list, connection.await(mailbox, StubConnection.FOREVER).orElseThrow(connection::gone));
        }
        ByteBuffer limit = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        connection.send(
                0, StubConnection.SILENCE, 0, limit.putLong(milliseconds).array());
    }

    /** Returns when the stub has acted on all that was sent before: it is there. */
    public void ping() throws SyscallException {
        connection.synchronize();
    }

    /**
     * The same, but no longer than until a deadline.
     *
     * @param deadline a value of {@link System#nanoTime}
     * @return whether it has answered
     */
    public boolean ping(long deadline) throws SyscallException {
        return connection.synchronize(deadline);
    }

    private void requireMachine() {
        if (connection.passesDescriptors()) {
            throw new UnsupportedOperationException("this is not the stub of a machine");
        }
    }

    /** Whether the connection, and so most likely the stub, has come to its end. */
    public boolean isGone() {
        return connection.isBroken();
    }

    private StubConnection.Frame call(StubList encoded) throws SyscallException {
        return call(encoded, StubConnection.FOREVER);
    }

    private StubConnection.Frame call(StubList encoded, long deadline) throws SyscallException {
        try (StubCall call = StubCall.of(connection, requests.incrementAndGet(), encoded)) {
            return call.await(deadline);
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

    /** Which process it is there; of a machine, else 0. */
    public int pid() {
        return connection.pid();
    }

    /**
     * Sends lists of which nobody will be told how they ended, as the stub ends with them.
     *
     * @param child ends with the execve of a process of its own
     * @param inside runs in the stub itself, after the other has begun
     */
    void leaveBehind(OpList child, OpList inside) throws SyscallException {
        requireMachine();
        for (StubList list :
                List.of(encode(child, StubList.Mode.EXECUTION, PLAIN), encode(inside, StubList.Mode.INLINE, PLAIN))) {
            connection.send(requests.incrementAndGet(), StubConnection.RUN, list.bytes(connection), List.of());
        }
    }

    /** Ends the session of a machine, whose channel is not closed: another one can be begun there. Nobody may be waiting. */
    public void leave() {
        requireMachine();
        connection.leave();
    }

    /** Ends the connection. A stub that is attached to it ends. */
    @Override
    public void close() {
        connection.close();
    }
}
