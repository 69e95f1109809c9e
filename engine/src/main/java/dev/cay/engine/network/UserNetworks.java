package dev.cay.engine.network;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.state.DenialLog;
import dev.cay.engine.state.Directories;
import dev.cay.engine.state.Lease;
import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The way out for the sandboxes of an ordinary user, who may make no bridge: each has a {@link Pasta} of its own. The policy is in force in
 * the sandbox's network namespace before that begins. Thread-safe.
 */
public final class UserNetworks implements NetworkSource, AutoCloseable {
    /** Of the engine that a sandbox ends with, and its own id. */
    private static final Pattern DIRECTORY = Pattern.compile("([0-9a-f]+)-([0-9a-f]+)");

    private final Path base;
    private final Owners owners;
    private final Map<String, UserConnection> connections = new ConcurrentHashMap<>();

    /** All of them end with the one thread that starts them, which lives as long as this. */
    private final ExecutorService starter = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("cay-pasta").daemon().factory());

    /** The engines of this user, this one among them. */
    public interface Owners {
        String own();

        boolean lives(String engine) throws IOException;
    }

    /** @param base a directory of this user's, for what is written of sandboxes; it is made if it is missing */
    public UserNetworks(Path base, Owners owners) {
        this.base = base;
        this.owners = owners;
    }

    @Override
    public void check(Network.Named network, boolean detached) {
        refuse(
                !network.name().equals(Network.BRIDGE) || network.address().isPresent(),
                "networks of this machine are made by its root: an ordinary user's sandboxes have a way out and no neighbours",
                "use --network bridge without an address, or run as root");
        refuse(
                detached,
                "an ordinary user's sandbox on a network ends with the process that made it",
                "leave out --detach or --network, or run as root");
        refuse(
                !Files.isExecutable(Pasta.PROGRAM),
                "there is no " + Pasta.PROGRAM + ", by which an ordinary user's sandboxes reach a network",
                "install passt, run as root, or use --network none");
        refuse(
                !Files.isReadable(Pasta.DEVICE) || !Files.isWritable(Pasta.DEVICE),
                Pasta.DEVICE + " is not this user's to open, which pasta has to",
                "let root do: chmod 666 " + Pasta.DEVICE + ", as most distributions have it; or use --network none");
    }

    private static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint);
        }
    }

    @Override
    public Connection connect(String sandbox, boolean detached, Network.Named network, Port port) throws IOException {
        check(network, detached);
        if (!(port instanceof Port.Cable cable)) {
            throw new SandboxException.Unsupported("an ordinary user makes no tap devices", "run as root");
        }
        sweep();
        Op copy = FileOps.copy(Arg.of(cable.namespace()), "network namespace");
        String owner = owners.own();
        UserConnection connection = new UserConnection(
                new UserConnection.Place(sandbox, owner, base.resolve(owner + "-" + sandbox), base),
                cable.kernel(),
                cable.kernel().run(OpList.of(copy)).fd(copy),
                this::started,
                () -> connections.remove(sandbox));
        connections.put(sandbox, connection);
        return connection;
    }

    private Pasta started(LocalKernel kernel, Fd namespace, int resolver, List<PublishedPort> ports)
            throws IOException {
        FutureTask<Pasta> task = new FutureTask<>(() -> Pasta.start(kernel, namespace, resolver, ports));
        starter.execute(task);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw new IOException(e.getCause().getMessage(), e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What the sandboxes of this user have, whichever process made them. */
    public List<Lease> leases() throws IOException {
        List<Lease> all = new ArrayList<>();
        for (String name : Files.isDirectory(base) ? Directories.names(base) : List.<String>of()) {
            if (DIRECTORY.matcher(name).matches()) {
                UserConnection.store(base.resolve(name))
                        .lease(UserConnection.SELF)
                        .ifPresent(all::add);
            }
        }
        return all;
    }

    /** What their policies have denied. */
    public DenialLog denied() throws IOException {
        return DenialLog.open(base);
    }

    /**
     * Gives another policy to a sandbox of this process.
     *
     * @throws SandboxException.Unsupported if another process made it: nobody else has a hold of its network namespace
     */
    public void egress(Lease lease, EgressPolicy policy) throws IOException {
        UserConnection connection = connections.get(lease.sandbox());
        refuse(
                connection == null,
                "the policy of an ordinary user's sandbox is changed by the process that made it",
                "change it there, make the sandbox anew, or run as root");
        connection.egress(policy);
    }

    /** What becomes of a connection that a sandbox tries to make. */
    public EgressPolicy.Decision explain(EgressPolicy policy, String destination) throws IOException {
        Set<InetAddress> own = new HashSet<>();
        for (NetworkInterface link : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            own.addAll(Collections.list(link.getInetAddresses()));
        }
        return Explanation.of(policy, UserConnection.NETWORK, List.of(), destination, own);
    }

    /** What sandboxes of engines that have died left: nothing but what was written of them, as their namespaces are gone. */
    private void sweep() throws IOException {
        for (String name : Directories.names(Directories.make(base))) {
            Matcher directory = DIRECTORY.matcher(name);
            if (directory.matches() && !owners.lives(directory.group(1))) {
                Directories.delete(base.resolve(name));
            }
        }
    }

    @Override
    public void close() {
        starter.shutdown();
    }
}
