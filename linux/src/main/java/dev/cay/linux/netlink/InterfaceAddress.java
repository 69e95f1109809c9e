package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;

/**
 * An address of a link.
 *
 * @param link the link's number
 * @param prefixLength how many of its leading bits are those of the network it is in
 * @param noDuplicateDetection whether an IPv6 address is used at once, not after a second of asking whether it is free
 * @param noPrefixRoute whether no route to the network comes with it
 */
public record InterfaceAddress(
        int link, InetAddress address, int prefixLength, boolean noDuplicateDetection, boolean noPrefixRoute) {
    private static final int RTM_NEWADDR = 20;
    private static final int RTM_DELADDR = 21;
    private static final int RTM_GETADDR = 22;

    /** {@code struct ifaddrmsg { __u8 family, prefixlen, flags, scope; __u32 index; }}. */
    private static final int IFADDRMSG_SIZE = 8;

    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    private static final int IFA_FLAGS = 8;
    private static final int IFA_F_NODAD = 2;
    private static final int IFA_F_NOPREFIXROUTE = 0x200;
    private static final int RT_SCOPE_UNIVERSE = 0;
    private static final int RT_SCOPE_LINK = 253;
    private static final int RT_SCOPE_HOST = 254;

    public InterfaceAddress {
        LinkMessages.checkIndex(link);
        requireNonNull(address, "address is null");
        if (prefixLength < 0 || prefixLength > address.getAddress().length * 8) {
            throw new IllegalArgumentException("prefixLength: " + prefixLength + " for " + address.getHostAddress());
        }
    }

    /** An address that is used at once and brings the route to its network. */
    public static InterfaceAddress of(int link, InetAddress address, int prefixLength) {
        return new InterfaceAddress(link, address, prefixLength, true, false);
    }

    /** Gives it to the link; EEXIST if the link has it. */
    public NetlinkMessage add() {
        return message("RTM_NEWADDR", RTM_NEWADDR, NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL);
    }

    /** Takes it away; EADDRNOTAVAIL if the link does not have it. */
    public NetlinkMessage delete() {
        return message("RTM_DELADDR", RTM_DELADDR, 0);
    }

    private NetlinkMessage message(String name, int type, int flags) {
        int ours = (noDuplicateDetection && isIpv6() ? IFA_F_NODAD : 0) | (noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
        MessageWriter body = new MessageWriter()
                .u8(Families.family(address))
                .u8(prefixLength)
                .u8(0)
                .u8(scope())
                .u32(link)
                .attribute(IFA_LOCAL, address.getAddress())
                .attribute(IFA_ADDRESS, address.getAddress())
                .attribute32(IFA_FLAGS, ours);
        return new NetlinkMessage(name, this.toString(), type, flags, body);
    }

    private boolean isIpv6() {
        return address.getAddress().length > 4;
    }

    private int scope() {
        return address.isLoopbackAddress()
                ? RT_SCOPE_HOST
                : address.isLinkLocalAddress() && isIpv6() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    }

    static NetlinkMessage askAll() {
        MessageWriter body = new MessageWriter().u32(0).u32(0);
        return new NetlinkMessage("RTM_GETADDR", "", RTM_GETADDR, 0, body);
    }

    static InterfaceAddress parse(Payload body) throws ProtocolException {
        List<Payload.Attribute> attributes = body.attributes(IFADDRMSG_SIZE);
        Optional<Payload> local = Payload.find(attributes, IFA_LOCAL);
        Payload address = local.isPresent() ? local.get() : Payload.need(attributes, IFA_ADDRESS, "address");
        Optional<Payload> more = Payload.find(attributes, IFA_FLAGS);
        int flags = more.isPresent() ? more.get().u32(0) : body.u8(2);
        int link = body.u32(4);
        int length = body.u8(1);
        if (link <= 0 || length > address.length() * 8) {
            throw new ProtocolException("netlink: an address of link " + link + " with prefix length " + length);
        }
        return new InterfaceAddress(
                link, address.address(), length, (flags & IFA_F_NODAD) != 0, (flags & IFA_F_NOPREFIXROUTE) != 0);
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefixLength + " on " + link;
    }
}
