package dev.cay.engine.network;

import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
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
 * Bridges, and cables from them into sandboxes. Thread-safe.
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
        messages.add(LinkMessages.change(bridge, NONE.withLinkLocal(false)));
        messages.add(
                InterfaceAddress.of(bridge, network.gateway(), network.subnet().prefix())
                        .add());
        if (HostSettings.hasIpv6()) {
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

    /** Lays a cable from a bridge into a network namespace; it goes with the namespace. */
    void connect(NetworkDefinition network, int bridge, Lease lease, Fd namespace) throws IOException {
        MacAddress station = station(lease.address());
        LinkSettings inside = LinkSettings.named(INSIDE).withIndex(INSIDE_INDEX).withAddress(station);
        host.execute(LinkMessages.create(
                LinkSettings.named(lease.link()).withMaster(bridge),
                new LinkKind.Veth(inside, Optional.of(namespace))));
        int port = host.link(lease.link()).orElseThrow().index();
        boolean ipv6 = HostSettings.hasIpv6();
        host.execute(port(bridge, port, lease, ipv6));
        try (Rtnetlink there = Rtnetlink.openIn(kernel, namespace)) {
            there.execute(inside(network, lease, ipv6));
        }
    }

    /** Plugs a cable in again whose bridge has been made anew; false if there is no such cable. */
    boolean reconnect(int bridge, Lease lease) throws IOException {
        Optional<Link> cable = host.link(lease.link());
        if (cable.isEmpty()) {
            return false;
        }
        int port = cable.get().index();
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
        messages.add(LinkMessages.change(port, NONE.withLinkLocal(false)));
        messages.add(Neighbour.permanent(bridge, lease.address(), station).set());
        if (ipv6) {
            messages.add(Neighbour.permanent(bridge, lease.address6(), station).set());
        }
        messages.add(LinkMessages.change(port, NONE.withUp(true)));
        return messages;
    }

    private static List<NetlinkMessage> inside(NetworkDefinition network, Lease lease, boolean ipv6) {
        MacAddress gateway = station(network.gateway());
        List<NetlinkMessage> messages = new ArrayList<>();
        messages.add(LinkMessages.change(INSIDE_INDEX, NONE.withLinkLocal(false)));
        messages.add(LinkMessages.change(INSIDE_INDEX, NONE.withUp(true)));
        address(messages, lease.address(), network.subnet().prefix());
        way(messages, network.gateway(), gateway, ALL4);
        if (ipv6) {
            address(messages, lease.address6(), network.subnet6().prefix());
            way(messages, network.gateway6(), gateway, ALL6);
        }
        return messages;
    }

    private static void address(List<NetlinkMessage> messages, InetAddress address, int prefix) {
        messages.add(new InterfaceAddress(INSIDE_INDEX, address, prefix, true, true).add());
    }

    private static void way(List<NetlinkMessage> messages, InetAddress gateway, MacAddress station, IpPrefix all) {
        IpPrefix alone = IpPrefix.containing(gateway, gateway.getAddress().length * 8);
        messages.add(Route.direct(alone, INSIDE_INDEX).add());
        messages.add(Route.via(all, gateway, INSIDE_INDEX).add());
        messages.add(Neighbour.permanent(INSIDE_INDEX, gateway, station).set());
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
