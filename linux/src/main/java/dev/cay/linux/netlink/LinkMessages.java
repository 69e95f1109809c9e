package dev.cay.linux.netlink;

import java.util.OptionalInt;

/** Requests that make, change and delete links, see rtnetlink(7). */
public final class LinkMessages {
    private static final int RTM_NEWLINK = 16;
    private static final int RTM_DELLINK = 17;
    private static final int RTM_GETLINK = 18;
    private static final int RTM_SETLINK = 19;

    /**
     * {@code struct ifinfomsg { unsigned char family, pad; unsigned short type; int index; unsigned flags, change; }}.
     */
    static final int IFINFOMSG_SIZE = 16;

    private static final int AF_UNSPEC = 0;
    private static final int AF_BRIDGE = 7;
    private static final int AF_INET6 = 10;
    private static final int IFF_UP = 1;
    private static final int IFLA_ADDRESS = 1;
    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_PROTINFO = 12;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_AF_SPEC = 26;
    private static final int IFLA_NET_NS_FD = 28;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_BR_STP_STATE = 5;
    private static final int IFLA_BR_MCAST_SNOOPING = 23;
    private static final int VETH_INFO_PEER = 1;
    private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
    private static final int IN6_ADDR_GEN_MODE_EUI64 = 0;
    private static final int IN6_ADDR_GEN_MODE_NONE = 1;
    static final int IFLA_BRPORT_MODE = 4;
    static final int IFLA_BRPORT_LEARNING = 8;
    static final int IFLA_BRPORT_UNICAST_FLOOD = 9;
    static final int IFLA_BRPORT_ISOLATED = 33;
    static final int IFLA_BRPORT_LOCKED = 39;

    private LinkMessages() {}

    /** A new link; EEXIST if there is one of that name. */
    public static NetlinkMessage create(LinkSettings settings, LinkKind kind) {
        if (settings.linkLocal().isPresent()) {
            throw new IllegalArgumentException("linkLocal: can be said of an existing link only");
        }
        MessageWriter body = new MessageWriter();
        write(body, settings, settings.index());
        if (kind instanceof LinkKind.Bridge bridge) {
            body.nest(
                    IFLA_LINKINFO,
                    info -> info.text(IFLA_INFO_KIND, "bridge")
                            .nest(
                                    IFLA_INFO_DATA,
                                    data -> data.attribute32(IFLA_BR_STP_STATE, bridge.spanningTree() ? 1 : 0)
                                            .attribute8(IFLA_BR_MCAST_SNOOPING, bridge.multicastSnooping() ? 1 : 0)));
        } else if (kind instanceof LinkKind.Veth veth) {
            body.nest(
                    IFLA_LINKINFO,
                    info -> info.text(IFLA_INFO_KIND, "veth")
                            .nest(
                                    IFLA_INFO_DATA,
                                    data -> data.nest(VETH_INFO_PEER, peer -> {
                                        write(peer, veth.peer(), veth.peer().index());
                                        veth.peerNamespace()
                                                .ifPresent(namespace -> peer.descriptor(IFLA_NET_NS_FD, namespace));
                                    })));
        }
        return new NetlinkMessage(
                "RTM_NEWLINK",
                settings.name().orElse(""),
                RTM_NEWLINK,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL,
                body);
    }

    /** A change of the link that has this number. */
    public static NetlinkMessage change(int index, LinkSettings settings) {
        if (settings.index().isPresent()) {
            throw new IllegalArgumentException("index: can be said of a new link only");
        }
        MessageWriter body = new MessageWriter();
        write(body, settings, OptionalInt.of(checkIndex(index)));
        settings.linkLocal()
                .ifPresent(linkLocal -> body.nest(
                        IFLA_AF_SPEC,
                        families -> families.nest(
                                AF_INET6,
                                inet6 -> inet6.attribute8(
                                        IFLA_INET6_ADDR_GEN_MODE,
                                        linkLocal ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE))));
        return new NetlinkMessage("RTM_NEWLINK", "link " + index, RTM_NEWLINK, 0, body);
    }

    /** A change of how a bridge treats the port that has this number. */
    public static NetlinkMessage port(int index, BridgePort port) {
        MessageWriter body = header(AF_BRIDGE, checkIndex(index), 0, 0)
                .nest(
                        IFLA_PROTINFO,
                        info -> info.attribute8(IFLA_BRPORT_ISOLATED, port.isolated() ? 1 : 0)
                                .attribute8(IFLA_BRPORT_MODE, port.hairpin() ? 1 : 0)
                                .attribute8(IFLA_BRPORT_LEARNING, port.learning() ? 1 : 0)
                                .attribute8(IFLA_BRPORT_UNICAST_FLOOD, port.unicastFlood() ? 1 : 0)
                                .attribute8(IFLA_BRPORT_LOCKED, port.locked() ? 1 : 0));
        return new NetlinkMessage("RTM_SETLINK", "port " + index, RTM_SETLINK, 0, body);
    }

    /** The end of a link. It takes the kernel up to 30 ms, all of it spent in the call. */
    public static NetlinkMessage delete(int index) {
        return new NetlinkMessage(
                "RTM_DELLINK", "link " + index, RTM_DELLINK, 0, header(AF_UNSPEC, checkIndex(index), 0, 0));
    }

    public static NetlinkMessage delete(String name) {
        LinkSettings.checkName(name);
        return new NetlinkMessage(
                "RTM_DELLINK", name, RTM_DELLINK, 0, header(AF_UNSPEC, 0, 0, 0).text(IFLA_IFNAME, name));
    }

    static NetlinkMessage ask(String name) {
        LinkSettings.checkName(name);
        return new NetlinkMessage(
                "RTM_GETLINK", name, RTM_GETLINK, 0, header(AF_UNSPEC, 0, 0, 0).text(IFLA_IFNAME, name));
    }

    static NetlinkMessage ask(int index) {
        return new NetlinkMessage(
                "RTM_GETLINK", "link " + index, RTM_GETLINK, 0, header(AF_UNSPEC, checkIndex(index), 0, 0));
    }

    static NetlinkMessage askAll() {
        return new NetlinkMessage("RTM_GETLINK", "", RTM_GETLINK, 0, header(AF_UNSPEC, 0, 0, 0));
    }

    static int checkIndex(int index) {
        if (index <= 0) {
            throw new IllegalArgumentException("not the number of a link: " + index);
        }
        return index;
    }

    private static MessageWriter header(int family, int index, int flags, int change) {
        return header(new MessageWriter(), family, index, flags, change);
    }

    private static MessageWriter header(MessageWriter body, int family, int index, int flags, int change) {
        return body.u8(family).u8(0).u16(0).u32(index).u32(flags).u32(change);
    }

    private static void write(MessageWriter body, LinkSettings settings, OptionalInt index) {
        header(
                body,
                AF_UNSPEC,
                index.orElse(0),
                settings.up().orElse(false) ? IFF_UP : 0,
                settings.up().isPresent() ? IFF_UP : 0);
        settings.name().ifPresent(name -> body.text(IFLA_IFNAME, name));
        settings.address().ifPresent(address -> body.attribute(IFLA_ADDRESS, address.bytes()));
        settings.mtu().ifPresent(mtu -> body.attribute32(IFLA_MTU, mtu));
        settings.master().ifPresent(master -> body.attribute32(IFLA_MASTER, master));
    }
}
