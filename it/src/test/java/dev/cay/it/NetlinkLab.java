package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.LinkKind;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/** Network namespaces that a test makes for itself: the machine's own is never touched. */
final class NetlinkLab implements AutoCloseable {
    private final HostKernel kernel;
    private final Fd namespace;

    private NetlinkLab(HostKernel kernel, Fd namespace) {
        this.kernel = kernel;
        this.namespace = namespace;
    }

    /** A new namespace, its loopback up. */
    static NetlinkLab create(HostKernel kernel) throws SyscallException {
        return new NetlinkLab(
                kernel, kernel.namespaces(Optional.empty(), true).network().orElseThrow());
    }

    /** The namespace that a process lives in. */
    static NetlinkLab of(HostKernel kernel, long pid) throws SyscallException {
        Op open = FileOps.open("/proc/" + pid + "/ns/net", FileOps.O_RDONLY);
        return new NetlinkLab(kernel, kernel.run(OpList.of(open)).fd(open));
    }

    Fd namespace() {
        return namespace;
    }

    Rtnetlink rtnetlink() throws SyscallException {
        return Rtnetlink.openIn(kernel, namespace);
    }

    /** What Java does on a thread in the namespace: the sockets it makes belong there. */
    <T> T inside(Callable<T> task) throws Exception {
        return start(task).get();
    }

    <T> FutureTask<T> start(Callable<T> task) {
        wakeCarriers();
        FutureTask<T> future = new FutureTask<>(() -> {
            kernel.run(OpList.of(Namespaces.enter(namespace, Namespaces.NETWORK)));
            return task.call();
        });
        Thread.ofPlatform().name("netlink-test").daemon().start(future);
        return future;
    }

    /**
     * Lets all threads that carry virtual ones come to life where they belong. A thread that enters a namespace would give birth to
     * those that are missing, in there, and they would outlive it.
     */
    private static void wakeCarriers() {
        int carriers = Integer.getInteger(
                "jdk.virtualThreadScheduler.parallelism", Runtime.getRuntime().availableProcessors());
        AtomicInteger awake = new AtomicInteger();
        long deadline = System.nanoTime() + 10_000_000_000L;
        for (int i = 0; i < carriers; i++) {
            Thread.startVirtualThread(() -> {
                awake.incrementAndGet();
                while (awake.get() < carriers && System.nanoTime() < deadline) {
                    Thread.onSpinWait(); // keeps its carrier
                }
            });
        }
        while (awake.get() < carriers && System.nanoTime() < deadline) {
            LockSupport.parkNanos(100_000);
        }
    }

    /** What a program prints in the namespace. */
    String output(String... command) throws IOException {
        try (Pipe pipe = Pipe.reading()) {
            OpList list = OpList.of(
                    Namespaces.enter(namespace, Namespaces.NETWORK),
                    FileOps.duplicate(Arg.of(pipe.theirs()), 1),
                    FileOps.duplicate(Arg.of(pipe.theirs()), 2),
                    Processes.unblockSignals(),
                    Processes.execve("/usr/bin/env", concatenate("env", command), List.of("PATH=/usr/sbin:/usr/bin")));
            try (Child child = kernel.spawn(list, new Birth(0, Optional.empty()))) {
                pipe.theirs().close();
                ByteArrayOutputStream output = new ByteArrayOutputStream();
                ByteBuffer buffer = ByteBuffer.allocateDirect(8192);
                while (true) {
                    Poll.readable(pipe.ours());
                    if (Pipe.read(pipe.ours(), buffer.clear()) == Pipe.END) {
                        break;
                    }
                    byte[] bytes = new byte[buffer.flip().remaining()];
                    buffer.get(bytes);
                    output.write(bytes);
                }
                Child.Status status = child.await();
                String text = output.toString(StandardCharsets.UTF_8);
                assertThat(status).as(text).isEqualTo(new Child.Status(true, 0));
                return text;
            }
        }
    }

    private static List<String> concatenate(String first, String... others) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(List.of(others));
        return all;
    }

    /** A server in the namespace that greets one client. */
    ServerSocket listen(InetAddress address, int port) throws Exception {
        return inside(() -> new ServerSocket(port, 5, address));
    }

    /** Connects from within the namespace: {@code connected FROM}, as the server sees it, or why not. */
    String connect(ServerSocket server, InetAddress address, int port) throws Exception {
        FutureTask<String> peer = new FutureTask<>(() -> {
            try (Socket accepted = server.accept()) {
                return accepted.getInetAddress().getHostAddress();
            }
        });
        Thread accepting = Thread.ofPlatform().daemon().start(peer);
        String result = attempt(address, port);
        if (!result.equals("connected")) {
            server.close();
            accepting.join();
            return result;
        }
        return "connected " + peer.get();
    }

    /** Tries to connect from within the namespace: {@code connected}, or why not. */
    String attempt(InetAddress address, int port) throws Exception {
        return inside(() -> {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(address, port), 2000);
                return "connected";
            } catch (IOException e) {
                return String.valueOf(e.getMessage());
            }
        });
    }

    /**
     * The machine in the middle: a bridge with an address. Its link-local address is a fixed one: until the kernel is
     * sure of one that it makes itself, which takes seconds, it asks nobody where to forward packets of IPv6 to.
     */
    int bridge(String name, String gateway, int length) throws IOException {
        try (Rtnetlink rtnetlink = rtnetlink()) {
            rtnetlink.execute(LinkMessages.create(LinkSettings.named(name), LinkKind.Bridge.PLAIN));
            int bridge = rtnetlink.link(name).orElseThrow().index();
            rtnetlink.execute(
                    LinkMessages.change(bridge, LinkSettings.none().withLinkLocal(false)),
                    LinkMessages.change(bridge, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(bridge, address("fe80::1"), 64).add(),
                    InterfaceAddress.of(bridge, address(gateway), length).add());
            return bridge;
        }
    }

    /** A cable from a bridge here to {@code eth0}, which is link 2, in another namespace; its number here. */
    int plug(int bridge, String port, NetlinkLab other, String address, int length, String gateway) throws IOException {
        try (Rtnetlink here = rtnetlink();
                Rtnetlink there = other.rtnetlink()) {
            here.execute(LinkMessages.create(
                    LinkSettings.named(port).withMaster(bridge).withUp(true),
                    new LinkKind.Veth(LinkSettings.named("eth0").withIndex(2), Optional.of(other.namespace()))));
            InetAddress zero = address(gateway.contains(":") ? "::" : "0.0.0.0");
            there.execute(
                    LinkMessages.change(2, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(2, address(address), length).add(),
                    Route.via(new IpPrefix(zero, 0), address(gateway), 2).add());
            return here.link(port).orElseThrow().index();
        }
    }

    static InetAddress address(String literal) {
        return InetAddress.ofLiteral(literal);
    }

    @Override
    public void close() {
        namespace.close();
    }
}
