package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.EventStream;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Serves one sandbox at a unix socket: executions at port 52, files at 53, control at 54, as agents in virtual machines do. One
 * virtual thread for each connection; the memory of a connection does not grow with what its peer sends or leaves unread.
 */
public final class AgentServer implements AgentSocket {
    /** In the engines' directory: a link for each socket, so that those of an engine that was killed are found. */
    public static final String LINKS = "agents";

    /** Connections that have not said yet what they want, and those that are told that there are too many. */
    private static final int ANTEROOM = 64;

    private static final Duration HANDSHAKE_PATIENCE = Duration.ofSeconds(10);
    private static final Duration END_PATIENCE = Duration.ofSeconds(10);
    private static final long FIRST_NUMBER = 1024;

    private final Sandbox sandbox;
    private final Host host;
    private final AgentSpec spec;
    private final SocketFile socket;
    private final Consumer<AgentServer> onClose;
    private final Activity activity = new Activity();
    private final KeptCommands kept = new KeptCommands(activity);
    private final Standstill standstill;
    private final Semaphore anteroom = new Semaphore(ANTEROOM);
    private final Map<Port, Semaphore> permits = new EnumMap<>(Port.class);
    private final Map<Connection, Thread> connections = new ConcurrentHashMap<>();
    private final Set<SocketChannel> strangers = ConcurrentHashMap.newKeySet();
    private final AtomicLong numbers = new AtomicLong(FIRST_NUMBER);
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Thread acceptor;

    /** What is not a matter of the sandbox alone. */
    public interface Host {
        /** What happens to sandboxes from now on. */
        EventStream events();

        /** Whether the sandbox's commands can be let go of and taken up again, in any process. */
        boolean keepsCommands();

        /**
         * Sets the sandbox's clock.
         *
         * @throws SandboxException.Unsupported if it has none of its own
         */
        void setClock(InstantSource time);

        /**
         * Has the sandbox's file systems stand still, or go on.
         *
         * @return the serials of the disks that they are on
         * @throws SandboxException.Unsupported if they are its host's
         */
        List<String> freeze(boolean frozen);

        /**
         * Gives the sandbox again what its network gave it, whatever has been made of that in it.
         *
         * @throws SandboxException.Unsupported if that is not what is asked for
         */
        void restoreNetwork(NetworkRequest request);
    }

    private AgentServer(Sandbox sandbox, Host host, AgentSpec spec, SocketFile socket, Consumer<AgentServer> onClose) {
        this.sandbox = sandbox;
        this.host = host;
        standstill = new Standstill(host);
        this.spec = spec;
        this.socket = socket;
        this.onClose = onClose;
        for (Port port : Port.values()) {
            permits.put(port, new Semaphore(spec.connections()));
        }
        acceptor = Thread.ofVirtual().name("cay-agent-" + sandbox.id()).unstarted(this::accept);
    }

    /**
     * Where one serves.
     *
     * @param path the socket
     * @param links the engines' directory for such, {@link #LINKS}
     * @param name unique in it: of the engine, a dot, and something of its own
     */
    public record Place(Path path, Path links, String name) {
        public Place {
            requireNonNull(path, "path is null");
            requireNonNull(links, "links is null");
            requireNonNull(name, "name is null");
        }
    }

    /**
     * Begins to serve.
     *
     * @param onClose is run with it when it has been closed
     * @throws SandboxException.InvalidSpec if no socket can be there
     * @throws SandboxException.Conflict if something is there already
     */
    public static AgentServer open(
            Sandbox sandbox, Host host, AgentSpec spec, Place place, Consumer<AgentServer> onClose) throws IOException {
        AgentServer server = new AgentServer(
                sandbox, host, spec, SocketFile.open(place.path(), place.links(), place.name()), onClose);
        server.acceptor.start();
        return server;
    }

    /** Removes the sockets whose names begin with that of an engine, which has died. */
    public static void sweep(Path links, String engine) throws IOException {
        SocketFile.sweep(links, engine);
    }

    @Override
    public Path path() {
        return socket.path();
    }

    private void accept() {
        try {
            while (!closed.get()) {
                anteroom.acquireUninterruptibly(); // who finds no place waits in the backlog
                SocketChannel peer = socket.accept();
                strangers.add(peer);
                Thread.ofVirtual().name("cay-agent-peer").start(() -> receive(peer));
                if (closed.get()) {
                    closeStrangers();
                }
            }
        } catch (IOException e) {
            if (!closed.get()) {
                System.getLogger(AgentServer.class.getName())
                        .log(
                                System.Logger.Level.WARNING,
                                "the agent of " + sandbox.id() + " accepts nobody any more",
                                e);
            }
        }
    }

    /** From the first byte of a peer to the last one. */
    private void receive(SocketChannel peer) {
        AtomicBoolean waiting = new AtomicBoolean(true);
        try (peer) {
            FrameInput input = new FrameInput(peer, activity);
            FrameOutput output = new FrameOutput(peer, activity);
            Optional<Port> port = greet(peer, input, output);
            if (port.isPresent()) {
                serve(port.get(), new Connection(input, output, peer), waiting);
            }
        } catch (IOException | SandboxException _) {
            // The peer has left, or we have; and what could be said to him has been said.
        } finally {
            strangers.remove(peer);
            leaveAnteroom(waiting);
        }
    }

    private void leaveAnteroom(AtomicBoolean waiting) {
        if (waiting.compareAndSet(true, false)) {
            anteroom.release();
        }
    }

    /** Which port a peer wants; empty if that is not to be had. */
    private Optional<Port> greet(SocketChannel peer, FrameInput input, FrameOutput output) throws IOException {
        Thread watchdog = Thread.ofVirtual().name("cay-agent-patience").start(() -> closeLater(peer));
        try {
            if (!socket.isOwner(peer)) {
                output.sendLine(Handshake.refused("this socket is for its owner alone"));
                return Optional.empty();
            }
            Optional<String> line = input.line(Handshake.MAXIMUM_LINE);
            if (line.isEmpty()) {
                return Optional.empty();
            }
            Port port = Handshake.port(line.get());
            output.sendLine(Handshake.accepted(numbers.getAndIncrement()));
            return Optional.of(port);
        } catch (RefusalException e) {
            output.sendLine(Handshake.refused(e.getMessage()));
            return Optional.empty();
        } finally {
            watchdog.interrupt();
        }
    }

    private static void closeLater(SocketChannel peer) {
        try {
            Thread.sleep(HANDSHAKE_PATIENCE);
            peer.close();
        } catch (InterruptedException | IOException _) {
            // he has said what he wants, or has left
        }
    }

    private void serve(Port port, Connection connection, AtomicBoolean waiting) throws IOException {
        Semaphore permit = permits.get(port);
        if (!permit.tryAcquire()) {
            refuse(port, connection);
            return;
        }
        connections.put(connection, Thread.currentThread());
        try {
            leaveAnteroom(waiting);
            if (closed.get()) {
                return;
            }
            switch (port) {
                case EXECUTIONS -> executions(connection).serve();
                case FILES -> {
                    try (Activity.Span _ = activity.file()) {
                        new FileService(sandbox, connection).serve();
                    }
                }
                case CONTROL -> control(connection).serve();
            }
        } finally {
            connections.remove(connection);
            permit.release();
        }
    }

    private void refuse(Port port, Connection connection) throws IOException {
        String reason = "busy: " + spec.connections() + " connections are being served at port " + port.number();
        switch (port) {
            case EXECUTIONS -> executions(connection).refuseBusy(reason);
            case FILES -> new FileService(sandbox, connection).refuseBusy(reason);
            case CONTROL -> control(connection).refuseBusy(reason);
        }
    }

    private ExecutionService executions(Connection connection) {
        return new ExecutionService(sandbox, host, kept, activity, connection);
    }

    private ControlService control(Connection connection) {
        return new ControlService(sandbox, host, standstill, activity, connection);
    }

    private void closeStrangers() {
        for (SocketChannel peer : strangers) {
            try {
                peer.close();
            } catch (IOException _) {
                // he has left already
            }
        }
    }

    /** Listens no more and leaves all peers, of whom those that run a command lose it as if they had left. */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        try {
            socket.close();
        } catch (IOException e) {
            throw new SandboxException.HostFailed("cannot remove " + socket.path() + ": " + e.getMessage(), "", e);
        } finally {
            connections.forEach((connection, thread) -> connection.end());
            closeStrangers();
            connections.values().forEach(AgentServer::await);
            kept.close();
            standstill.close();
            onClose.accept(this);
        }
    }

    private static void await(Thread thread) {
        try {
            thread.join(END_PATIENCE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
