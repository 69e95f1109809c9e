package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

/**
 * Which station is behind a port of a bridge, as told and not as learnt: frames for it go there and nowhere else, and no
 * other port can claim it.
 *
 * @param port the number of the link
 */
public record BridgeStation(int port, MacAddress station) {
    private static final int RTM_NEWNEIGH = 28;
    private static final int AF_BRIDGE = 7;
    private static final int NDA_LLADDR = 2;
    private static final int NUD_NOARP = 0x40;
    private static final int NTF_MASTER = 4;

    public BridgeStation {
        LinkMessages.checkIndex(port);
        requireNonNull(station, "station is null");
    }

    /** Tells the bridge; it forgets with the port. */
    public NetlinkMessage set() {
        MessageWriter body = new MessageWriter()
                .u8(AF_BRIDGE)
                .u8(0)
                .u16(0)
                .u32(port)
                .u16(NUD_NOARP)
                .u8(NTF_MASTER)
                .u8(0)
                .attribute(NDA_LLADDR, station.bytes());
        return new NetlinkMessage(
                "RTM_NEWNEIGH",
                station + " on port " + port,
                RTM_NEWNEIGH,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_REPLACE,
                body);
    }
}
