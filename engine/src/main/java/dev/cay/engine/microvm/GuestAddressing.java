package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.MacAddress;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** How a guest comes to its addresses. Its loopback it has always. */
public sealed interface GuestAddressing {
    /** The addresses of its host, as far as they are known before it has its own. */
    default List<String> gateways() {
        return List.of();
    }

    /** Who answers its questions for names; if empty it goes on asking whom its image says. */
    default List<String> nameServers() {
        return List.of();
    }

    /** What {@code ip=} on its kernel's command line says; if that is not there it has none. */
    record CommandLine() implements GuestAddressing {}

    /**
     * It has a port of a network of this machine, which tells it.
     *
     * @param gateways the addresses of the host there; the first one answers its questions for names
     */
    record Port(List<String> gateways) implements GuestAddressing {
        private static final Pattern ADDRESS = Pattern.compile("[0-9a-fA-F.:]{2,45}");

        public Port {
            gateways = List.copyOf(gateways);
            gateways.forEach(
                    address -> GuestSpec.require(ADDRESS.matcher(address).matches(), "a gateway '" + address + "'"));
        }

        @Override
        public List<String> nameServers() {
            return gateways.stream().limit(1).toList();
        }
    }

    /** A DHCP server tells it, over the first device that it has. */
    record Dhcp() implements GuestAddressing {}

    /**
     * These.
     *
     * @param device its name in the guest; the first that there is if empty
     * @param station the Ethernet address that the device is to have
     * @param mtu 68 to 65535
     * @param ipv4 at least one of the two is there
     */
    record Fixed(
            Optional<String> device,
            Optional<MacAddress> station,
            int mtu,
            Optional<Address> ipv4,
            Optional<Address> ipv6)
            implements GuestAddressing {
        /** That of Ethernet. */
        public static final int STANDARD_MTU = 1500;

        private static final int LEAST_MTU = 68;
        private static final int LEAST_MTU_OF_IPV6 = 1280;
        private static final int MOST_MTU = 65535;
        private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,14}");

        public Fixed {
            requireNonNull(station, "station is null");
            device.ifPresent(name -> GuestSpec.require(DEVICE.matcher(name).matches(), "a device '" + name + "'"));
            GuestSpec.require(mtu >= LEAST_MTU && mtu <= MOST_MTU, "an MTU of " + mtu);
            GuestSpec.require(ipv6.isEmpty() || mtu >= LEAST_MTU_OF_IPV6, "IPv6 with an MTU of " + mtu);
            GuestSpec.require(ipv4.isPresent() || ipv6.isPresent(), "a network without an address");
            ipv4.ifPresent(one -> GuestSpec.require(one.isIpv4(), "an IPv4 address " + one.text()));
            ipv6.ifPresent(one -> GuestSpec.require(!one.isIpv4(), "an IPv6 address " + one.text()));
        }

        Stream<Address> addresses() {
            return Stream.concat(ipv4.stream(), ipv6.stream());
        }

        @Override
        public List<String> gateways() {
            return addresses()
                    .flatMap(one -> one.gateway().stream())
                    .map(InetAddress::getHostAddress)
                    .toList();
        }

        @Override
        public List<String> nameServers() {
            return addresses()
                    .flatMap(one -> one.nameServers().stream())
                    .map(InetAddress::getHostAddress)
                    .toList();
        }
    }

    /**
     * An address, and whom it leads to.
     *
     * @param prefix the length of its network's prefix, 1 to 32 or 128
     * @param gateway by which all else is reached
     */
    record Address(InetAddress address, int prefix, Optional<InetAddress> gateway, List<InetAddress> nameServers) {
        private static final int BITS = 32;

        public Address {
            nameServers = List.copyOf(nameServers);
            int size = address.getAddress().length;
            GuestSpec.require(prefix >= 1 && prefix <= size * 8, "a prefix of " + prefix);
            GuestSpec.require(isHost(address, prefix), "the address " + address.getHostAddress() + "/" + prefix);
            List<InetAddress> others = new ArrayList<>(nameServers);
            gateway.ifPresent(one -> {
                GuestSpec.require(
                        !one.equals(address) && one.getAddress().length == size && isHost(one, size * 8),
                        "the gateway " + one.getHostAddress());
                others.add(one);
            });
            others.forEach(one -> GuestSpec.require(
                    !one.isAnyLocalAddress() && !one.isMulticastAddress(), "the server " + one.getHostAddress()));
        }

        /** Whether it can be one of a machine, and not of a network. */
        private static boolean isHost(InetAddress address, int prefix) {
            boolean isOne =
                    !address.isAnyLocalAddress() && !address.isMulticastAddress() && !address.isLoopbackAddress();
            if (!isOne || address.getAddress().length * 8 != BITS) {
                return isOne;
            }
            IpPrefix network = IpPrefix.containing(address, prefix);
            boolean isNetworks = prefix < BITS - 1
                    && (network.first().equals(address) || network.last().equals(address));
            int first = address.getAddress()[0] & 0xff;
            return !isNetworks && first != 0 && first < 240; // "this network" and those that are reserved
        }

        boolean isIpv4() {
            return address.getAddress().length * 8 == BITS;
        }

        String text() {
            return address.getHostAddress();
        }
    }

    /**
     * What a kernel's command line says, in the kernel's own form (admin-guide/nfs/nfsroot.rst):
     * {@code ip=CLIENT::GATEWAY:NETMASK::DEVICE:off}.
     *
     * @return empty if it says nothing of it
     * @throws IllegalArgumentException if a field is missing, or is not what it should be
     */
    static Optional<Fixed> parse(String commandLine) {
        List<String> said = Stream.of(commandLine.strip().split("\\s+"))
                .filter(word -> word.startsWith("ip="))
                .toList();
        if (said.isEmpty()) {
            return Optional.empty();
        }
        String word = said.getFirst();
        GuestSpec.require(said.size() == 1, "more than one " + word);
        String[] fields = word.substring("ip=".length()).split(":", -1);
        GuestSpec.require(fields.length == 7, word + ": not seven fields");
        GuestSpec.require(fields[1].isEmpty() && fields[4].isEmpty(), word + ": a server or a host's name");
        GuestSpec.require(fields[6].equals("off") || fields[6].equals("none"), word + ": not off");
        InetAddress gateway = ipv4(word, fields[2]);
        Address address = new Address(
                ipv4(word, fields[0]), prefix(word, ipv4(word, fields[3])), Optional.of(gateway), List.of());
        GuestSpec.require(
                IpPrefix.containing(address.address(), address.prefix()).contains(gateway),
                word + ": a gateway of another network");
        return Optional.of(new Fixed(
                Optional.of(fields[5]), Optional.empty(), Fixed.STANDARD_MTU, Optional.of(address), Optional.empty()));
    }

    private static InetAddress ipv4(String word, String field) {
        String octet = "(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])";
        GuestSpec.require(field.matches(octet + "(\\." + octet + "){3}"), word + ": '" + field + "' for an address");
        try {
            return InetAddress.getByName(field); // no name, so nobody is asked
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static int prefix(String word, InetAddress mask) {
        return prefix(mask.getAddress())
                .orElseThrow(() -> new IllegalArgumentException(
                        "no guest has " + word + ": '" + mask.getHostAddress() + "' for a mask"));
    }

    /** How many bits a mask has, if these are the first ones. */
    static Optional<Integer> prefix(byte[] mask) {
        int bits = 0;
        for (byte one : mask) {
            bits = bits << 8 | one & 0xff;
        }
        int length = Integer.bitCount(bits);
        boolean isMask = mask.length == 4 && length > 0 && bits == -1 << 32 - length;
        return isMask ? Optional.of(length) : Optional.empty();
    }
}
