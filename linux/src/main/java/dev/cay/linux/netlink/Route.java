package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A way to a block of addresses.
 *
 * @param destination the whole of one family for the default route
 * @param gateway absent if the destination is reached directly
 * @param link the number of the link that leads there
 * @param onLink whether the gateway is taken to be reachable by the link, whatever other routes say
 * @param metric the lower one wins; 0 lets the kernel choose
 * @param table 254 is the main one
 * @param kind what becomes of packets
 */
public record Route(
        IpPrefix destination,
        Optional<InetAddress> gateway,
        OptionalInt link,
        boolean onLink,
        int metric,
        int table,
        Kind kind) {
    private static final int RTM_NEWROUTE = 24;
    private static final int RTM_DELROUTE = 25;
    private static final int RTM_GETROUTE = 26;

    /**
     * {@code struct rtmsg { unsigned char family, dst_len, src_len, tos, table, protocol, scope, type; unsigned flags;
     * }}.
     */
    private static final int RTMSG_SIZE = 12;

    private static final int RTA_DST = 1;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_TABLE = 15;
    private static final int RT_TABLE_UNSPEC = 0;
    private static final int RT_TABLE_MAIN = 254;
    private static final int RTPROT_STATIC = 4;
    private static final int RT_SCOPE_UNIVERSE = 0;
    private static final int RT_SCOPE_LINK = 253;
    private static final int RT_SCOPE_NOWHERE = 255;
    private static final int RTNH_F_ONLINK = 4;

    /** What becomes of packets that take a route. */
    public enum Kind {
        /** They are sent on. */
        UNICAST(1),
        /** They are for this machine. */
        LOCAL(2),
        /** They are for all on the link. */
        BROADCAST(3),
        ANYCAST(4),
        MULTICAST(5),
        /** They are dropped. */
        BLACKHOLE(6),
        /** They are answered with "no route to host". */
        UNREACHABLE(7),
        /** They are answered with "administratively prohibited". */
        PROHIBIT(8);

        private final int number;

        Kind(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    public Route {
        requireNonNull(destination, "destination is null");
        requireNonNull(kind, "kind is null");
        link.ifPresent(LinkMessages::checkIndex);
        if (gateway.isPresent() && family(gateway.get()) != family(destination.address())) {
            throw new IllegalArgumentException("gateway: " + gateway.get().getHostAddress() + " is of another family");
        }
        if (table <= 0) {
            throw new IllegalArgumentException("table: " + table + " is not positive");
        }
    }

    private static int family(InetAddress address) {
        return Families.family(address);
    }

    /** A route in the main table by way of a gateway. */
    public static Route via(IpPrefix destination, InetAddress gateway, int link) {
        return new Route(
                destination, Optional.of(gateway), OptionalInt.of(link), false, 0, RT_TABLE_MAIN, Kind.UNICAST);
    }

    /** A route in the main table to addresses that are reached directly. */
    public static Route direct(IpPrefix destination, int link) {
        return new Route(destination, Optional.empty(), OptionalInt.of(link), false, 0, RT_TABLE_MAIN, Kind.UNICAST);
    }

    /** A route in the main table that ends here. */
    public static Route refusing(IpPrefix destination, Kind kind) {
        return new Route(destination, Optional.empty(), OptionalInt.empty(), false, 0, RT_TABLE_MAIN, kind);
    }

    public Route withOnLink() {
        return new Route(destination, gateway, link, true, metric, table, kind);
    }

    public Route withMetric(int newMetric) {
        return new Route(destination, gateway, link, onLink, newMetric, table, kind);
    }

    /** Makes it; EEXIST if there is one to the destination with this metric. */
    public NetlinkMessage add() {
        return message(
                "RTM_NEWROUTE",
                RTM_NEWROUTE,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL,
                gateway.isPresent() || kind != Kind.UNICAST ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
    }

    /** Takes it away; ESRCH if there is none. */
    public NetlinkMessage delete() {
        return message("RTM_DELROUTE", RTM_DELROUTE, 0, RT_SCOPE_NOWHERE);
    }

    private NetlinkMessage message(String name, int type, int flags, int scope) {
        MessageWriter body = new MessageWriter()
                .u8(family(destination.address()))
                .u8(destination.length())
                .u8(0)
                .u8(0)
                .u8(table < 256 ? table : RT_TABLE_UNSPEC)
                .u8(RTPROT_STATIC)
                .u8(scope)
                .u8(kind.number)
                .u32(onLink ? RTNH_F_ONLINK : 0)
                .attribute32(RTA_TABLE, table);
        if (destination.length() > 0) {
            body.attribute(RTA_DST, destination.address().getAddress());
        }
        gateway.ifPresent(address -> body.attribute(RTA_GATEWAY, address.getAddress()));
        link.ifPresent(index -> body.attribute32(RTA_OIF, index));
        if (metric != 0) {
            body.attribute32(RTA_PRIORITY, metric);
        }
        return new NetlinkMessage(name, this.toString(), type, flags, body);
    }

    static NetlinkMessage askAll() {
        return new NetlinkMessage(
                "RTM_GETROUTE",
                "",
                RTM_GETROUTE,
                0,
                new MessageWriter().u32(0).u32(0).u32(0));
    }

    /** Empty for a route of a kind that we have no word for. */
    static Optional<Route> parse(Payload body) throws ProtocolException {
        int family = body.u8(0);
        int type = body.u8(7);
        Optional<Kind> kind = List.of(Kind.values()).stream()
                .filter(one -> one.number == type)
                .findFirst();
        if (kind.isEmpty() || family != Families.AF_INET && family != Families.AF_INET6) {
            return Optional.empty();
        }
        List<Payload.Attribute> attributes = body.attributes(RTMSG_SIZE);
        int size = family == Families.AF_INET ? 4 : 16;
        Optional<Payload> to = Payload.find(attributes, RTA_DST);
        InetAddress destination = (to.isPresent() ? to.get() : new Payload(new byte[size])).address();
        int length = body.u8(1);
        if (length > destination.getAddress().length * 8) {
            throw new ProtocolException("netlink: a route with prefix length " + length);
        }
        Optional<Payload> by = Payload.find(attributes, RTA_GATEWAY);
        Optional<InetAddress> gateway = by.isPresent() ? Optional.of(by.get().address()) : Optional.empty();
        int link = number(attributes, RTA_OIF, 0);
        int table = number(attributes, RTA_TABLE, body.u8(4));
        if (table <= 0 || link < 0 || gateway.isPresent() && family(gateway.get()) != family(destination)) {
            throw new ProtocolException("netlink: a route in table " + table + " by link " + link);
        }
        return Optional.of(new Route(
                IpPrefix.containing(destination, length),
                gateway,
                link > 0 ? OptionalInt.of(link) : OptionalInt.empty(),
                (body.u32(8) & RTNH_F_ONLINK) != 0,
                number(attributes, RTA_PRIORITY, 0),
                table,
                kind.get()));
    }

    private static int number(List<Payload.Attribute> attributes, int type, int otherwise) throws ProtocolException {
        Optional<Payload> value = Payload.find(attributes, type);
        return value.isPresent() ? value.get().u32(0) : otherwise;
    }

    @Override
    public String toString() {
        return destination
                + gateway.map(address -> " via " + address.getHostAddress()).orElse("")
                + (link.isPresent() ? " on " + link.getAsInt() : "");
    }
}
