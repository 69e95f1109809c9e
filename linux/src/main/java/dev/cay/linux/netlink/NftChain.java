package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * A list of rules.
 *
 * @param base where packets come in; absent for a chain that they come to from other chains only
 */
public record NftChain(NftTable table, String name, Optional<Base> base) {
    public NftChain {
        requireNonNull(table, "table is null");
        requireNonNull(base, "base is null");
        NftTable.checkName(name);
    }

    /**
     * Where a chain's packets come from.
     *
     * @param priority chains of one hook see a packet in this order, the lowest first: -100 and 100 is where addresses
     *     are translated, 0 where it is usually filtered
     * @param accepts what becomes of a packet that no rule decides about: whether it goes on
     */
    public record Base(Hook hook, int priority, Kind kind, boolean accepts) {
        public Base {
            requireNonNull(hook, "hook is null");
            requireNonNull(kind, "kind is null");
        }
    }

    /** A point on the way of packets. */
    public enum Hook {
        /** All that comes in, before it is known where it goes. */
        PREROUTING(0),
        /** What is for this machine. */
        INPUT(1),
        /** What only passes. */
        FORWARD(2),
        /** What this machine sends. */
        OUTPUT(3),
        /** All that goes out. */
        POSTROUTING(4);

        private final int number;

        Hook(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** What the rules of a chain may do. */
    public enum Kind {
        FILTER("filter"),
        /** They translate addresses; asked about the first packet of a connection only. */
        NAT("nat");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        String text() {
            return text;
        }
    }

    @Override
    public String toString() {
        return table + " " + name;
    }
}
