package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.AddressGroup;
import dev.cay.Cidr;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * A network of this machine.
 *
 * @param name what it is called
 * @param subnet its IPv4 addresses, /8 to /30
 * @param subnet6 its IPv6 addresses, /64
 * @param bridge the link that it is on this machine
 * @param mutual whether its sandboxes reach each other
 */
public record NetworkDefinition(String name, Cidr subnet, Cidr subnet6, String bridge, boolean mutual) {
    private static final int VERSION = 1;

    public NetworkDefinition {
        requireNonNull(name, "name is null");
        requireNonNull(bridge, "bridge is null");
        new AddressPool(subnet); // refuses what cannot be one
        if (!subnet6.isIpv6() || subnet6.prefix() != 64) {
            throw new SandboxException.InvalidSpec(
                    "the subnet " + subnet6 + " cannot be a network's", "give an IPv6 block of a prefix of /64");
        }
    }

    /** Written out, as each {@code cay run} on a network needs it: the one that a record has costs a cold JVM milliseconds. */
    @Override
    public boolean equals(Object other) {
        return other instanceof NetworkDefinition network
                && name.equals(network.name)
                && bridge.equals(network.bridge)
                && mutual == network.mutual
                && same(subnet, network.subnet)
                && same(subnet6, network.subnet6);
    }

    private static boolean same(Cidr one, Cidr other) {
        return one.prefix() == other.prefix() && one.address().equals(other.address());
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    AddressPool pool() {
        return new AddressPool(subnet);
    }

    /** The IPv4 address of this machine in it. */
    public InetAddress gateway() {
        return pool().gateway();
    }

    /** The IPv6 address of this machine in it. */
    public InetAddress gateway6() {
        return address6(pool().number(gateway()));
    }

    /** What an address is to a sandbox of this network. */
    public AddressGroup.Owner owner(InetAddress address, boolean ofHost) {
        if (ofHost) {
            return AddressGroup.Owner.HOST;
        }
        return mutual && contains(address) ? AddressGroup.Owner.NEIGHBOUR : AddressGroup.Owner.OTHER;
    }

    /** Whether an address is one of this network. */
    public boolean contains(InetAddress address) {
        return subnet.contains(address) || subnet6.contains(address);
    }

    /** How many sandboxes it has addresses for. */
    public int capacity() {
        return pool().capacity();
    }

    /** The IPv6 address that belongs to an IPv4 address: that of the same number. */
    public InetAddress address6(InetAddress address) {
        return address6(pool().number(address));
    }

    private InetAddress address6(int number) {
        byte[] bytes = subnet6.address().getAddress();
        for (int i = 0; i < Integer.BYTES; i++) {
            bytes[bytes.length - 1 - i] = (byte) (number >> 8 * i);
        }
        try {
            return Inet6Address.getByAddress("", bytes, -1);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // it has sixteen bytes
        }
    }

    String json() {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("name", name)
                .field("subnet", subnet.toString())
                .field("subnet6", subnet6.toString())
                .field("bridge", bridge)
                .field("mutual", mutual));
    }

    static NetworkDefinition read(String json, String file) {
        return StateJson.read(json, file, in -> {
            StateJson.checkVersion(in, VERSION);
            return new NetworkDefinition(
                    in.text("name"),
                    Cidr.parse(in.text("subnet")),
                    Cidr.parse(in.text("subnet6")),
                    in.text("bridge"),
                    in.flag("mutual"));
        });
    }
}
