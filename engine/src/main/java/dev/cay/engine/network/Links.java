package dev.cay.engine.network;

import dev.cay.engine.container.NetworkSource.Port;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import dev.cay.linux.Tap;
import dev.cay.linux.netlink.BridgePort;
import dev.cay.linux.netlink.BridgeStation;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkKind;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Neighbour;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NetlinkMessage;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Bridges, and their ports, from which sandboxes are reached. Thread-safe.
 *
 * <p>A sandbox reaches nothing but the gateway directly, its neighbours included: so every packet passes the packet filter. Its
 * port of the bridge exchanges nothing with other ports and takes frames of its own station only; who has which address is written
 * down on both sides, so nobody can claim it.
 */
final class Links {
    /** What a sandbox calls its end of the cable, and its number there. */
    static final String INSIDE = "eth0";

    private static final int INSIDE_INDEX = 2;
    private static final BridgePort PORT = new BridgePort(true, false, false, false, true);
    private static final LinkSettings NONE = LinkSettings.none();
    private static final IpPrefix ALL4 = new IpPrefix(InetAddress.ofLiteral("0.0.0.0"), 0);
    private static final IpPrefix ALL6 = new IpPrefix(InetAddress.ofLiteral("::"), 0);
    private static final long STATION = 0x02ca_0000_0000L;

    private final Kernel kernel;
    private final Rtnetlink host;

    Links(Kernel kernel, Rtnetlink host) {
        this.kernel = kernel;
        this.host = host;
    }

    /** The station that has an IPv4 address: locally administered, and different for different addresses. */
    static MacAddress station(InetAddress address) {
        long value = 0;
        for (byte octet : address.getAddress()) {
            value = value << 8 | octet & 0xff;
        }
        return new MacAddress(STATION | value);
    }

    /** The number of a link that is there and switched on. */
    Optional<Integer> up(String name) throws IOException {
        return host.link(name).filter(Link::up).map(Link::index);
    }

    /** Makes the bridge of a network, in place of one on which somebody died, or which somebody has switched off; its number. */
    int bridge(NetworkDefinition network) throws IOException {
        remove(network.bridge());
        host.execute(LinkMessages.create(
                LinkSettings.named(network.bridge()).withAddress(station(network.gateway())), LinkKind.Bridge.PLAIN));
        int bridge = host.link(network.bridge()).orElseThrow().index();
        HostSettings.bridge(network.bridge());
        List<NetlinkMessage> messages = new ArrayList<>();
        messages.add(
                InterfaceAddress.of(bridge, network.gateway(), network.subnet().prefix())
                        .add());
        if (HostSettings.hasIpv6()) {
            messages.add(LinkMessages.change(bridge, NONE.withLinkLocal(false)));
            messages.add(InterfaceAddress.of(
                            bridge, network.gateway6(), network.subnet6().prefix())
                    .add());
        }
        messages.add(LinkMessages.change(bridge, NONE.withUp(true)));
        host.execute(messages);
        return bridge;
    }

    /** Removes a link; without effect if there is none. */
    void remove(String name) throws IOException {
        try {
            host.execute(LinkMessages.delete(name));
        } catch (NetlinkException e) {
            if (!e.is(Errno.ENODEV)) {
                throw e;
            }
        }
    }

    boolean exists(String name) throws IOException {
        return host.link(name).isPresent();
    }

    List<Link> all() throws IOException {
        return host.links();
    }

    /** Makes a sandbox's port of a bridge. A cable goes with its namespace, a tap with its descriptor. */
    void connect(NetworkDefinition network, int bridge, Lease lease, Port port) throws IOException {
        boolean ipv6 = HostSettings.hasIpv6();
        if (port instanceof Port.Cable cable) { // a switch over types costs a command line that starts a millisecond
            LinkSettings inside =
                    LinkSettings.named(INSIDE).withIndex(INSIDE_INDEX).withAddress(station(lease.address()));
            host.execute(LinkMessages.create(
                    LinkSettings.named(lease.link()).withMaster(bridge),
                    new LinkKind.Veth(inside, Optional.of(cable.namespace()))));
            guard(bridge, lease, ipv6);
            try (Rtnetlink there = Rtnetlink.openIn(cable.kernel(), cable.namespace())) {
                there.execute(inside(INSIDE_INDEX, network, lease, ipv6));
            }
        } else if (port instanceof Port.Tap tap) {
            kernel.run(OpList.of(Tap.become(Arg.of(tap.device()), lease.link())));
            int device = host.link(lease.link()).orElseThrow().index();
            host.execute(LinkMessages.change(device, NONE.withMaster(bridge)));
            guard(bridge, lease, ipv6);
        }
    }

    private void guard(int bridge, Lease lease, boolean ipv6) throws IOException {
        host.execute(port(bridge, host.link(lease.link()).orElseThrow().index(), lease, ipv6));
    }

    /** Says in a guest, which has the other end of a tap, what is said in the namespace at the other end of a cable. */
    void configure(NetworkDefinition network, Lease lease, Kernel guest) throws IOException {
        boolean ipv6 = HostSettings.hasIpv6() && hasIpv6(guest);
        try (Rtnetlink there = Rtnetlink.open(guest)) {
            int index = there.link(INSIDE)
                    .orElseThrow(
                            () -> new IOException("the guest has no network device: does its kernel lack virtio_net?"))
                    .index();
            // That of the device is another one in a guest that is a copy of one.
            there.execute(LinkMessages.change(index, NONE.withAddress(station(lease.address()))));
            there.execute(inside(index, network, lease, ipv6));
        }
    }

    /** Says it again in a guest that somebody may have told something else. */
    void restore(NetworkDefinition network, Lease lease, Kernel guest) throws IOException {
        boolean ipv6 = HostSettings.hasIpv6() && hasIpv6(guest);
        try (Rtnetlink there = Rtnetlink.open(guest)) {
            restore(there, network, lease, ipv6);
        }
    }

    /** The same in a network namespace at the other end of a cable. */
    void restoreIn(NetworkDefinition network, Lease lease, Fd namespace) throws IOException {
        try (Rtnetlink there = Rtnetlink.openIn(kernel, namespace)) {
            restore(there, network, lease, HostSettings.hasIpv6());
        }
    }

    /** What its end has now goes: all ways by it, and its neighbours, when it is switched off, then its addresses. */
    private static void restore(Rtnetlink there, NetworkDefinition network, Lease lease, boolean ipv6)
            throws IOException {
        int index = there.link(INSIDE)
                .orElseThrow(() -> new IOException("there is no " + INSIDE + " in it any more"))
                .index();
        there.execute(LinkMessages.change(index, NONE.withUp(false)));
        for (InterfaceAddress address : there.addresses()) {
            if (address.link() == index) {
                forget(there, address);
            }
        }
        there.execute(LinkMessages.change(index, NONE.withAddress(station(lease.address()))));
        there.execute(inside(index, network, lease, ipv6));
    }

    /** With the first one of a network the others go. */
    private static void forget(Rtnetlink there, InterfaceAddress address) throws IOException {
        try {
            there.execute(address.delete());
        } catch (NetlinkException e) {
            if (!e.is(Errno.EADDRNOTAVAIL)) {
                throw e;
            }
        }
    }

    private static boolean hasIpv6(Kernel guest) throws SyscallException {
        Op open = FileOps.open("/proc/sys/net/ipv6", FileOps.O_PATH).tolerating(Errno.ENOENT);
        OpList list = OpList.of(open, FileOps.close(open).tolerating(Errno.EBADF));
        return !guest.run(list).failed(open);
    }

    /** Plugs a port in again whose bridge has been made anew; false if there is no such port. */
    boolean reconnect(int bridge, Lease lease) throws IOException {
        Optional<Link> there = host.link(lease.link());
        if (there.isEmpty()) {
            return false;
        }
        int port = there.get().index();
        List<NetlinkMessage> messages = new ArrayList<>();
        messages.add(LinkMessages.change(port, NONE.withMaster(bridge)));
        messages.addAll(port(bridge, port, lease, HostSettings.hasIpv6()));
        host.execute(messages);
        return true;
    }

    private static List<NetlinkMessage> port(int bridge, int port, Lease lease, boolean ipv6) {
        MacAddress station = station(lease.address());
        List<NetlinkMessage> messages = new ArrayList<>();
        messages.add(LinkMessages.port(port, PORT));
        messages.add(new BridgeStation(port, station).set());
        messages.add(Neighbour.permanent(bridge, lease.address(), station).set());
        if (ipv6) {
            messages.add(LinkMessages.change(port, NONE.withLinkLocal(false)));
            messages.add(Neighbour.permanent(bridge, lease.address6(), station).set());
        }
        messages.add(LinkMessages.change(port, NONE.withUp(true)));
        return messages;
    }

    private static List<NetlinkMessage> inside(int index, NetworkDefinition network, Lease lease, boolean ipv6) {
        MacAddress gateway = station(network.gateway());
        List<NetlinkMessage> messages = new ArrayList<>();
        if (ipv6) {
            messages.add(LinkMessages.change(index, NONE.withLinkLocal(false)));
        }
        messages.add(LinkMessages.change(index, NONE.withUp(true)));
        messages.add(
                new InterfaceAddress(index, lease.address(), network.subnet().prefix(), true, true).add());
        way(messages, index, network.gateway(), gateway, ALL4);
        if (ipv6) {
            messages.add(new InterfaceAddress(
                            index, lease.address6(), network.subnet6().prefix(), true, true)
                    .add());
            way(messages, index, network.gateway6(), gateway, ALL6);
        }
        return messages;
    }

    private static void way(
            List<NetlinkMessage> messages, int index, InetAddress gateway, MacAddress station, IpPrefix all) {
        IpPrefix alone = IpPrefix.containing(gateway, gateway.getAddress().length * 8);
        messages.add(Route.direct(alone, index).add());
        messages.add(Route.via(all, gateway, index).add());
        messages.add(Neighbour.permanent(index, gateway, station).set());
    }

    /** What this machine knows of addresses that were sandboxes' is forgotten. */
    void forget(NetworkDefinition network, List<Lease> leases) throws IOException {
        Optional<Link> bridge = leases.isEmpty() ? Optional.empty() : host.link(network.bridge());
        if (bridge.isPresent()) {
            List<NetlinkMessage> messages = new ArrayList<>();
            for (Lease lease : leases) {
                for (InetAddress address : List.of(lease.address(), lease.address6())) {
                    messages.add(Neighbour.permanent(bridge.get().index(), address, station(lease.address()))
                            .delete());
                }
            }
            try {
                host.execute(messages); // all of them are made, also after one that fails
            } catch (NetlinkException e) {
                if (!e.is(Errno.ENOENT)) {
                    throw e;
                }
            }
        }
    }
}
