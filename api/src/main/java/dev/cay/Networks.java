package dev.cay;

import static java.util.Objects.requireNonNull;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * The networks of this machine, and what its sandboxes have of them. Thread-safe, also between processes. A sandbox is given by its
 * id, the beginning of its id or its name.
 */
public interface Networks {
    /**
     * A network.
     *
     * @param name what it is called
     * @param subnet its IPv4 addresses
     * @param gateway that of this machine
     * @param subnet6 its IPv6 addresses
     * @param gateway6 that of this machine
     * @param bridge the link that it is on this machine, while a sandbox uses it
     * @param mutual whether its sandboxes reach each other
     * @param members the sandboxes that use it
     */
    record Info(
            String name,
            Cidr subnet,
            InetAddress gateway,
            Cidr subnet6,
            InetAddress gateway6,
            String bridge,
            boolean mutual,
            List<Member> members) {
        public Info {
            requireNonNull(name, "name is null");
            requireNonNull(subnet, "subnet is null");
            requireNonNull(gateway, "gateway is null");
            requireNonNull(subnet6, "subnet6 is null");
            requireNonNull(gateway6, "gateway6 is null");
            requireNonNull(bridge, "bridge is null");
            members = List.copyOf(members);
        }
    }

    /**
     * A sandbox on a network.
     *
     * @param sandbox its id
     * @param names what it is called there
     * @param ports the ports of this machine that lead to it
     */
    record Member(
            String sandbox, InetAddress address, InetAddress address6, List<String> names, List<PublishedPort> ports) {
        public Member {
            requireNonNull(sandbox, "sandbox is null");
            requireNonNull(address, "address is null");
            requireNonNull(address6, "address6 is null");
            names = List.copyOf(names);
            ports = List.copyOf(ports);
        }
    }

    /**
     * Makes a network whose sandboxes reach each other.
     *
     * @param subnet its IPv4 addresses, /8 to /30; a free block of 10.0.0.0/8 if empty
     * @throws SandboxException.Conflict if there is one of this name, or the addresses are somebody else's
     */
    Info create(String name, Optional<Cidr> subnet);

    /** All that there are, by their names. {@link Network#BRIDGE} is made when a sandbox first uses it. */
    List<Info> list();

    /**
     * Removes a network.
     *
     * @throws SandboxException.NotFound if there is none
     * @throws SandboxException.Conflict if a sandbox uses it
     */
    void remove(String name);

    /**
     * What a sandbox has.
     *
     * @throws SandboxException.NotFound if it has no network of its own
     */
    Member member(String sandbox);

    /**
     * Leads a port of this machine to a sandbox.
     *
     * @throws SandboxException.Conflict if somebody has the port; the message says who
     */
    void publish(String sandbox, PublishedPort port);

    /**
     * Leads it there no more; connections that came by it end.
     *
     * @throws SandboxException.NotFound if the sandbox does not publish it
     */
    void unpublish(String sandbox, PublishedPort port);

    /** The policy of a sandbox. */
    EgressPolicy egress(String sandbox);

    /**
     * Gives another policy to a sandbox, at once and as a whole: there is no moment at which neither is in force. Connections that
     * it has are judged again.
     */
    void setEgress(String sandbox, EgressPolicy policy);

    /**
     * Says what becomes of a connection that a sandbox tries to make.
     *
     * @param destination {@code ADDRESS[:PORT][/tcp|udp|icmp]}, an IPv6 address with a port in brackets; or a domain
     */
    EgressPolicy.Decision explain(String sandbox, String destination);

    /**
     * Answers the questions for names of detached sandboxes, in the thread that calls, until none of them has a network. Returns at
     * once if another process does, as is the rule: one is started with the first such sandbox.
     */
    void serveNames();

    /** What policies have denied, as far as it is still known: the last 1 MiB of it at least. */
    List<DeniedConnection> denied();

    /** What they deny from now on. */
    DeniedConnections followDenied();

    /**
     * Restores what somebody else has taken away of the packet filter and the settings of this machine.
     *
     * @return what was done, in words; empty if no sandbox uses a network
     */
    List<String> repair();
}
