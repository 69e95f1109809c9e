package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A table of the packet filter: what holds chains and sets, and goes with them. */
public record NftTable(NftFamily family, String name) {
    private static final int NFT_NAME_MAXLEN = 256;

    public NftTable {
        requireNonNull(family, "family is null");
        checkName(name);
    }

    static void checkName(String name) {
        int size = name.getBytes(StandardCharsets.UTF_8).length;
        if (size == 0 || size >= NFT_NAME_MAXLEN || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("not a name in a packet filter: '" + name + "'");
        }
    }

    /** A chain that packets come to from other chains only. */
    public NftChain chain(String chain) {
        return new NftChain(this, chain, Optional.empty());
    }

    /** Written out: the one that a record has by itself costs a cold JVM milliseconds. */
    @Override
    public boolean equals(Object other) {
        return other instanceof NftTable table && table.family == family && table.name.equals(name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return family.text() + " " + name;
    }
}
