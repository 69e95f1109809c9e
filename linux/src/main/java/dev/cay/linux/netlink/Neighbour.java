package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;

/**
 * Which station on a link has an address.
 *
 * @param link the link's number
 * @param station absent while the kernel is still asking, or has asked in vain
 * @param permanent whether it is as it is until somebody changes it, and nothing that is heard can
 */
public record Neighbour(int link, InetAddress address, Optional<MacAddress> station, boolean permanent) {
    private static final int RTM_NEWNEIGH = 28;
    private static final int RTM_DELNEIGH = 29;
    private static final int RTM_GETNEIGH = 30;

    /** {@code struct ndmsg { __u8 family, pad1; __u16 pad2; __s32 ifindex; __u16 state; __u8 flags, type; }}. */
    private static final int NDMSG_SIZE = 12;

    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final int NUD_REACHABLE = 2;
    private static final int NUD_PERMANENT = 0x80;

    public Neighbour {
        LinkMessages.checkIndex(link);
        requireNonNull(address, "address is null");
        requireNonNull(station, "station is null");
    }

    /** An entry that stays. */
    public static Neighbour permanent(int link, InetAddress address, MacAddress station) {
        return new Neighbour(link, address, Optional.of(station), true);
    }

    /** Makes the entry, in place of another that there may be. */
    public NetlinkMessage set() {
        if (station.isEmpty()) {
            throw new IllegalArgumentException("station: is missing");
        }
        return message("RTM_NEWNEIGH", RTM_NEWNEIGH, NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_REPLACE);
    }

    /** Takes it away; ENOENT if there is none. */
    public NetlinkMessage delete() {
        return message("RTM_DELNEIGH", RTM_DELNEIGH, 0);
    }

    private NetlinkMessage message(String name, int type, int flags) {
        MessageWriter body = new MessageWriter()
                .u8(Families.family(address))
                .u8(0)
                .u16(0)
                .u32(link)
                .u16(permanent ? NUD_PERMANENT : NUD_REACHABLE)
                .u8(0)
                .u8(0)
                .attribute(NDA_DST, address.getAddress());
        station.ifPresent(mac -> body.attribute(NDA_LLADDR, mac.bytes()));
        return new NetlinkMessage(name, address.getHostAddress() + " on " + link, type, flags, body);
    }

    static NetlinkMessage askAll() {
        return new NetlinkMessage(
                "RTM_GETNEIGH",
                "",
                RTM_GETNEIGH,
                0,
                new MessageWriter().u32(0).u32(0).u32(0));
    }

    /** Empty for what is not an IP address's. */
    static Optional<Neighbour> parse(Payload body) throws ProtocolException {
        int family = body.u8(0);
        int link = body.u32(4);
        List<Payload.Attribute> attributes = body.attributes(NDMSG_SIZE);
        Optional<Payload> address = Payload.find(attributes, NDA_DST);
        if (family != Families.AF_INET && family != Families.AF_INET6 || address.isEmpty() || link <= 0) {
            return Optional.empty();
        }
        return Optional.of(new Neighbour(
                link,
                address.get().address(),
                Payload.find(attributes, NDA_LLADDR)
                        .filter(mac -> mac.length() == MacAddress.ETH_ALEN)
                        .map(mac -> MacAddress.of(mac.bytes())),
                (body.u16(8) & NUD_PERMANENT) != 0));
    }
}
