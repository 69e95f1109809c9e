package dev.cay.engine.microvm;

import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NetlinkMessage;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** A network device of a guest. Done again, nothing of it changes anything. */
final class GuestInterface {
    private GuestInterface() {}

    /**
     * The first device that is one: loopback, dummy, veth and bridge have nothing behind them.
     *
     * @throws IOException if there is none
     */
    static Link first(Kernel guest) throws IOException {
        List<Link> links;
        try (Rtnetlink netlink = Rtnetlink.open(guest)) {
            links = netlink.links().stream()
                    .sorted(Comparator.comparingInt(Link::index))
                    .toList();
        }
        for (Link link : links) {
            Op open = FileOps.open("/sys/class/net/" + link.name() + "/device", FileOps.O_PATH)
                    .tolerating(Errno.ENOENT);
            OpList look = OpList.of(open, FileOps.close(open).tolerating(Errno.EBADF));
            if (link.address().isPresent() && !guest.run(look).failed(open)) {
                return link;
            }
        }
        throw new IOException("there is no network device: does the kernel lack virtio_net?");
    }

    /** Gives a device its addresses, and brings it up. */
    static void configure(Kernel guest, GuestAddressing.Fixed wanted) throws IOException {
        try (Rtnetlink netlink = Rtnetlink.open(guest)) {
            Link link;
            if (wanted.device().isPresent()) {
                String name = wanted.device().get();
                link = netlink.link(name).orElseThrow(() -> new IOException("there is no device " + name));
            } else {
                link = first(guest);
            }
            if (wanted.station().isPresent() && !wanted.station().equals(link.address())) {
                netlink.execute(LinkMessages.change(
                        link.index(),
                        LinkSettings.none().withAddress(wanted.station().get())));
            }
            LinkSettings settings = LinkSettings.none().withMtu(wanted.mtu()).withUp(true);
            netlink.execute(LinkMessages.change(link.index(), settings));
            for (GuestAddressing.Address address : wanted.addresses().toList()) {
                add(netlink, link.index(), address);
            }
        }
    }

    /** A device without addresses that carries frames. */
    static void raise(Kernel guest, Link link) throws IOException {
        try (Rtnetlink netlink = Rtnetlink.open(guest)) {
            netlink.execute(
                    LinkMessages.change(link.index(), LinkSettings.none().withUp(true)));
        }
    }

    /** Exchanges an address for another one; the routes of the one before go with it. */
    static void exchange(
            Kernel guest, Link link, Optional<GuestAddressing.Address> before, Optional<GuestAddressing.Address> after)
            throws IOException {
        try (Rtnetlink netlink = Rtnetlink.open(guest)) {
            if (before.isPresent()) {
                GuestAddressing.Address old = before.get();
                if (old.gateway().isPresent()) {
                    tolerate(
                            netlink,
                            Errno.ESRCH,
                            way(link.index(), old, old.gateway().get()).delete());
                }
                tolerate(
                        netlink,
                        Errno.EADDRNOTAVAIL,
                        InterfaceAddress.of(link.index(), old.address(), old.prefix())
                                .delete());
            }
            if (after.isPresent()) {
                add(netlink, link.index(), after.get());
            }
        }
    }

    private static void add(Rtnetlink netlink, int link, GuestAddressing.Address address) throws IOException {
        tolerate(
                netlink,
                Errno.EEXIST,
                InterfaceAddress.of(link, address.address(), address.prefix()).add());
        if (address.gateway().isPresent()) {
            tolerate(
                    netlink,
                    Errno.EEXIST,
                    way(link, address, address.gateway().get()).add());
        }
    }

    private static Route way(int link, GuestAddressing.Address address, InetAddress gateway) {
        InetAddress any = IpPrefix.containing(gateway, 0).address();
        Route route = Route.via(new IpPrefix(any, 0), gateway, link);
        boolean isNeighbour =
                IpPrefix.containing(address.address(), address.prefix()).contains(gateway);
        return isNeighbour ? route : route.withOnLink();
    }

    private static void tolerate(Rtnetlink netlink, Errno tolerated, NetlinkMessage message) throws IOException {
        try {
            netlink.execute(message);
        } catch (NetlinkException e) {
            if (!e.is(tolerated)) {
                throw e;
            }
        }
    }
}
