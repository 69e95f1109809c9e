/**
 * The networks of this machine in the kernel: bridges, cables, addresses and the packet filter
 * ({@link dev.cay.engine.network.HostNetworks}). What there is of them is written down by {@code engine.state}.
 */
package dev.cay.engine.network;
