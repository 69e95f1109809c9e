package dev.cay;

import java.net.InetAddress;
import java.util.List;

/**
 * Addresses that have something in common, after the registries of special addresses of IANA (RFC 6890). An address can be in
 * several groups.
 */
public enum AddressGroup {
    /** All. */
    ANY("any", List.of("0.0.0.0/0", "::/0")),
    /**
     * What anybody in the internet could reach: no address of this machine or of a cloud's metadata service, and none that is
     * reserved for another use.
     */
    PUBLIC("public", List.of()),
    /** RFC 1918, shared (RFC 6598) and unique local addresses: the networks around this machine. */
    PRIVATE(
            "private",
            List.of("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
    LOOPBACK("loopback", List.of("127.0.0.0/8", "::1")),
    LINK_LOCAL("link-local", List.of("169.254.0.0/16", "fe80::/10")),
    /** Where clouds hand out the credentials of a machine to whoever asks from it. */
    METADATA(
            "metadata",
            List.of(
                    "169.254.169.254",
                    "169.254.170.2",
                    "169.254.170.23",
                    "100.100.100.200",
                    "168.63.129.16",
                    "192.0.0.192",
                    "fd00:ec2::254",
                    "fd00:ec2::23",
                    "fd20:ce::254")),
    /** The addresses of this machine, whatever they are at the moment. */
    HOST("host", List.of()),
    /**
     * The sandbox's neighbours: the other addresses of its own network, if that is one whose sandboxes reach each other; else none.
     */
    NETWORK("network", List.of());

    /** What an address is to the sandbox, apart from its number. */
    public enum Owner {
        /** One of this machine, the gateway of the network among them. */
        HOST,
        /** One of the sandbox's own network, whose sandboxes reach each other. */
        NEIGHBOUR,
        /** Somebody else's. */
        OTHER
    }

    /** What is not public wherever it is seen: the groups above, documentation, benchmarks, multicast, tunnels of IPv6. */
    private static final List<Cidr> RESERVED = cidrs(List.of(
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "::/3",
            "2001::/32",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "4000::/2",
            "8000::/1"));

    private final String text;
    private final List<Cidr> blocks;

    AddressGroup(String text, List<String> blocks) {
        this.text = text;
        this.blocks = cidrs(blocks);
    }

    private static List<Cidr> cidrs(List<String> texts) {
        return texts.stream().map(Cidr::parse).toList();
    }

    /** Its stable name. */
    public String text() {
        return text;
    }

    /** The blocks it consists of; none for those that are not made of blocks: {@link #PUBLIC}, {@link #HOST}, {@link #NETWORK}. */
    public List<Cidr> blocks() {
        return blocks;
    }

    /** The blocks that are not {@link #PUBLIC}; those of one family do not overlap. */
    public static List<Cidr> reserved() {
        return RESERVED;
    }

    /** Whether an address is in it. */
    public boolean contains(InetAddress address, Owner owner) {
        if (this == HOST) {
            return owner == Owner.HOST;
        }
        if (this == NETWORK) {
            return owner == Owner.NEIGHBOUR;
        }
        if (this == PUBLIC) {
            return owner != Owner.HOST && RESERVED.stream().noneMatch(block -> block.contains(address));
        }
        return blocks.stream().anyMatch(block -> block.contains(address));
    }
}
