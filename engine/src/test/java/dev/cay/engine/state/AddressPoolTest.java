package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Cidr;
import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AddressPoolTest {
    private static AddressPool pool(String subnet) {
        return new AddressPool(Cidr.parse(subnet));
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30})
    void isFilledToTheLastAddress(int prefix) {
        AddressPool pool = pool("10.64.0.0/" + prefix);
        TreeSet<Integer> taken = new TreeSet<>();
        int after = 0;
        for (int i = 0; i < pool.capacity(); i++) {
            // The tree would be walked to its end each time: those before are told by where it went on.
            OptionalInt next = pool.next(new TreeSet<>(taken.tailSet(after, true)), after);
            assertThat(next).isPresent();
            after = next.getAsInt();
            assertThat(taken.add(after)).isTrue();
        }
        assertThat(taken.first()).isEqualTo(2);
        assertThat(taken.last()).isEqualTo((1 << 32 - prefix) - 2);
        assertThat(pool.next(taken, after)).isEmpty();
        assertThat(pool.next(taken, 0)).isEmpty();

        taken.remove(pool.last());
        assertThat(pool.next(taken, 0)).as("the last free one").hasValue(pool.last());
        assertThat(pool.next(taken, pool.last())).hasValue(pool.last());
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 9, 12, 15})
    void isExactWhereItIsLarge(int prefix) {
        AddressPool pool = pool("10.0.0.0/" + prefix);
        assertThat(pool.capacity()).isEqualTo((1 << 32 - prefix) - 3);
        assertThat(pool.next(new TreeSet<>(), pool.last() - 1)).hasValue(pool.last());
        assertThat(pool.next(new TreeSet<>(Set.of(pool.last())), pool.last() - 1))
                .hasValue(2);
        InetAddress last = pool.address(pool.last());
        assertThat(pool.number(last)).isEqualTo(pool.last());
        pool.check(last);
    }

    @Test
    void agreesWithTryingOneAfterTheOther() {
        Seeded.run(random -> {
            for (int i = 0; i < 2000; i++) {
                AddressPool pool = pool("192.168.7.0/" + (24 + random.nextInt(7)));
                TreeSet<Integer> taken = new TreeSet<>();
                for (int j = random.nextInt(2 * pool.capacity() + 1); j > 0; j--) {
                    taken.add(random.nextInt(pool.last() + 2));
                }
                int after = random.nextInt(pool.last() + 3);
                OptionalInt expected = OptionalInt.empty();
                for (int step = 1; step <= pool.last() + 3 && expected.isEmpty(); step++) {
                    int candidate = (after + step) % (pool.last() + 3);
                    if (candidate >= 2 && candidate <= pool.last() && !taken.contains(candidate)) {
                        expected = OptionalInt.of(candidate);
                    }
                }
                assertThat(pool.next(taken, after))
                        .as("%s %s %s", pool, taken, after)
                        .isEqualTo(expected);
            }
        });
    }

    @Test
    void refusesAddressesThatNoSandboxCanHave() {
        AddressPool pool = pool("10.0.42.5/24");
        assertThat(pool.gateway().getHostAddress()).isEqualTo("10.0.42.1");
        for (String address :
                new String[] {"10.0.41.255", "10.0.42.0", "10.0.42.1", "10.0.42.255", "10.0.43.0", "::1"}) {
            assertThatThrownBy(() -> pool.check(InetAddress.ofLiteral(address)))
                    .as(address)
                    .isInstanceOf(SandboxException.InvalidSpec.class)
                    .hasMessageContaining(InetAddress.ofLiteral(address).getHostAddress());
        }
        Set<String> good = new HashSet<>();
        for (String address : new String[] {"10.0.42.2", "10.0.42.254"}) {
            pool.check(InetAddress.ofLiteral(address));
            good.add(address);
        }
        assertThat(good).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.0/7", "10.0.0.0/31", "10.0.0.1", "fd00::/64"})
    void refusesOtherSubnets(String subnet) {
        assertThatThrownBy(() -> pool(subnet)).isInstanceOf(SandboxException.InvalidSpec.class);
    }
}
