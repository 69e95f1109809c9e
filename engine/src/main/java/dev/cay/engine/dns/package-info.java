/**
 * The names of sandboxes: a forwarding resolver that listens on the gateways of their networks and asks the servers of this machine
 * ({@link dev.cay.engine.dns.Resolver}). What a sandbox may know is decided by a {@link dev.cay.engine.dns.Zone}, of which this
 * package knows nothing more. Questions and answers are hostile; see {@code design/004-names.md}.
 */
package dev.cay.engine.dns;
