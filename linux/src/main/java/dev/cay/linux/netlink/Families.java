package dev.cay.linux.netlink;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** Addresses of both families. */
final class Families {
    static final int AF_INET = 2;
    static final int AF_INET6 = 10;

    private static final int WITHOUT_SCOPE = -1;

    private Families() {}

    static int family(InetAddress address) {
        return address instanceof Inet4Address ? AF_INET : AF_INET6;
    }

    /** The address of four or sixteen bytes; IPv4 addresses in the form of IPv6 stay what they are. */
    static InetAddress address(byte[] bytes) throws UnknownHostException {
        return bytes.length == 16
                ? Inet6Address.getByAddress("", bytes, WITHOUT_SCOPE)
                : InetAddress.getByAddress(bytes);
    }
}
