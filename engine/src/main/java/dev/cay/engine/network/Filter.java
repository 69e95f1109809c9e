package dev.cay.engine.network;

import dev.cay.PublishedPort;
import dev.cay.PublishedPort.Transport;
import dev.cay.engine.state.Lease;
import dev.cay.engine.state.NetworkDefinition;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * What sandboxes have in our table of the packet filter. Each change is one transaction: it is made whole or not at all, and
 * there is no moment in between.
 */
final class Filter {
    private static final int IPV4_BYTES = 4;
    private static final int IPV6_BYTES = 16;

    private final Nftables nftables;

    Filter(Nftables nftables) {
        this.nftables = nftables;
    }

    boolean exists() throws IOException {
        return nftables.table(Ruleset.TABLE).isPresent();
    }

    /** Makes the table, in place of the one that there may be, with all that networks and sandboxes have. */
    void install(List<NetworkDefinition> networks, List<Lease> leases) throws IOException {
        NftBatch batch = new NftBatch();
        if (exists()) {
            batch.deleteTable(Ruleset.TABLE);
        }
        Ruleset.install(batch, networks);
        leases.stream().filter(lease -> lease.egress().isPresent()).forEach(lease -> add(batch, lease, networks));
        nftables.commit(batch);
    }

    void add(NetworkDefinition network) throws IOException {
        NftBatch batch = new NftBatch();
        Ruleset.add(batch, network);
        nftables.commit(batch);
    }

    /** A network that no sandbox uses is no more known. */
    void forget(NetworkDefinition network) throws IOException {
        NftValue link = NftValue.link(network.bridge());
        if (nftables.elements(Ruleset.BRIDGES).stream()
                .anyMatch(element -> element.key().equals(link))) {
            NftBatch batch = new NftBatch()
                    .deleteElements(Ruleset.BRIDGES, NftElement.of(link))
                    .deleteElements(Ruleset.SUBNETS4, NftElement.of(Ruleset.prefix(network.subnet())))
                    .deleteElements(Ruleset.SUBNETS6, NftElement.of(Ruleset.prefix(network.subnet6())));
            if (network.mutual()) {
                batch.deleteElements(Ruleset.MUTUAL, NftElement.of(link, link));
            }
            Ruleset.forgetResolvers(batch, network);
            nftables.commit(batch);
        }
    }

    /** Puts a policy in force and lets the sandbox speak; false if the table is gone. */
    boolean open(Lease lease, NetworkDefinition network) throws IOException {
        NftBatch batch = new NftBatch();
        add(batch, lease, List.of(network));
        return commit(batch);
    }

    private boolean commit(NftBatch batch) throws IOException {
        try {
            nftables.commit(batch);
            return true;
        } catch (NetlinkException e) {
            if (HostNetworks.missing(e) && !exists()) {
                return false;
            }
            throw e;
        }
    }

    private static void add(NftBatch batch, Lease lease, List<NetworkDefinition> networks) {
        PolicyRules.of(lease).addTo(batch);
        NftVerdict policy =
                new NftVerdict.Goto(PolicyRules.chain(lease.sandbox()).name());
        batch.addElements(
                        Ruleset.POLICIES4,
                        NftElement.of(NftValue.of(lease.address())).to(policy))
                .addElements(
                        Ruleset.POLICIES6,
                        NftElement.of(NftValue.of(lease.address6())).to(policy));
        lease.ports().forEach(port -> published(batch, lease, port, true));
        Rates.add(batch, lease);
        networks.stream()
                .filter(network -> network.name().equals(lease.network()))
                .forEach(network -> {
                    batch.addElements(Ruleset.SOURCES4, source(network, lease, lease.address()))
                            .addElements(Ruleset.SOURCES6, source(network, lease, lease.address6()));
                    NameRules.add(batch, lease, network);
                });
    }

    private static NftElement source(NetworkDefinition network, Lease lease, InetAddress address) {
        return NftElement.of(
                NftValue.link(network.bridge()), NftValue.of(Links.station(lease.address())), NftValue.of(address));
    }

    private static void published(NftBatch batch, Lease lease, PublishedPort port, boolean add) {
        boolean ipv6 = port.bind().getAddress().length == IPV6_BYTES;
        NftValue protocol = (port.transport() == Transport.TCP ? Protocol.TCP : Protocol.UDP).value();
        NftValue number = NftValue.u16(port.hostPort());
        boolean any = port.bind().isAnyLocalAddress();
        NftSet map = any
                ? ipv6 ? Ruleset.PUBLISHED6_ANY : Ruleset.PUBLISHED4_ANY
                : ipv6 ? Ruleset.PUBLISHED6 : Ruleset.PUBLISHED4;
        NftElement key =
                any ? NftElement.of(protocol, number) : NftElement.of(NftValue.of(port.bind()), protocol, number);
        NftElement element =
                key.to(NftValue.of(ipv6 ? lease.address6() : lease.address()), NftValue.u16(port.guestPort()));
        if (add) {
            batch.addElements(map, element);
        } else {
            batch.deleteElements(map, element);
        }
    }

    /** Puts another policy in the place of one; false if the table is gone. */
    boolean exchange(Lease before, Lease after) throws IOException {
        NftBatch batch = new NftBatch()
                .flushChain(PolicyRules.chain(before.sandbox()))
                .flushChain(PolicyRules.denied(before.sandbox()));
        if (exists()) {
            ownSets(before.sandbox()).forEach(batch::deleteSet);
        }
        Rates.remove(batch, before);
        Rates.add(batch, after);
        PolicyRules.of(after).addTo(batch);
        return commit(batch);
    }

    boolean publish(Lease lease, PublishedPort port) throws IOException {
        NftBatch batch = new NftBatch();
        published(batch, lease, port, true);
        return commit(batch);
    }

    boolean unpublish(Lease lease, PublishedPort port) throws IOException {
        NftBatch batch = new NftBatch();
        published(batch, lease, port, false);
        return commit(batch);
    }

    /** Takes a sandbox's elements and chains away. */
    void close(Lease lease, NetworkDefinition network) throws IOException {
        if (lease.egress().isEmpty()) {
            return; // nothing of it is there
        }
        NftBatch batch = new NftBatch()
                .deleteElements(Ruleset.SOURCES4, source(network, lease, lease.address()))
                .deleteElements(Ruleset.SOURCES6, source(network, lease, lease.address6()))
                .deleteElements(Ruleset.POLICIES4, NftElement.of(NftValue.of(lease.address())))
                .deleteElements(Ruleset.POLICIES6, NftElement.of(NftValue.of(lease.address6())));
        lease.ports().forEach(port -> published(batch, lease, port, false));
        NameRules.remove(batch, lease, network);
        Rates.remove(batch, lease);
        batch.deleteChain(PolicyRules.chain(lease.sandbox())).deleteChain(PolicyRules.denied(lease.sandbox()));
        PolicyRules.sets(lease).forEach(batch::deleteSet);
        try {
            nftables.commit(batch);
        } catch (NetlinkException e) {
            if (!HostNetworks.missing(e)) {
                throw e;
            }
            if (exists()) { // somebody died while he opened it, or changed it
                scrub(
                        value -> value.equals(NftValue.of(lease.address()))
                                || value.equals(NftValue.of(lease.address6())),
                        id -> id.equals(lease.sandbox()));
            }
        }
    }

    /** Removes what is of no sandbox that has a lease. */
    void scrub(List<Lease> leases) throws IOException {
        Set<NftValue> addresses = leases.stream()
                .flatMap(lease -> List.of(lease.address(), lease.address6()).stream())
                .map(NftValue::of)
                .collect(Collectors.toSet());
        Set<String> ids = leases.stream().map(Lease::sandbox).collect(Collectors.toSet());
        scrub(value -> !addresses.contains(value), id -> !ids.contains(id));
    }

    private void scrub(Predicate<NftValue> addresses, Predicate<String> ids) throws IOException {
        NftBatch batch = new NftBatch();
        elements(batch, Ruleset.SOURCES4, IPV4_BYTES, false, addresses);
        elements(batch, Ruleset.SOURCES6, IPV6_BYTES, false, addresses);
        elements(batch, Ruleset.POLICIES4, IPV4_BYTES, false, addresses);
        elements(batch, Ruleset.POLICIES6, IPV6_BYTES, false, addresses);
        for (boolean ipv6 : new boolean[] {false, true}) {
            begun(batch, Ruleset.answers(ipv6), ipv6, addresses);
            begun(batch, Ruleset.answered(ipv6), ipv6, addresses);
        }
        for (NftSet map : List.of(Ruleset.SENDING4, Ruleset.RECEIVING4)) {
            elements(batch, map, IPV4_BYTES, false, addresses);
        }
        for (NftSet map : List.of(Ruleset.SENDING6, Ruleset.RECEIVING6)) {
            elements(batch, map, IPV6_BYTES, false, addresses);
        }
        for (NftSet map : List.of(Ruleset.PUBLISHED4, Ruleset.PUBLISHED4_ANY)) {
            elements(batch, map, IPV4_BYTES, true, addresses);
        }
        for (NftSet map : List.of(Ruleset.PUBLISHED6, Ruleset.PUBLISHED6_ANY)) {
            elements(batch, map, IPV6_BYTES, true, addresses);
        }
        // Policies lead to the chains of denied packets: they go first.
        List<NftChain> chains = new ArrayList<>(nftables.chains(Ruleset.TABLE));
        chains.removeIf(chain ->
                !chain.name().matches("[pduw]-.*") || !ids.test(chain.name().substring(2)));
        chains.forEach(batch::flushChain);
        chains.forEach(batch::deleteChain);
        for (NftSet set : nftables.sets(Ruleset.TABLE)) {
            if (set.name().matches("[nb]-[0-9a-f]+-.*") && ids.test(set.name().split("-")[1])) {
                batch.deleteSet(set);
            }
        }
        nftables.commit(batch);
    }

    /** Those whose key begins with an address. */
    private void begun(NftBatch batch, NftSet set, boolean ipv6, Predicate<NftValue> addresses) throws IOException {
        List<NftElement> gone = new ArrayList<>();
        for (NftElement element : present(set)) {
            byte[] address = Arrays.copyOf(element.key().bytes(), ipv6 ? IPV6_BYTES : IPV4_BYTES);
            if (addresses.test(NftValue.of(address))) {
                gone.add(NftElement.of(element.key()));
            }
        }
        if (!gone.isEmpty()) {
            batch.deleteElements(set, gone);
        }
    }

    private void elements(NftBatch batch, NftSet set, int bytes, boolean ofData, Predicate<NftValue> addresses)
            throws IOException {
        List<NftElement> gone = new ArrayList<>();
        for (NftElement element : present(set)) {
            byte[] all = ofData
                    ? ((NftValue) element.data().orElseThrow()).bytes()
                    : element.key().bytes();
            byte[] address =
                    ofData ? Arrays.copyOf(all, bytes) : Arrays.copyOfRange(all, all.length - bytes, all.length);
            if (addresses.test(NftValue.of(address))) {
                gone.add(NftElement.of(element.key()));
            }
        }
        if (!gone.isEmpty()) {
            batch.deleteElements(set, gone);
        }
    }

    private List<NftElement> present(NftSet set) throws IOException {
        try {
            return nftables.elements(set);
        } catch (NetlinkException e) {
            if (HostNetworks.missing(e)) {
                return List.of(); // somebody has made a table of his own in the place of ours
            }
            throw e;
        }
    }

    private List<NftSet> ownSets(String sandbox) throws IOException {
        return nftables.sets(Ruleset.TABLE).stream()
                .filter(set -> set.name().matches("[nb]-" + sandbox + "-.*"))
                .toList();
    }
}
