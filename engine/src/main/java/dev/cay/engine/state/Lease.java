package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.EgressPolicy;
import dev.cay.PublishedPort;
import dev.cay.engine.json.JsonWriter;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a sandbox has of a network.
 *
 * @param sandbox its id
 * @param owner the engine that it ends with; empty if it is detached
 * @param network the network's name
 * @param address its IPv4 address
 * @param address6 its IPv6 address
 * @param link the name of this machine's end of its cable
 * @param names what it is called, for its neighbours: its host name, and its name if it has one
 * @param egress its policy; empty until it is in force
 * @param ports the ports of this machine that lead to it
 * @param resolver the port of its gateways where its questions for names are answered; absent while nobody does
 */
public record Lease(
        String sandbox,
        String owner,
        String network,
        InetAddress address,
        InetAddress address6,
        String link,
        List<String> names,
        Optional<EgressPolicy> egress,
        List<PublishedPort> ports,
        OptionalInt resolver) {
    private static final int VERSION = 1;

    public Lease {
        requireNonNull(sandbox, "sandbox is null");
        requireNonNull(owner, "owner is null");
        requireNonNull(network, "network is null");
        requireNonNull(address, "address is null");
        requireNonNull(address6, "address6 is null");
        requireNonNull(link, "link is null");
        requireNonNull(egress, "egress is null");
        names = List.copyOf(names);
        ports = List.copyOf(ports);
        requireNonNull(resolver, "resolver is null");
    }

    public Lease withEgress(EgressPolicy policy) {
        return new Lease(sandbox, owner, network, address, address6, link, names, Optional.of(policy), ports, resolver);
    }

    public Lease withPorts(List<PublishedPort> published) {
        return new Lease(sandbox, owner, network, address, address6, link, names, egress, published, resolver);
    }

    public Lease withNames(List<String> called) {
        return new Lease(sandbox, owner, network, address, address6, link, called, egress, ports, resolver);
    }

    public Lease withResolver(OptionalInt port) {
        return new Lease(sandbox, owner, network, address, address6, link, names, egress, ports, port);
    }

    String json() {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("sandbox", sandbox)
                .field("owner", owner)
                .field("network", network)
                .field("address", address.getHostAddress())
                .field("address6", address6.getHostAddress())
                .field("link", link)
                .texts("names", names)
                .field("egress", egress.map(EgressPolicy::toString))
                .texts("ports", ports.stream().map(PublishedPort::toString).toList())
                .field("resolver", resolver.isPresent() ? OptionalLong.of(resolver.getAsInt()) : OptionalLong.empty()));
    }

    static Lease read(String json, String file) {
        return StateJson.read(json, file, in -> {
            StateJson.checkVersion(in, VERSION);
            OptionalLong resolver = in.optionalNumber("resolver", 1, 0xffff);
            return new Lease(
                    in.text("sandbox"),
                    in.text("owner"),
                    in.text("network"),
                    InetAddress.ofLiteral(in.text("address")),
                    InetAddress.ofLiteral(in.text("address6")),
                    in.text("link"),
                    in.texts("names"),
                    in.optionalText("egress").map(EgressPolicy::parse),
                    in.texts("ports").stream().map(PublishedPort::parse).toList(),
                    resolver.isPresent() ? OptionalInt.of((int) resolver.getAsLong()) : OptionalInt.empty());
        });
    }
}
