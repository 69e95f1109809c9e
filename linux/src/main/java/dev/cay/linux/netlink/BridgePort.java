package dev.cay.linux.netlink;

/**
 * How a bridge treats one of its ports.
 *
 * @param isolated whether it exchanges nothing with other isolated ports
 * @param hairpin whether what came in by it may go out by it
 * @param learning whether the bridge learns from it which addresses are behind it
 * @param unicastFlood whether it gets what is addressed to a station that the bridge does not know
 * @param locked whether it takes frames only from stations that the bridge knows to be behind it, see {@link
 *     BridgeStation}
 */
public record BridgePort(boolean isolated, boolean hairpin, boolean learning, boolean unicastFlood, boolean locked) {
    /** As a port is when it is new. */
    public static final BridgePort PLAIN = new BridgePort(false, false, true, true, false);
}
