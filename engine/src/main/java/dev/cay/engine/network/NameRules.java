package dev.cay.engine.network;

import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.EgressTarget;
import dev.cay.engine.names.NameFilter;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Stub;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What our table does for names: where the questions of a sandbox are answered is written in its lease, and so in the table again
 * whoever makes it anew; the addresses of a name stand in the sets of the rules that speak of it. Thread-safe.
 */
final class NameRules implements NameFilter {
    private final NetworkStore store;
    private final Nftables nftables;
    private final Wall wall;
    private final Passage passage;

    /** The packet filter's number when way was last made through it. */
    private volatile int tended;

    NameRules(NetworkStore store, Nftables nftables, Wall wall) {
        this.store = store;
        this.nftables = nftables;
        this.wall = wall;
        passage = new Passage(nftables);
    }

    /** With a socket for its wall that carries nothing else, as others will have it too. */
    static NameRules open(HostKernel kernel, NetworkStore store) throws IOException {
        Nftables nftables = Nftables.open(kernel);
        try {
            return new NameRules(store, nftables, new Wall(Nftables.open(kernel)));
        } catch (IOException e) {
            nftables.close();
            throw e;
        }
    }

    @Override
    public void guard(NetworkDefinition network) throws IOException {
        wall.guard(network.bridge());
    }

    @Override
    public void entrust(Stub first) throws IOException {
        wall.entrust(first);
    }

    /** Docker and firewalld make their chains when they are started, or told to make them anew. Where our own is missing nothing is to pass. */
    @Override
    public void tend() throws IOException {
        int now = nftables.generation();
        if (now != tended) {
            store.locked(() -> {
                if (nftables.table(Ruleset.TABLE).isPresent()) {
                    Set<String> used =
                            store.leases().stream().map(Lease::network).collect(Collectors.toSet());
                    passage.open(store.networks().stream()
                            .filter(network -> used.contains(network.name()))
                            .map(NetworkDefinition::bridge)
                            .toList());
                }
                return "";
            });
            tended = now;
        }
    }

    @Override
    public void answer(Lease lease, int port) throws IOException {
        store.locked(() -> {
            Optional<Lease> written =
                    store.lease(lease.address()).filter(one -> one.sandbox().equals(lease.sandbox()));
            Optional<NetworkDefinition> network = store.network(lease.network());
            if (written.isEmpty() || network.isEmpty() || written.get().egress().isEmpty()) {
                throw new IOException(
                        "the sandbox " + lease.sandbox() + " is no longer on the network " + lease.network());
            }
            Lease answered = written.get().withResolver(OptionalInt.of(port));
            store.put(answered);
            NftBatch fresh = new NftBatch();
            add(fresh, answered, network.get());
            NftBatch exchange = new NftBatch();
            remove(exchange, written.get(), network.get());
            add(exchange, answered, network.get());
            // Somebody may have taken the table away, or parts of it: whoever repairs it finds the port in the lease.
            if (!commit(nftables, exchange)) {
                commit(nftables, fresh);
            }
            return answered;
        });
    }

    /** False if something of it is not there. */
    private static boolean commit(Nftables nftables, NftBatch batch) throws IOException {
        try {
            nftables.commit(batch);
            return true;
        } catch (NetlinkException e) {
            if (HostNetworks.missing(e)) {
                return false;
            }
            throw e;
        }
    }

    /** Lets the questions of a sandbox be answered by the port that its lease names. */
    static void add(NftBatch batch, Lease lease, NetworkDefinition network) {
        lease.resolver().ifPresent(port -> {
            for (boolean ipv6 : new boolean[] {false, true}) {
                batch.addElements(Ruleset.answers(ipv6), answer(lease, network, ipv6, port));
                batch.addElements(Ruleset.answered(ipv6), answered(lease, network, ipv6, port));
            }
        });
    }

    static void remove(NftBatch batch, Lease lease, NetworkDefinition network) {
        lease.resolver().ifPresent(port -> {
            for (boolean ipv6 : new boolean[] {false, true}) {
                batch.deleteElements(Ruleset.answers(ipv6), answer(lease, network, ipv6, port));
                batch.deleteElements(Ruleset.answered(ipv6), answered(lease, network, ipv6, port));
            }
        });
    }

    private static NftElement answer(Lease lease, NetworkDefinition network, boolean ipv6, int port) {
        return NftElement.of(NftValue.of(client(lease, ipv6)))
                .to(NftValue.of(gateway(network, ipv6)), NftValue.u16(port));
    }

    private static List<NftElement> answered(Lease lease, NetworkDefinition network, boolean ipv6, int port) {
        return List.of(Protocol.UDP, Protocol.TCP).stream()
                .map(protocol -> NftElement.of(
                        NftValue.of(client(lease, ipv6)),
                        NftValue.of(gateway(network, ipv6)),
                        protocol.value(),
                        NftValue.u16(port)))
                .toList();
    }

    private static InetAddress client(Lease lease, boolean ipv6) {
        return ipv6 ? lease.address6() : lease.address();
    }

    private static InetAddress gateway(NetworkDefinition network, boolean ipv6) {
        return ipv6 ? network.gateway6() : network.gateway();
    }

    @Override
    public void apply(Lease lease, String name, List<InetAddress> addresses, Duration time) throws IOException {
        apply(nftables, lease, name, addresses, time);
    }

    static void apply(Nftables nftables, Lease lease, String name, List<InetAddress> addresses, Duration time)
            throws IOException {
        EgressPolicy policy = lease.egress().orElseThrow();
        for (int i = 0; i < policy.rules().size(); i++) {
            EgressRule rule = policy.rules().get(i);
            if (rule.target() instanceof EgressTarget.Domain domain && domain.matches(name)) {
                for (InetAddress address : addresses) {
                    boolean ipv6 = address.getAddress().length == 16;
                    extend(
                            nftables,
                            PolicyRules.domain(lease.sandbox(), i, ipv6),
                            NftElement.of(NftValue.of(address)).withTimeout(time));
                }
            }
        }
    }

    /** Not every kernel gives an element that is there another time: it is taken away and put in again, in one transaction. */
    private static void extend(Nftables nftables, NftSet set, NftElement element) throws IOException {
        if (!commit(
                nftables,
                new NftBatch().deleteElements(set, NftElement.of(element.key())).addElements(set, element))) {
            nftables.commit(new NftBatch().addElements(set, element));
        }
    }

    @Override
    public void close() throws IOException {
        try {
            wall.close();
        } finally {
            nftables.close();
        }
    }
}
