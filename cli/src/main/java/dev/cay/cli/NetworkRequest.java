package dev.cay.cli;

import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.Network;
import dev.cay.PublishedPort;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads what is said about the network of a sandbox, and its policy. */
final class NetworkRequest {
    static final Option NETWORK = Option.valued(
            "network",
            "none|bridge|NAME|host",
            "none (the default): loopback alone. bridge: addresses of its own and a way out that --egress guards; or a"
                    + " network made with 'cay network create'. host: the network of this machine, unfiltered.");
    static final Option PUBLISH = Option.valued(
            "p",
            "publish",
            "[ADDRESS:]PORT:PORT[/udp]",
            "Lead a port of this machine, on 127.0.0.1 or another address of it, to a port of the sandbox. May be"
                    + " repeated.");
    static final Option PUBLISH_ALL = Option.flag(
            "P",
            "publish-all",
            "Lead a free port of 127.0.0.1 to each port that the image exposes and --publish does not; 'cay port ls' says"
                    + " which.");
    static final Option EGRESS = Option.valued(
            "egress",
            "public|deny|all|FILE",
            "What it may connect to. public (the default): the internet, and nothing of what is around or on this"
                    + " machine. deny: what --allow says. all: everything. FILE: a policy as 'cay net show' prints it.");
    static final Option ALLOW = Option.valued(
            "allow",
            "TARGET[:tcp|udp|icmp[:PORTS]]",
            "Allow an address, a block, a domain (*.example.com) or a group (public, private, loopback, link-local,"
                    + " metadata, host, network, any), before what --egress says. May be repeated; of --allow and --deny the first"
                    + " that matches decides.");
    static final Option DENY = Option.valued("deny", "TARGET[:...]", "The same to deny it. May be repeated.");
    static final Option CONNECTIONS = Option.valued("connections", "N", "How many connections it may have at a time.");
    static final Option BANDWIDTH =
            Option.valued("bandwidth", "SIZE", "How many bytes a second it may send, and receive.");
    static final Option IP = Option.valued("ip", "ADDRESS", "The IPv4 address it shall have. By default any.");

    static final List<Option> POLICY = List.of(EGRESS, ALLOW, DENY, CONNECTIONS, BANDWIDTH);

    private static final int MAXIMUM_POLICY = 1024 * 1024;

    private NetworkRequest() {}

    static Network network(Arguments arguments) {
        String name = arguments.last(NETWORK).orElse("none");
        if (name.equals("none") || name.equals("host")) {
            refuse(arguments, name);
            return name.equals("none") ? Network.none() : Network.host();
        }
        Network.Named network = Network.named(name).withEgress(policy(arguments, EgressPolicy.publicOnly()));
        List<PublishedPort> ports = new ArrayList<>();
        for (String text : arguments.all(PUBLISH)) {
            ports.add(PublishedPort.parse(text));
        }
        Optional<String> address = arguments.last(IP);
        return address.isPresent()
                ? network.withPorts(ports)
                        .withAddress(dev.cay.Cidr.parse(address.get()).address())
                : network.withPorts(ports);
    }

    private static void refuse(Arguments arguments, String name) {
        List<Option> needing = new ArrayList<>(POLICY);
        needing.add(PUBLISH);
        needing.add(PUBLISH_ALL);
        needing.add(IP);
        for (Option option : needing) {
            if (arguments.has(option)) {
                throw new UsageException(
                        option.spelling() + " has no effect with --network " + name, "add --network bridge");
            }
        }
    }

    /** What the options say, on top of a policy if they do not name another one. */
    static EgressPolicy policy(Arguments arguments, EgressPolicy otherwise) {
        EgressPolicy policy = otherwise;
        Optional<String> egress = arguments.last(EGRESS);
        if (egress.isPresent()) {
            Optional<EgressPolicy> preset = EgressPolicy.preset(egress.get());
            policy = preset.isPresent() ? preset.get() : EgressPolicy.parse(file(egress.get()));
        }
        List<EgressRule> rules = new ArrayList<>();
        for (Arguments.Given given : arguments.given()) {
            if (given.option().name().equals(ALLOW.name())) {
                rules.add(EgressRule.parse(EgressRule.Action.ALLOW, given.value()));
            } else if (given.option().name().equals(DENY.name())) {
                rules.add(EgressRule.parse(EgressRule.Action.DENY, given.value()));
            }
        }
        policy = policy.withFirst(rules);
        Optional<String> connections = arguments.last(CONNECTIONS);
        if (connections.isPresent()) {
            policy = policy.withConnections(Values.wholeNumber(CONNECTIONS, connections.get()));
        }
        Optional<String> bandwidth = arguments.last(BANDWIDTH);
        return bandwidth.isPresent() ? policy.withBandwidth(Values.size(BANDWIDTH, bandwidth.get())) : policy;
    }

    private static String file(String name) {
        Path path = Values.path(EGRESS, name);
        String hint = "write public, deny, all or the path of a policy";
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAXIMUM_POLICY + 1);
            if (bytes.length > MAXIMUM_POLICY) {
                throw Values.refuse(EGRESS, "'" + name + "' has more than " + MAXIMUM_POLICY + " bytes", hint);
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw Values.refuse(EGRESS, "there is no file '" + name + "'", hint);
        } catch (IOException e) {
            throw Values.refuse(EGRESS, "'" + name + "' cannot be read: " + e.getMessage(), hint);
        }
    }
}
