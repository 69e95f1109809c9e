package dev.cay.engine.network;

import dev.cay.EgressPolicy;
import dev.cay.EgressPolicy.Decision;
import dev.cay.EgressRule;
import dev.cay.EgressTarget;
import dev.cay.SandboxException;
import dev.cay.engine.state.NetworkDefinition;
import java.net.InetAddress;
import java.util.Collection;
import java.util.OptionalInt;
import java.util.Set;

/** Why a connection passes, or does not, for people: a destination as they write it, and what the policy says to it. */
public final class Explanation {
    private static final String HINT = "write ADDRESS:PORT, [IPV6]:PORT, ADDRESS:PORT/udp, ADDRESS/icmp or a domain";
    private static final int DNS = 53;

    private Explanation() {}

    /**
     * What becomes of a connection.
     *
     * @param network the sandbox's
     * @param networks all of this machine
     * @param own the addresses of this machine
     */
    public static Decision of(
            EgressPolicy policy,
            NetworkDefinition network,
            Collection<NetworkDefinition> networks,
            String destination,
            Collection<InetAddress> own) {
        int slash = destination.lastIndexOf('/');
        String protocolName = slash < 0 ? "tcp" : destination.substring(slash + 1);
        String rest = slash < 0 ? destination : destination.substring(0, slash);
        EgressRule.Protocol protocol = switch (protocolName) {
            case "tcp" -> EgressRule.Protocol.TCP;
            case "udp" -> EgressRule.Protocol.UDP;
            case "icmp" -> EgressRule.Protocol.ICMP;
            default -> throw refused(destination);
        };
        String host = rest;
        String port = "";
        if (rest.startsWith("[")) {
            int end = rest.indexOf(']');
            if (end < 0) {
                throw refused(destination);
            }
            host = rest.substring(1, end);
            port = rest.substring(end + 1);
        } else if (rest.indexOf(':') >= 0 && rest.indexOf(':') == rest.lastIndexOf(':')) {
            host = rest.substring(0, rest.indexOf(':'));
            port = rest.substring(rest.indexOf(':'));
        }
        if (!port.isEmpty() && !port.matches(":[1-9][0-9]{0,4}")) {
            throw refused(destination);
        }
        OptionalInt number = port.isEmpty() ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(port.substring(1)));
        return switch (EgressTarget.parse(host)) {
            case EgressTarget.Domain domain -> policy.explainName(domain.name());
            case EgressTarget.Group _ -> throw refused(destination);
            case EgressTarget.Block block -> {
                InetAddress address = block.cidr().address();
                boolean gateway = address.equals(network.gateway()) || address.equals(network.gateway6());
                boolean ofHost = gateway || address.isLoopbackAddress() || own.contains(address);
                Decision decision = gateway
                                && answersNames(policy)
                                && number.equals(OptionalInt.of(DNS))
                                && protocol != EgressRule.Protocol.ICMP
                        ? new Decision(
                                EgressRule.Action.ALLOW,
                                OptionalInt.empty(),
                                "the gateway answers the sandbox's questions for names")
                        : policy.explain(new EgressPolicy.Destination(
                                address, protocol, number, network.owner(address, ofHost), Set.of()));
                yield ofHost ? decision : amongSandboxes(decision, network, networks, address);
            }
        };
    }

    private static boolean answersNames(EgressPolicy policy) {
        return policy.allowDns()
                || policy.rules().stream()
                        .anyMatch(rule -> rule.action() == EgressRule.Action.ALLOW
                                && rule.target() instanceof EgressTarget.Domain);
    }

    /** Whatever its policy allows, a sandbox reaches no others but its neighbours. */
    private static Decision amongSandboxes(
            Decision decision, NetworkDefinition network, Collection<NetworkDefinition> networks, InetAddress address) {
        if (decision.action() == EgressRule.Action.ALLOW) {
            for (NetworkDefinition other : networks) {
                if (other.contains(address) && !(other.equals(network) && network.mutual())) {
                    String reason = other.equals(network)
                            ? "the sandboxes of the network " + network.name() + " do not reach each other"
                            : "it is on the network " + other.name() + ", and the sandbox is not";
                    return new Decision(EgressRule.Action.DENY, OptionalInt.empty(), reason);
                }
            }
        }
        return decision;
    }

    private static SandboxException refused(String destination) {
        return new SandboxException.InvalidSpec("'" + destination + "' is no destination", HINT);
    }
}
