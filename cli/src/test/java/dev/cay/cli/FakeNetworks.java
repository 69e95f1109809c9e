package dev.cay.cli;

import dev.cay.Cidr;
import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Networks that are but names, with one sandbox, {@code box}. */
final class FakeNetworks implements Networks {
    final List<Info> networks = new ArrayList<>();
    final List<PublishedPort> ports = new ArrayList<>();
    EgressPolicy policy = EgressPolicy.publicOnly();

    @Override
    public Info create(String name, Optional<Cidr> subnet) {
        Info made = new Info(
                name,
                subnet.orElse(Cidr.parse("10.88.0.0/16")),
                address("10.88.0.1"),
                Cidr.parse("fd00::/64"),
                address("fd00::1"),
                "cay0",
                true,
                List.of());
        networks.add(made);
        return made;
    }

    private static InetAddress address(String text) {
        return Cidr.parse(text).address();
    }

    @Override
    public List<Info> list() {
        return networks;
    }

    @Override
    public void remove(String name) {
        if (!networks.removeIf(network -> network.name().equals(name))) {
            throw new SandboxException.NotFound("there is no network " + name, "see: cay network ls");
        }
    }

    @Override
    public Member member(String sandbox) {
        if (!sandbox.equals("box")) {
            throw new SandboxException.NotFound("there is no sandbox " + sandbox, "see: cay ps");
        }
        return new Member("box", address("10.88.0.2"), address("fd00::2"), List.of("box"), ports);
    }

    @Override
    public void publish(String sandbox, PublishedPort port) {
        ports.add(port);
    }

    @Override
    public void unpublish(String sandbox, PublishedPort port) {
        if (!ports.remove(port)) {
            throw new SandboxException.NotFound("the sandbox " + sandbox + " does not publish " + port, "");
        }
    }

    @Override
    public EgressPolicy egress(String sandbox) {
        return policy;
    }

    @Override
    public void setEgress(String sandbox, EgressPolicy other) {
        policy = other;
    }

    @Override
    public EgressPolicy.Decision explain(String sandbox, String destination) {
        return new EgressPolicy.Decision(
                EgressRule.Action.DENY, OptionalInt.of(0), "rule 1 says 'deny " + destination + "'");
    }

    @Override
    public void serveNames() {}

    @Override
    public List<DeniedConnection> denied() {
        return List.of(new DeniedConnection(
                Instant.EPOCH,
                "box",
                "lab",
                "tcp",
                address("10.0.0.5"),
                OptionalInt.of(5432),
                Optional.empty(),
                "no rule",
                2));
    }

    @Override
    public DeniedConnections followDenied() {
        return new DeniedConnections() {
            @Override
            public List<DeniedConnection> next(Duration timeout) {
                return List.of();
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public List<String> repair() {
        return List.of("the packet filter of 1 sandbox");
    }
}
