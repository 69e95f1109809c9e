/**
 * The kernel's network configuration over netlink sockets: links, addresses, routes and neighbours
 * ({@link dev.cay.linux.netlink.Rtnetlink}), and the packet filter ({@link dev.cay.linux.netlink.Nftables}). No program
 * is started for any of it.
 *
 * <p>What is asked for is a {@link dev.cay.linux.netlink.NetlinkMessage}: data, made without a socket, so that it can
 * also go into an {@link dev.cay.linux.OpList} that runs somewhere else. A {@link dev.cay.linux.netlink.NetlinkSocket}
 * sends messages and reads the answers, all of it by system calls of a {@link dev.cay.linux.Kernel}.
 */
package dev.cay.linux.netlink;
