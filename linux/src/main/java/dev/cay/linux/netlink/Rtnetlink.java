package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Links, addresses, routes and neighbours of one network namespace, see rtnetlink(7). Thread-safe.
 *
 * <pre>{@code
 * try (Rtnetlink host = Rtnetlink.open(kernel); Rtnetlink inside = Rtnetlink.openIn(kernel, namespace)) {
 *     host.execute(LinkMessages.create(LinkSettings.named("cay0").withUp(true), LinkKind.Bridge.PLAIN));
 *     int bridge = host.link("cay0").orElseThrow().index();
 *     host.execute(LinkMessages.create(
 *             LinkSettings.named("cay-1").withMaster(bridge).withUp(true),
 *             new LinkKind.Veth(LinkSettings.named("eth0").withIndex(2), Optional.of(namespace))));
 *     inside.execute(
 *             LinkMessages.change(2, LinkSettings.none().withUp(true)), InterfaceAddress.of(2, address, 16).add());
 * }
 * }</pre>
 */
public final class Rtnetlink implements AutoCloseable {
    private final NetlinkSocket socket;

    /** @param socket of {@link NetlinkSocket.Protocol#ROUTE}; closed with this */
    public Rtnetlink(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Of the network namespace that this process lives in. */
    public static Rtnetlink open(Kernel kernel) throws SyscallException {
        return new Rtnetlink(NetlinkSocket.open(kernel, NetlinkSocket.Protocol.ROUTE));
    }

    /** Of another network namespace. */
    public static Rtnetlink openIn(Kernel kernel, Fd namespace) throws SyscallException {
        return new Rtnetlink(NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.ROUTE));
    }

    /**
     * Makes requests in order, in one system call. This is no transaction: those after one that fails are made as well.
     *
     * @throws NetlinkException of the first that failed
     */
    public void execute(NetlinkMessage... messages) throws IOException {
        socket.execute(List.of(messages));
    }

    /** The same with a list. */
    public void execute(List<NetlinkMessage> messages) throws IOException {
        socket.execute(messages);
    }

    public List<Link> links() throws IOException {
        List<Link> links = new ArrayList<>();
        for (Frame frame : socket.dump(LinkMessages.askAll())) {
            links.add(Payload.reading(() -> Link.parse(frame.body())));
        }
        return links;
    }

    /** The link of a name, if there is one. */
    public Optional<Link> link(String name) throws IOException {
        return link(LinkMessages.ask(name));
    }

    /** The link of a number, if there is one. */
    public Optional<Link> link(int index) throws IOException {
        return link(LinkMessages.ask(index));
    }

    private Optional<Link> link(NetlinkMessage question) throws IOException {
        try {
            Frame answer = socket.ask(question);
            return Optional.of(Payload.reading(() -> Link.parse(answer.body())));
        } catch (NetlinkException e) {
            if (e.is(Errno.ENODEV)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    public List<InterfaceAddress> addresses() throws IOException {
        List<InterfaceAddress> addresses = new ArrayList<>();
        for (Frame frame : socket.dump(InterfaceAddress.askAll())) {
            addresses.add(Payload.reading(() -> InterfaceAddress.parse(frame.body())));
        }
        return addresses;
    }

    /** Those of all tables, the kernel's own among them. */
    public List<Route> routes() throws IOException {
        List<Route> routes = new ArrayList<>();
        for (Frame frame : socket.dump(Route.askAll())) {
            Payload.reading(() -> Route.parse(frame.body())).ifPresent(routes::add);
        }
        return routes;
    }

    public List<Neighbour> neighbours() throws IOException {
        List<Neighbour> neighbours = new ArrayList<>();
        for (Frame frame : socket.dump(Neighbour.askAll())) {
            Payload.reading(() -> Neighbour.parse(frame.body())).ifPresent(neighbours::add);
        }
        return neighbours;
    }

    @Override
    public void close() {
        socket.close();
    }
}
