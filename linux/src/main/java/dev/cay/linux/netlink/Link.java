package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A network interface.
 *
 * @param index its number in its namespace
 * @param kind what the kernel calls its kind: {@code bridge}, {@code veth}; empty for what is no kind, such as loopback
 * @param address absent if it has none of six bytes
 * @param mtu in bytes
 * @param up whether it is switched on
 * @param running whether it can carry packets: it is on, and so is the other end
 * @param master the number of the bridge it is a port of
 * @param peer the number of the other end, which may be one of another namespace
 * @param port how its bridge treats it
 */
public record Link(
        int index,
        String name,
        String kind,
        Optional<MacAddress> address,
        int mtu,
        boolean up,
        boolean running,
        OptionalInt master,
        OptionalInt peer,
        Optional<BridgePort> port,
        Optional<LinkStatistics> statistics) {
    private static final int IFF_UP = 1;
    private static final int IFF_LOWER_UP = 0x10000;
    private static final int IFLA_ADDRESS = 1;
    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_LINK = 5;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_STATS64 = 23;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_SLAVE_KIND = 4;
    private static final int IFLA_INFO_SLAVE_DATA = 5;

    static Link parse(Payload body) throws ProtocolException {
        int flags = body.u32(8);
        List<Payload.Attribute> attributes = body.attributes(LinkMessages.IFINFOMSG_SIZE);
        Optional<Payload> mac = Payload.find(attributes, IFLA_ADDRESS);
        Optional<Payload> info = Payload.find(attributes, IFLA_LINKINFO);
        Optional<Payload> kind = info.isPresent() ? info.get().attribute(IFLA_INFO_KIND) : Optional.empty();
        Optional<Payload> stats = Payload.find(attributes, IFLA_STATS64);
        return new Link(
                body.u32(4),
                Payload.need(attributes, IFLA_IFNAME, "name").text(),
                kind.map(Payload::text).orElse(""),
                mac.filter(bytes -> bytes.length() == MacAddress.ETH_ALEN).map(bytes -> MacAddress.of(bytes.bytes())),
                Payload.need(attributes, IFLA_MTU, "MTU").u32(0),
                (flags & IFF_UP) != 0,
                (flags & IFF_LOWER_UP) != 0,
                number(Payload.find(attributes, IFLA_MASTER)),
                number(Payload.find(attributes, IFLA_LINK)),
                info.isPresent() ? port(info.get()) : Optional.empty(),
                stats.isPresent() ? Optional.of(LinkStatistics.of(stats.get())) : Optional.empty());
    }

    private static OptionalInt number(Optional<Payload> value) throws ProtocolException {
        return value.isPresent() && value.get().u32(0) != 0
                ? OptionalInt.of(value.get().u32(0))
                : OptionalInt.empty();
    }

    private static Optional<BridgePort> port(Payload info) throws ProtocolException {
        Optional<Payload> kind = info.attribute(IFLA_INFO_SLAVE_KIND);
        Optional<Payload> data = info.attribute(IFLA_INFO_SLAVE_DATA);
        if (kind.isEmpty() || data.isEmpty() || !kind.get().text().equals("bridge")) {
            return Optional.empty();
        }
        List<Payload.Attribute> attributes = data.get().attributes();
        Optional<Payload> locked = Payload.find(attributes, LinkMessages.IFLA_BRPORT_LOCKED); // since Linux 5.18
        return Optional.of(new BridgePort(
                Payload.need(attributes, LinkMessages.IFLA_BRPORT_ISOLATED, "isolation")
                                .u8(0)
                        != 0,
                Payload.need(attributes, LinkMessages.IFLA_BRPORT_MODE, "hairpin mode")
                                .u8(0)
                        != 0,
                Payload.need(attributes, LinkMessages.IFLA_BRPORT_LEARNING, "learning mode")
                                .u8(0)
                        != 0,
                Payload.need(attributes, LinkMessages.IFLA_BRPORT_UNICAST_FLOOD, "flooding mode")
                                .u8(0)
                        != 0,
                locked.isPresent() && locked.get().u8(0) != 0));
    }
}
