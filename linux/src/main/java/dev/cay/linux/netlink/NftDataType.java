package dev.cay.linux.netlink;

import java.util.Optional;

/**
 * What the bytes of a key or of a value are. The numbers are those of nft(8), which shows sets by them; the kernel only
 * keeps them.
 */
public enum NftDataType {
    NFPROTO(2, 1),
    IPV4_ADDRESS(7, 4),
    IPV6_ADDRESS(8, 16),
    ETHERNET_ADDRESS(9, 6),
    ETHERNET_TYPE(10, 2),
    PROTOCOL(12, 1),
    PORT(13, 2),
    ICMP_TYPE(14, 1),
    MARK(19, 4),
    CONNECTION_STATE(26, 4),
    ICMPV6_TYPE(29, 1),
    ADDRESS_TYPE(38, 4),
    LINK_NAME(41, 16);

    private final int number;
    private final int length;

    NftDataType(int number, int length) {
        this.number = number;
        this.length = length;
    }

    int number() {
        return number;
    }

    /** In bytes. */
    int length() {
        return length;
    }

    static Optional<NftDataType> of(int number) {
        for (NftDataType type : values()) {
            if (type.number == number) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
