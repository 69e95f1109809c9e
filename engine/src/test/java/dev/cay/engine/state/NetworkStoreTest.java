package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Cidr;
import dev.cay.EgressPolicy;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NetworkStoreTest {
    @TempDir
    private Path base;

    private NetworkStore store;

    @BeforeEach
    void open() throws IOException {
        store = NetworkStore.open(base.resolve("networks"), base.resolve("leases"));
    }

    private NetworkDefinition make(String name, String subnet) throws IOException {
        return store.create(name, Optional.of(Cidr.parse(subnet)), List.of(), Set.of());
    }

    private Lease take(NetworkDefinition network, String sandbox) throws IOException {
        return take(network, sandbox, Optional.empty());
    }

    private Lease take(NetworkDefinition network, String sandbox, Optional<InetAddress> wanted) throws IOException {
        return store.locked(() -> {
            Lease lease = lease(network, sandbox, store.address(network, wanted, _ -> true));
            store.put(lease);
            return lease;
        });
    }

    private static Lease lease(NetworkDefinition network, String sandbox, InetAddress address) {
        return new Lease(
                sandbox,
                "",
                network.name(),
                address,
                network.address6(address),
                "cay" + sandbox,
                List.of("box"),
                Optional.empty(),
                List.of(),
                OptionalInt.empty());
    }

    private static InetAddress ip(String text) {
        return InetAddress.ofLiteral(text);
    }

    @Test
    void networksAreMadeFoundAndRemoved() throws IOException {
        NetworkDefinition bridge = store.create("bridge", Optional.empty(), List.of(), Set.of());
        assertThat(bridge.subnet()).hasToString("10.88.0.0/16");
        assertThat(bridge.bridge()).isEqualTo("cay0");
        assertThat(bridge.mutual()).isFalse();
        assertThat(bridge.subnet6().toString()).startsWith("fd").endsWith("::/64");
        NetworkDefinition lan = store.create("lan", Optional.empty(), List.of(), Set.of("cay1"));
        assertThat(lan.subnet()).hasToString("10.89.0.0/16");
        assertThat(lan.bridge()).isEqualTo("cay2");
        assertThat(lan.mutual()).isTrue();
        assertThat(lan.gateway6().getHostAddress()).endsWith(":1");
        assertThat(store.networks()).containsExactly(bridge, lan);
        assertThat(store.network("lan")).contains(lan);
        assertThatThrownBy(() -> make("lan", "10.1.0.0/24")).isInstanceOf(SandboxException.Conflict.class);
        store.remove("lan");
        assertThatThrownBy(() -> store.remove("lan")).isInstanceOf(SandboxException.NotFound.class);
    }

    @Test
    void addressesOfOthersAreLeftToThem() throws IOException {
        List<Cidr> routes = List.of(Cidr.parse("10.88.5.0/24"), Cidr.parse("10.89.0.0/16"), Cidr.parse("10.90.0.0/15"));
        assertThat(store.create("a", Optional.empty(), routes, Set.of()).subnet())
                .hasToString("10.92.0.0/16");
        assertThatThrownBy(() -> store.create("b", Optional.of(Cidr.parse("10.88.0.0/16")), routes, Set.of()))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("the subnet 10.88.0.0/16 overlaps 10.88.5.0/24, a route of this machine");
        assertThatThrownBy(() -> make("b", "10.92.1.0/24"))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessageContaining("the network a");
    }

    @Test
    void aLeaseIsReadAsItIsWritten() throws IOException {
        NetworkDefinition network = make("lan", "10.1.0.0/24");
        Lease lease = take(network, "0123456789ab")
                .withEgress(EgressPolicy.publicOnly())
                .withPorts(List.of(PublishedPort.parse("8080:80")));
        store.put(lease);
        assertThat(store.leases()).containsExactly(lease);
        assertThat(store.lease("0123456789ab")).contains(lease);
        assertThat(store.lease(ip("10.1.0.2"))).contains(lease);
        assertThat(lease.address6().getHostAddress()).endsWith(":2");
        assertThatThrownBy(() -> store.remove("lan"))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessageContaining("0123456789ab");
    }

    @Test
    void aRequestedAddressMustBeFree() throws IOException {
        NetworkDefinition network = make("lan", "10.1.0.0/24");
        take(network, "a", Optional.of(ip("10.1.0.9")));
        assertThatThrownBy(() -> take(network, "b", Optional.of(ip("10.1.0.9"))))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("the address 10.1.0.9 is that of the sandbox a");
        assertThatThrownBy(() -> take(network, "b", Optional.of(ip("10.1.0.255"))))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void whatIsGivenBackIsUsedAgainLastAndOnlyWhenTheKernelHasForgottenIt() throws IOException {
        NetworkDefinition network = make("lan", "10.1.0.0/29"); // five sandboxes
        List<Lease> leases = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            leases.add(take(network, "s" + i));
        }
        store.release(leases.get(0));
        store.release(leases.get(0));
        assertThat(store.resting()).containsExactly(leases.get(0));
        assertThat(take(network, "s4").address()).isEqualTo(ip("10.1.0.6"));
        assertThatThrownBy(() -> store.locked(() -> store.address(network, Optional.empty(), lease -> false)))
                .isInstanceOf(SandboxException.Conflict.class)
                .hasMessage("all 5 addresses of the network lan are taken");
        assertThatThrownBy(
                        () -> store.locked(() -> store.address(network, Optional.of(ip("10.1.0.2")), lease -> false)))
                .isInstanceOf(SandboxException.Conflict.class);
        assertThat(take(network, "s5").address()).isEqualTo(ip("10.1.0.2"));
        assertThat(store.resting()).isEmpty();

        store.release(leases.get(0)); // an old copy: the address is another sandbox's by now
        assertThat(store.lease("s5")).isPresent();
    }

    /** The files, not only the numbers: each prefix to its last address, by two that know of each other by the files alone. */
    @ParameterizedTest
    @ValueSource(ints = {8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30})
    void theLastAddressOfEachPrefixIsFound(int prefix) throws IOException {
        NetworkStore other = NetworkStore.open(base.resolve("networks"), base.resolve("leases"));
        NetworkDefinition network = make("lan", "10.0.0.0/" + prefix);
        int last = (1 << 32 - prefix) - 2;
        int first = Math.max(2, last - 40); // all before are passed over by where it was left off
        Files.writeString(base.resolve("leases/cursors/lan"), Integer.toString(first - 1));
        Set<InetAddress> taken = new HashSet<>();
        for (int number = first; number <= last; number++) {
            NetworkStore one = number % 2 == 0 ? store : other;
            String sandbox = "s" + number;
            taken.add(one.locked(() -> {
                InetAddress address = one.address(network, Optional.empty(), lease -> true);
                one.put(lease(network, sandbox, address));
                return address;
            }));
        }
        assertThat(taken).hasSize(last - first + 1).contains(network.pool().address(last));
        if (first == 2) {
            assertThatThrownBy(() -> take(network, "more")).isInstanceOf(SandboxException.Conflict.class);
        } else {
            assertThat(take(network, "around").address()).isEqualTo(ip("10.0.0.2"));
        }
        Lease gone = other.lease("s" + last).orElseThrow();
        other.release(gone);
        assertThat(take(network, "again", Optional.of(gone.address())).address())
                .isEqualTo(gone.address());
    }

    @Test
    void manyAtOnceGetAllThatThereIsAndNothingTwice() throws Exception {
        NetworkDefinition network = make("lan", "10.1.0.0/26"); // 61 sandboxes
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            List<Future<Lease>> taking = new ArrayList<>();
            for (int i = 0; i < 61; i++) {
                String sandbox = "s" + i;
                taking.add(threads.submit(() -> take(network, sandbox)));
            }
            List<InetAddress> addresses = new ArrayList<>();
            for (Future<Lease> one : taking) {
                addresses.add(one.get().address());
            }
            assertThat(addresses).doesNotHaveDuplicates().hasSize(61);
        }
        assertThatThrownBy(() -> take(network, "more")).isInstanceOf(SandboxException.Conflict.class);
    }

    @Test
    void whoeverDiesInTheMiddleOfAChangeLeavesWordOfIt() throws IOException {
        assertThat(store.isChanging()).isFalse();
        store.changing(false);
        store.changing(true);
        store.changing(true);
        NetworkStore other = NetworkStore.open(base.resolve("networks"), base.resolve("leases"));
        assertThat(other.isChanging()).isTrue();
        other.changing(false);
        assertThat(store.isChanging()).isFalse();
    }

    @Test
    void holdsAndSettings() throws IOException {
        assertThat(store.settings()).isEmpty();
        store.settings(Map.of("net/ipv4/ip_forward", "0"));
        assertThat(NetworkStore.open(base.resolve("networks"), base.resolve("leases"))
                        .settings())
                .isEqualTo(Map.of("net/ipv4/ip_forward", "0"));
        store.settings(Map.of());
        assertThat(store.settings()).isEmpty();
        store.hold("engine");
        assertThat(store.holders()).containsExactly("engine");
        store.letGo("engine");
        store.letGo("engine");
        assertThat(store.holders()).isEmpty();
    }

    @Test
    void whatAnotherProcessWritesIsSeen() throws IOException {
        NetworkDefinition network = make("dev", "10.9.0.0/24");
        Lease lease = take(network, "aa");
        assertThat(store.lease(lease.address())).contains(lease);

        NetworkStore other = NetworkStore.open(base.resolve("networks"), base.resolve("leases"));
        Lease changed = lease.withEgress(EgressPolicy.denyAll());
        other.put(changed);
        assertThat(store.lease(lease.address())).contains(changed);
        other.put(lease);
        assertThat(store.lease(lease.address())).contains(lease);
        other.release(lease);
        assertThat(store.lease(lease.address())).isEmpty();
        assertThat(store.restingCount()).isEqualTo(1);

        other.remove("dev");
        other.create("dev", Optional.of(Cidr.parse("10.8.0.0/24")), List.of(), Set.of());
        assertThat(store.network("dev").orElseThrow().subnet()).isEqualTo(Cidr.parse("10.8.0.0/24"));
    }
}
