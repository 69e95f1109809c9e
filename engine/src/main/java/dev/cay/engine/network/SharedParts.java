package dev.cay.engine.network;

import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.engine.state.NetworkStore;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the sandboxes of this machine share: bridges, our table of the packet filter, passage through the chains of others, the
 * settings of the machine. Whoever calls this holds the store's lock.
 */
final class SharedParts {
    private final NetworkStore store;
    private final Nftables nftables;
    private final Links links;
    private final Filter filter;
    private final Quarantine quarantine;
    private final Passage passage;
    private final HostSettings settings;

    SharedParts(NetworkStore store, Nftables nftables, Links links, Filter filter, Quarantine quarantine) {
        this.store = store;
        this.nftables = nftables;
        this.links = links;
        this.filter = filter;
        this.quarantine = quarantine;
        passage = new Passage(nftables);
        settings = new HostSettings(store);
    }

    /** Makes sure that all is there that the sandboxes of a network share; the number of its bridge. */
    int prepare(NetworkDefinition network) throws IOException {
        settle();
        boolean fresh = !links.exists(network.bridge());
        if (fresh) {
            settings.forward(bridgesOfOthers());
        }
        if (!filter.exists()) { // before the bridge: what it brings is to be filtered from the first packet on
            filter.install(store.networks(), store.leases());
            fresh = true;
        } else if (fresh) {
            filter.add(network);
        }
        int bridge = bridge(network);
        if (fresh) {
            passage.open(List.of(network.bridge()));
        }
        return bridge;
    }

    /** The number of a bridge. If it has to be made, those are plugged in again that were on one that somebody has removed. */
    private int bridge(NetworkDefinition network) throws IOException {
        Optional<Integer> there = links.up(network.bridge());
        if (there.isPresent()) {
            return there.get();
        }
        int bridge = links.bridge(network);
        for (Lease lease : store.leases()) {
            if (lease.network().equals(network.name())) {
                links.reconnect(bridge, lease);
            }
        }
        return bridge;
    }

    private boolean bridgesOfOthers() throws IOException {
        Set<String> ours =
                store.networks().stream().map(NetworkDefinition::bridge).collect(Collectors.toSet());
        return links.all().stream().anyMatch(link -> link.kind().equals("bridge") && !ours.contains(link.name()));
    }

    /** Makes the table again from what is written: somebody has taken it away, or has not finished what he began. */
    void reinstall() throws IOException {
        filter.install(store.networks(), store.leases());
        passage.open(bridges());
    }

    private List<String> bridges() throws IOException {
        return store.networks().stream().map(NetworkDefinition::bridge).toList();
    }

    /** Whoever wrote down that a sandbox has another policy, or other ports, may have died before it was so. */
    void settle() throws IOException {
        if (store.isChanging()) {
            if (filter.exists()) {
                reinstall();
                quarantine.forgetConnections(store.leases());
            }
            store.changing(false);
        }
    }

    /** What a network has, which no sandbox uses. */
    void remove(NetworkDefinition network) throws IOException {
        links.remove(network.bridge());
        if (filter.exists()) {
            filter.forget(network);
        }
        passage.close(List.of(network.bridge()));
    }

    /** Restores what somebody else has taken away of the packet filter, the bridges and the settings; what was made again. */
    List<String> repair() throws IOException {
        List<String> repaired = new ArrayList<>();
        List<NetworkDefinition> used = new ArrayList<>();
        List<Lease> leases = store.leases();
        if (leases.isEmpty() && !filter.exists()) {
            return repaired;
        }
        for (NetworkDefinition network : store.networks()) {
            if (leases.stream().anyMatch(lease -> lease.network().equals(network.name()))) {
                settings.forward(bridgesOfOthers());
                used.add(network);
            }
        }
        filter.install(store.networks(), leases); // before the bridges: what they bring is filtered
        for (NetworkDefinition network : used) {
            if (links.up(network.bridge()).isEmpty()) {
                bridge(network);
                repaired.add("the bridge " + network.bridge());
            }
        }
        repaired.add("the packet filter of " + leases.size() + (leases.size() == 1 ? " sandbox" : " sandboxes"));
        passage.open(bridges());
        return repaired;
    }

    /** Nobody needs it any more. */
    void takeDown() throws IOException {
        quarantine.end();
        List<String> bridges = bridges();
        for (String bridge : bridges) {
            links.remove(bridge);
        }
        if (filter.exists()) {
            nftables.commit(new NftBatch().deleteTable(Ruleset.TABLE));
        }
        passage.close(bridges);
        settings.restore();
    }
}
