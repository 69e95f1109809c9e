package dev.cay.linux.netlink;

/** What kind of packets a table sees. */
public enum NftFamily {
    /** IPv4 and IPv6. */
    INET(1, "inet"),
    IPV4(2, "ip"),
    IPV6(10, "ip6"),
    /** Whatever crosses a bridge. */
    BRIDGE(7, "bridge");

    private final int number;
    private final String text;

    NftFamily(int number, String text) {
        this.number = number;
        this.text = text;
    }

    int number() {
        return number;
    }

    /** What nft(8) calls it. */
    public String text() {
        return text;
    }
}
