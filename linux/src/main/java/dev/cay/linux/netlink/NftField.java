package dev.cay.linux.netlink;

import java.util.Optional;

/** What a rule can ask of a packet. */
public enum NftField {
    /** The link it came in by. */
    INPUT(NftDataType.LINK_NAME),
    /** The link it leaves by. */
    OUTPUT(NftDataType.LINK_NAME),
    ETHERNET_DESTINATION(NftDataType.ETHERNET_ADDRESS),
    ETHERNET_SOURCE(NftDataType.ETHERNET_ADDRESS),
    ETHERNET_TYPE(NftDataType.ETHERNET_TYPE),
    IPV4_SOURCE(NftDataType.IPV4_ADDRESS),
    IPV4_DESTINATION(NftDataType.IPV4_ADDRESS),
    IPV6_SOURCE(NftDataType.IPV6_ADDRESS),
    IPV6_DESTINATION(NftDataType.IPV6_ADDRESS),
    /** Of a request or an answer of the address resolution protocol for IPv4 over Ethernet. */
    ARP_SENDER_STATION(NftDataType.ETHERNET_ADDRESS),
    ARP_SENDER(NftDataType.IPV4_ADDRESS),
    /** That of the transport: TCP, UDP, ICMP. */
    PROTOCOL(NftDataType.PROTOCOL),
    SOURCE_PORT(NftDataType.PORT),
    DESTINATION_PORT(NftDataType.PORT),
    ICMP_TYPE(NftDataType.ICMP_TYPE),
    ICMPV6_TYPE(NftDataType.ICMPV6_TYPE),
    MARK(NftDataType.MARK),
    /** Whether its destination is this machine: {@link #LOCAL}. */
    DESTINATION_TYPE(NftDataType.ADDRESS_TYPE);

    /** The {@link #DESTINATION_TYPE} of this machine's own addresses. */
    public static final NftValue LOCAL = NftValue.u32(2);

    static final int ETH_P_IP = 0x0800;
    static final int ETH_P_ARP = 0x0806;
    static final int ETH_P_IPV6 = 0x86dd;

    private final NftDataType type;

    NftField(NftDataType type) {
        this.type = type;
    }

    public NftDataType type() {
        return type;
    }

    /** The type of Ethernet frames that have it; empty if all packets do. */
    Optional<Integer> ethernetType() {
        return switch (this) {
            case IPV4_SOURCE, IPV4_DESTINATION -> Optional.of(ETH_P_IP);
            case IPV6_SOURCE, IPV6_DESTINATION -> Optional.of(ETH_P_IPV6);
            case ARP_SENDER, ARP_SENDER_STATION -> Optional.of(ETH_P_ARP);
            case INPUT,
                    OUTPUT,
                    ETHERNET_DESTINATION,
                    ETHERNET_SOURCE,
                    ETHERNET_TYPE,
                    PROTOCOL,
                    SOURCE_PORT,
                    DESTINATION_PORT,
                    ICMP_TYPE,
                    ICMPV6_TYPE,
                    MARK,
                    DESTINATION_TYPE -> Optional.empty();
        };
    }

    /** Whether only packets of some transport protocols have it. */
    boolean isOfTransport() {
        return switch (this) {
            case SOURCE_PORT, DESTINATION_PORT, ICMP_TYPE, ICMPV6_TYPE -> true;
            case INPUT,
                    OUTPUT,
                    ETHERNET_DESTINATION,
                    ETHERNET_SOURCE,
                    ETHERNET_TYPE,
                    IPV4_SOURCE,
                    IPV4_DESTINATION,
                    IPV6_SOURCE,
                    IPV6_DESTINATION,
                    ARP_SENDER_STATION,
                    ARP_SENDER,
                    PROTOCOL,
                    MARK,
                    DESTINATION_TYPE -> false;
        };
    }

    /** The step that loads it. */
    NftExpression load(int register) {
        return switch (this) {
            case INPUT -> new NftExpression.Meta(NftExpression.MetaKey.INPUT_NAME, register);
            case OUTPUT -> new NftExpression.Meta(NftExpression.MetaKey.OUTPUT_NAME, register);
            case ETHERNET_DESTINATION -> at(NftExpression.Header.LINK, 0, register);
            case ETHERNET_SOURCE -> at(NftExpression.Header.LINK, 6, register);
            case ETHERNET_TYPE -> new NftExpression.Meta(NftExpression.MetaKey.ETHERNET_TYPE, register);
            case IPV4_SOURCE -> at(NftExpression.Header.NETWORK, 12, register);
            case IPV4_DESTINATION -> at(NftExpression.Header.NETWORK, 16, register);
            case IPV6_SOURCE -> at(NftExpression.Header.NETWORK, 8, register);
            case IPV6_DESTINATION -> at(NftExpression.Header.NETWORK, 24, register);
            case ARP_SENDER_STATION -> at(NftExpression.Header.NETWORK, 8, register);
            case ARP_SENDER -> at(NftExpression.Header.NETWORK, 14, register);
            case PROTOCOL -> new NftExpression.Meta(NftExpression.MetaKey.PROTOCOL, register);
            case SOURCE_PORT, ICMP_TYPE, ICMPV6_TYPE -> at(NftExpression.Header.TRANSPORT, 0, register);
            case DESTINATION_PORT -> at(NftExpression.Header.TRANSPORT, 2, register);
            case MARK -> new NftExpression.Meta(NftExpression.MetaKey.MARK, register);
            case DESTINATION_TYPE -> new NftExpression.DestinationType(register);
        };
    }

    private NftExpression at(NftExpression.Header header, int offset, int register) {
        return new NftExpression.Load(header, offset, type.length(), register);
    }
}
