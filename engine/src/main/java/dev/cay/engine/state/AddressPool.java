package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.Cidr;
import dev.cay.SandboxException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.NavigableSet;
import java.util.OptionalInt;

/**
 * The addresses of an IPv4 network, by their number in it: 0 is the network's own, 1 the gateway's, the last one is for
 * broadcasts, and what is between is for sandboxes. Pure and exact for every prefix from 8 to 30: an address is found as long as
 * there is one.
 */
record AddressPool(Cidr subnet) {
    static final int SHORTEST = 8;
    static final int LONGEST = 30;
    private static final int GATEWAY = 1;

    AddressPool {
        requireNonNull(subnet, "subnet is null");
        if (subnet.isIpv6() || subnet.prefix() < SHORTEST || subnet.prefix() > LONGEST) {
            throw new SandboxException.InvalidSpec(
                    "the subnet " + subnet + " cannot be a network's",
                    "give an IPv4 block of a prefix from /" + SHORTEST + " to /" + LONGEST);
        }
    }

    /** The number of the last address that a sandbox can have. */
    int last() {
        return (1 << 32 - subnet.prefix()) - 2;
    }

    /** How many sandboxes it has addresses for. */
    int capacity() {
        return last() - GATEWAY;
    }

    InetAddress gateway() {
        return address(GATEWAY);
    }

    InetAddress address(int number) {
        return toAddress(base() + number);
    }

    /** The number of an address of this network. */
    int number(InetAddress address) {
        return toInt(address) - base();
    }

    private int base() {
        return toInt(subnet.address());
    }

    private static int toInt(InetAddress address) {
        int value = 0;
        for (byte octet : address.getAddress()) {
            value = value << 8 | octet & 0xff;
        }
        return value;
    }

    private static InetAddress toAddress(int value) {
        try {
            return InetAddress.getByAddress(
                    new byte[] {(byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value});
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // it has four bytes
        }
    }

    /**
     * The first number after another one, and around, that is not taken.
     *
     * @param taken numbers; those that no sandbox can have are ignored
     * @param after the one that was found last; addresses that were just given back are so used again last
     */
    OptionalInt next(NavigableSet<Integer> taken, int after) {
        int start = Math.max(GATEWAY + 1, after + 1);
        OptionalInt found = free(taken, start, last());
        return found.isPresent() ? found : free(taken, GATEWAY + 1, Math.min(start - 1, last()));
    }

    private static OptionalInt free(NavigableSet<Integer> taken, int first, int last) {
        int candidate = first;
        for (int number : taken.tailSet(first, true)) {
            if (number > candidate) {
                break;
            }
            candidate = number + 1;
        }
        return candidate <= last ? OptionalInt.of(candidate) : OptionalInt.empty();
    }

    /** Refuses an address that no sandbox of this network can have. */
    void check(InetAddress wanted) {
        int number = subnet.contains(wanted) ? number(wanted) : -1;
        String reason = number < 0
                ? "is not in the subnet " + subnet
                : number == 0
                        ? "is the network's own"
                        : number == GATEWAY ? "is the gateway's" : number > last() ? "is for broadcasts" : "";
        if (!reason.isEmpty()) {
            throw new SandboxException.InvalidSpec(
                    "the address " + wanted.getHostAddress() + " " + reason,
                    "choose one from " + address(GATEWAY + 1).getHostAddress() + " to "
                            + address(last()).getHostAddress());
        }
    }
}
