package dev.cay.engine.names;

import dev.cay.AddressGroup;
import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.EgressTarget;
import dev.cay.SandboxException;
import dev.cay.engine.dns.Zone;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** What the leases and policies of sandboxes say about names. Thread-safe. */
final class LeaseZone implements Zone {
    /** Programs keep addresses for longer than they are told to. */
    static final Duration SHORTEST = Duration.ofMinutes(2);

    /** A sandbox may know so many addresses of one name; servers that send more want something else. */
    private static final int MAXIMUM_ADDRESSES = 32;

    /** How long an address can be told that no rule about names is needed for. */
    private static final Duration ALWAYS = Duration.ofDays(1);

    private final NetworkStore store;
    private final NameFilter filter;
    private final Denials denials;
    private final HostAddresses host = new HostAddresses();
    private final Neighbours neighbours;

    /** Told of clients whose policy somebody else has changed. */
    private final Consumer<InetAddress> changed;

    /** By both addresses. */
    private final Map<InetAddress, Served> clients = new ConcurrentHashMap<>();

    LeaseZone(NetworkStore store, NameFilter filter, Denials denials, Consumer<InetAddress> changed) {
        this.store = store;
        this.filter = filter;
        this.denials = denials;
        this.changed = changed;
        neighbours = new Neighbours(store);
    }

    /** Takes note of what a lease says now. Whether it was served before. */
    boolean put(NetworkDefinition network, Lease lease) {
        boolean known = enter(network, lease);
        neighbours.forget(); // what they have read says what it said before
        return known;
    }

    private boolean enter(NetworkDefinition network, Lease lease) {
        Served served = new Served(network, lease);
        Served before = clients.put(lease.address(), served);
        clients.put(lease.address6(), served);
        return before != null && before.lease().sandbox().equals(lease.sandbox());
    }

    void remove(Lease lease) {
        clients.remove(lease.address());
        clients.remove(lease.address6());
    }

    boolean serves(NetworkDefinition network) {
        return clients.values().stream().anyMatch(served -> served.network().equals(network));
    }

    Collection<Lease> leases() {
        return clients.values().stream().map(Served::lease).distinct().toList();
    }

    Optional<Served> client(InetAddress address) {
        return Optional.ofNullable(clients.get(address));
    }

    Optional<Served> any() {
        return clients.values().stream().findAny();
    }

    /** Sees to it that others have not come into the way of those that are served; what cannot be done is tried again. */
    void tend() {
        try {
            if (!clients.isEmpty()) {
                filter.tend();
            }
        } catch (IOException | SandboxException e) {
            // somebody is changing his rules, or a lease, at this moment
        }
    }

    boolean isOfHost(InetAddress address) {
        return host.contains(address);
    }

    @Override
    public Decision decide(InetAddress client, String name) {
        Served served = current(client);
        if (served == null) {
            return new Stranger();
        }
        if (served.network().mutual()) {
            Optional<Lease> neighbour = neighbours.named(served.network().name(), name);
            if (neighbour.isPresent()) {
                return new Local(
                        List.of(neighbour.get().address(), neighbour.get().address6()));
            }
        }
        EgressPolicy.Decision decision = served.policy().explainName(name);
        return decision.action() == EgressRule.Action.ALLOW ? new Forwarded() : new Denied(decision.reason());
    }

    /** With the policy that is written, whoever wrote it. Null for strangers: this is asked for every question. */
    private Served current(InetAddress client) {
        Served served = clients.get(client);
        if (served == null) {
            return null;
        }
        Optional<Lease> written = neighbours.at(client);
        if (written.isPresent()
                && written.get().sandbox().equals(served.lease().sandbox())
                && !written.get().egress().equals(served.lease().egress())) {
            enter(served.network(), written.get());
            changed.accept(written.get().address());
            changed.accept(written.get().address6());
            return clients.get(client);
        }
        return served;
    }

    @Override
    public Admission admit(InetAddress client, String name, List<InetAddress> addresses, Duration lifetime)
            throws IOException {
        Served served = clients.get(client);
        if (served == null) {
            return new Admission(List.of(), Duration.ZERO);
        }
        // Whoever changes a policy holds this lock: what is admitted here is admitted under the policy that is in
        // force.
        boolean named = served.policy().namesDomains();
        Admission admission = named
                ? store.locked(() -> admit(served, store.lease(served.lease().address()), name, addresses, lifetime))
                : new Admission(told(served.policy(), addresses), ALWAYS);
        admission.addresses().forEach(address -> served.told(address, name));
        return admission;
    }

    private Admission admit(
            Served served, Optional<Lease> written, String name, List<InetAddress> addresses, Duration lifetime)
            throws IOException {
        Optional<Lease> lease =
                written.filter(one -> one.sandbox().equals(served.lease().sandbox()));
        if (lease.isEmpty() || lease.get().egress().isEmpty()) {
            return new Admission(List.of(), Duration.ZERO);
        }
        EgressPolicy policy = lease.get().egress().get();
        List<InetAddress> told = told(policy, addresses);
        if (told.isEmpty() || !speaksOf(policy, name)) {
            return new Admission(told, ALWAYS);
        }
        Duration time = lifetime.compareTo(SHORTEST) < 0 ? SHORTEST : lifetime;
        served.apply(filter, lease.get(), name, told, time);
        return new Admission(told, time);
    }

    private static boolean speaksOf(EgressPolicy policy, String name) {
        return policy.rules().stream()
                .anyMatch(rule -> rule.target() instanceof EgressTarget.Domain domain && domain.matches(name));
    }

    /**
     * The addresses that a sandbox may be told: public ones, and those that its policy allows whatever their name is. So a rule that
     * allows a name does not open what is around this machine to whoever owns the name.
     */
    private List<InetAddress> told(EgressPolicy policy, List<InetAddress> addresses) {
        return addresses.stream()
                .filter(address -> contains(AddressGroup.PUBLIC, address) || allowsSome(policy, address))
                .limit(MAXIMUM_ADDRESSES)
                .toList();
    }

    /** Whether some connection to an address is allowed without regard to names. */
    private boolean allowsSome(EgressPolicy policy, InetAddress address) {
        for (EgressRule rule : policy.rules()) {
            boolean matches = switch (rule.target()) {
                case EgressTarget.Block block -> block.cidr().contains(address);
                case EgressTarget.Group group -> contains(group.group(), address);
                case EgressTarget.Domain _ -> false;
            };
            if (matches && rule.action() == EgressRule.Action.ALLOW) {
                return true;
            }
            if (matches
                    && rule.protocol() == EgressRule.Protocol.ANY
                    && rule.ports().isEmpty()) {
                return false;
            }
        }
        return policy.fallback() == EgressRule.Action.ALLOW;
    }

    private boolean contains(AddressGroup group, InetAddress address) {
        // Neighbours are told of by their own names: nobody else's name makes one of an address.
        return group.contains(address, host.contains(address) ? AddressGroup.Owner.HOST : AddressGroup.Owner.OTHER);
    }

    @Override
    public Optional<String> name(InetAddress client, InetAddress address) {
        Served served = clients.get(client);
        return served == null || !served.network().mutual()
                ? Optional.empty()
                : neighbours.of(served.network().name(), address);
    }

    @Override
    public void kept(InetAddress client, String name, String rule) {
        Served served = clients.get(client);
        if (served != null && served.policy().logDenied()) {
            denials.name(served.lease(), NameService.gateway(served.network(), client), name, rule);
        }
    }
}
