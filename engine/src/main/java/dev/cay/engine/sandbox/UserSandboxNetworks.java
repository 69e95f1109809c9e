package dev.cay.engine.sandbox;

import dev.cay.Cidr;
import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import dev.cay.engine.network.UserNetworks;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.SandboxStore;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** What an ordinary user can know and change of his sandboxes' ways out; there are no networks that they share. Thread-safe. */
final class UserSandboxNetworks implements Networks {
    private final UserNetworks networks;
    private final Sandboxes sandboxes;

    /** Those of this user. */
    interface Sandboxes {
        SandboxStore store() throws IOException;
    }

    UserSandboxNetworks(UserNetworks networks, Sandboxes sandboxes) {
        this.networks = networks;
        this.sandboxes = sandboxes;
    }

    private static SandboxException ofRoot() {
        return new SandboxException.Unsupported(
                "networks of this machine are made by its root: an ordinary user's sandboxes have a way out and no neighbours",
                "use --network bridge, or run as root");
    }

    private static SandboxException fixedPorts() {
        return new SandboxException.Unsupported(
                "an ordinary user's sandbox is given its ports when it is made: pasta takes none later",
                "publish them with 'cay run -p', or run as root");
    }

    /** By whatever the sandbox is called. */
    private Lease lease(String sandbox) throws IOException {
        Optional<Lease> known = find(sandbox);
        if (known.isEmpty()) {
            String id = sandboxes.store().resolve(sandbox);
            known = find(id);
        }
        return known.orElseThrow(() -> new SandboxException.NotFound(
                "the sandbox " + sandbox + " has no network of its own", "make it with --network bridge"));
    }

    private Optional<Lease> find(String id) throws IOException {
        return networks.leases().stream()
                .filter(lease -> lease.sandbox().equals(id))
                .findFirst();
    }

    @Override
    public Info create(String name, Optional<Cidr> subnet) {
        throw ofRoot();
    }

    @Override
    public List<Info> list() {
        return List.of();
    }

    @Override
    public void remove(String name) {
        throw ofRoot();
    }

    @Override
    public Member member(String sandbox) {
        return StoredNetworks.guarded(() -> StoredNetworks.member(lease(sandbox)));
    }

    @Override
    public void publish(String sandbox, PublishedPort port) {
        throw fixedPorts();
    }

    @Override
    public void unpublish(String sandbox, PublishedPort port) {
        throw fixedPorts();
    }

    @Override
    public EgressPolicy egress(String sandbox) {
        return StoredNetworks.guarded(() -> lease(sandbox).egress().orElseThrow());
    }

    @Override
    public void setEgress(String sandbox, EgressPolicy policy) {
        StoredNetworks.guarded(() -> {
            networks.egress(lease(sandbox), policy);
            return sandbox;
        });
    }

    @Override
    public EgressPolicy.Decision explain(String sandbox, String destination) {
        EgressPolicy policy = egress(sandbox);
        return StoredNetworks.guarded(() -> networks.explain(policy, destination));
    }

    /** Each process answers the questions of its own. */
    @Override
    public void serveNames() {}

    @Override
    public List<DeniedConnection> denied() {
        return StoredNetworks.guarded(() -> networks.denied().all());
    }

    @Override
    public DeniedConnections followDenied() {
        return StoredNetworks.guarded(() -> networks.denied().follow());
    }

    /** Nobody can have taken anything away but the machine's root, from inside. */
    @Override
    public List<String> repair() {
        return List.of();
    }
}
