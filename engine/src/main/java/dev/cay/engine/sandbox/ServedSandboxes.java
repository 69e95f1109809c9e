package dev.cay.engine.sandbox;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.EventStream;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.engine.agent.AgentServer;
import dev.cay.engine.agent.NetworkRequest;
import dev.cay.engine.microvm.Guest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** The sandboxes that this engine serves at agent sockets. Thread-safe. */
final class ServedSandboxes implements AutoCloseable {
    private static final String SUFFIX = ".sock";

    private final Path links;
    private final String engine;
    private final Supplier<EventStream> events;
    private final Supplier<NetworkReturn> networks;
    private final AtomicInteger numbers = new AtomicInteger();
    private final Set<AgentSocket> sockets = ConcurrentHashMap.newKeySet();

    /**
     * @param run where the engines keep what does not last
     * @param engine the name of this one
     * @param networks throws {@link SandboxException.Unsupported} if there are none
     */
    ServedSandboxes(Path run, String engine, Supplier<EventStream> events, Supplier<NetworkReturn> networks) {
        this.networks = networks;
        links = links(run);
        this.engine = engine;
        this.events = events;
    }

    /** Removes the sockets of an engine that has died. */
    static void sweep(Path run, String engine) throws IOException {
        AgentServer.sweep(links(run), engine);
    }

    private static Path links(Path run) {
        return run.resolve(AgentServer.LINKS);
    }

    AgentSocket serve(Sandbox sandbox, AgentSpec spec) {
        Path path = spec.path().orElseGet(() -> links.resolve(sandbox.id() + SUFFIX));
        AgentServer.Place place = new AgentServer.Place(path, links, engine + "." + numbers.incrementAndGet());
        AgentServer server = StoredSandboxes.guarded(
                () -> AgentServer.open(sandbox, new SandboxHost(sandbox), spec, place, sockets::remove));
        sockets.add(server);
        return server;
    }

    private final class SandboxHost implements AgentServer.Host {
        private final Sandbox sandbox;

        SandboxHost(Sandbox sandbox) {
            this.sandbox = sandbox;
        }

        @Override
        public EventStream events() {
            return events.get();
        }

        @Override
        public boolean keepsCommands() {
            return sandbox instanceof StoredSandbox;
        }

        @Override
        public void setClock(InstantSource time) {
            if (sandbox instanceof MachineSandbox machine) {
                machine.setClock(time);
                return;
            }
            Guest guest = guest().orElseThrow(
                            () -> new SandboxException.Unsupported("a container has the clock of its host", ""));
            StoredSandboxes.guarded(() -> {
                guest.setClock(time);
                return guest;
            });
        }

        @Override
        public List<String> freeze(boolean frozen) {
            if (sandbox instanceof MachineSandbox machine) {
                return machine.freeze(frozen);
            }
            Guest guest = guest().orElseThrow(() -> new SandboxException.Unsupported(
                    "the file systems of a container are its host's: they cannot stand still for it alone", ""));
            return StoredSandboxes.guarded(() -> frozen ? guest.freeze() : guest.thaw());
        }

        @Override
        public void restoreNetwork(NetworkRequest request) {
            StoredSandboxes.guarded(() -> {
                networks.get().give(sandbox, request);
                return request;
            });
        }

        private Optional<Guest> guest() {
            return sandbox instanceof StoredSandbox stored ? stored.guest() : Optional.empty();
        }
    }

    @Override
    public void close() {
        sockets.forEach(AgentSocket::close);
    }
}
