package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import dev.cay.linux.OwnedNamespaces.Extent;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

final class IdExchangeTest {
    private static final int FIRST = 0x7003_0000;
    private static final int COUNT = IdRanges.MAPPED_IDS;

    private static long inside(Extent extent) {
        return Integer.toUnsignedLong(extent.inside());
    }

    private static long outside(Extent extent) {
        return Integer.toUnsignedLong(extent.outside());
    }

    /** The host's id that one on the disk becomes. */
    private static OptionalLong shown(List<Extent> extents, long id) {
        return extents.stream()
                .filter(extent -> id >= inside(extent) && id < inside(extent) + extent.count())
                .mapToLong(extent -> outside(extent) + id - inside(extent))
                .findFirst();
    }

    /** The id on the disk that the sandbox's becomes. */
    private static OptionalLong written(List<Extent> extents, long id) {
        long host = FIRST + id;
        return extents.stream()
                .filter(extent -> host >= outside(extent) && host < outside(extent) + extent.count())
                .mapToLong(extent -> inside(extent) + host - outside(extent))
                .findFirst();
    }

    @Test
    void theOwnerAndTheUserChangePlaces() {
        List<Extent> extents = IdExchange.extents(FIRST, COUNT, 1000, 33);
        assertThat(shown(extents, 1000)).hasValue(FIRST + 33);
        assertThat(shown(extents, 33)).hasValue(FIRST + 1000);
        assertThat(shown(extents, 34)).hasValue(FIRST + 34);
        assertThat(written(extents, 33)).hasValue(1000);
        assertThat(written(extents, 0)).isEmpty();
    }

    @Test
    void aSourceOfRootIsTheUsers() {
        List<Extent> extents = IdExchange.extents(FIRST, COUNT, 0, 33);
        assertThat(written(extents, 33)).hasValue(0);
        assertThat(written(extents, 0)).hasValue(33);
        assertThat(IdExchange.extents(FIRST, COUNT, 0, 0))
                .containsExactlyInAnyOrder(new Extent(0, FIRST, 1), new Extent(1, FIRST + 1, COUNT - 1));
    }

    @Test
    void anOwnerBeyondTheSandboxsIdsIsTheUserAllTheSame() {
        List<Extent> extents = IdExchange.extents(FIRST, COUNT, 4_000_000_000L, 0);
        assertThat(shown(extents, 4_000_000_000L)).hasValue(FIRST);
        assertThat(written(extents, 0)).hasValue(4_000_000_000L);
    }

    @Test
    void aUserWithoutAnIdInTheSandboxOwnsNothing() {
        List<Extent> extents = IdExchange.extents(FIRST, COUNT, 1000, COUNT);
        assertThat(written(extents, COUNT)).isEmpty();
        assertThat(written(extents, 1000)).isEmpty();
    }

    @Test
    void nobodyGetsAnIdTwiceAndOnlyTheOwnerCanBeRoot() {
        Seeded.run(random -> {
            for (int i = 0; i < 2000; i++) {
                long[] owners = {
                    0, 1, random.nextInt(COUNT), COUNT - 1, COUNT, random.nextLong(1L << 32) - 1, 0xffff_fffeL
                };
                int[] members = {0, 1, random.nextInt(COUNT), COUNT - 1, COUNT};
                long owner = Math.max(0, owners[random.nextInt(owners.length)]);
                int member = members[random.nextInt(members.length)];
                List<Extent> extents = IdExchange.extents(FIRST, COUNT, owner, member);
                String what = "owner " + owner + " member " + member + ": " + extents;
                assertDisjoint(extents, what);
                if (member < COUNT) {
                    assertThat(shown(extents, owner)).as(what).hasValue(FIRST + member);
                }
                if (owner != 0) {
                    assertThat(shown(extents, 0).orElse(0)).as(what).isGreaterThanOrEqualTo(0x8000_0000L);
                }
                long other = random.nextInt(COUNT);
                if (other != 0 && other != owner && other != member) {
                    assertThat(shown(extents, other)).as(what).hasValue(FIRST + other);
                }
                assertThat(written(extents, COUNT)).as("the stub's id; " + what).isEmpty();
            }
        });
    }

    private static void assertDisjoint(List<Extent> extents, String what) {
        for (Extent one : extents) {
            assertThat(one.count()).as(what).isPositive();
            for (Extent other : extents) {
                if (!one.equals(other)) {
                    assertThat(inside(one) + one.count() <= inside(other)
                                    || inside(other) + other.count() <= inside(one))
                            .as(what)
                            .isTrue();
                    assertThat(outside(one) + one.count() <= outside(other)
                                    || outside(other) + other.count() <= outside(one))
                            .as(what)
                            .isTrue();
                }
            }
        }
    }
}
