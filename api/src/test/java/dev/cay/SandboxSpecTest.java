package dev.cay;

import static dev.cay.Refusals.refused;
import static dev.cay.Refusals.refusedBriefly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SandboxSpecTest {
    private static SandboxSpec.Builder builder() {
        return SandboxSpec.host();
    }

    @Test
    void byDefaultASandboxIsWalledInAndItsChangesAreGoneWithIt() {
        SandboxSpec spec = SandboxSpec.host().build();

        assertThat(spec.root()).isEqualTo(Root.host());
        assertThat(spec.writable()).isEqualTo(new Writable.Tmpfs(Size.mib(256)));
        assertThat(spec.network()).isEqualTo(Network.none());
        assertThat(spec.limits()).isEqualTo(Limits.none());
        assertThat(spec.limits().pids()).isEqualTo(512);
        assertThat(spec.resourceLimits()).isEmpty();
        assertThat(spec.seccomp()).isEqualTo(SeccompPolicy.standard());
        assertThat(spec.userNamespace()).isTrue();
        assertThat(spec.hostname()).isEmpty();
        assertThat(spec.environment()).isEmpty();
        assertThat(spec.workingDirectory()).isEmpty();
        assertThat(spec.user()).isEmpty();
    }

    @Test
    void everythingTheBuilderIsToldStandsInTheSpecification() {
        IoLimits io = new IoLimits(
                OptionalLong.of(1), OptionalLong.empty(), OptionalLong.of(Long.MAX_VALUE), OptionalLong.empty());
        SandboxSpec spec = SandboxSpec.directory(Path.of("/srv/image"))
                .writable(new Writable.Directory(Path.of("/srv/changes")))
                .network(Network.host())
                .memory(Size.mib(64))
                .pids(7)
                .cpus(1.5)
                .cpuWeight(300)
                .io(io)
                .resourceLimit(ResourceLimit.OPEN_FILES, 1024)
                .resourceLimit(ResourceLimit.CORE, 0)
                .seccomp(SeccompPolicy.unconfined())
                .userNamespace(false)
                .hostname("box-1.example")
                .environment("B", "2")
                .environment("A", "1")
                .workingDirectory("/srv")
                .user("1000:1000")
                .build();

        assertThat(spec.root()).isEqualTo(Root.directory(Path.of("/srv/image")));
        assertThat(spec.writable()).isEqualTo(new Writable.Directory(Path.of("/srv/changes")));
        assertThat(spec.network()).isEqualTo(Network.host());
        assertThat(spec.limits().memory()).hasValue(Size.mib(64));
        assertThat(spec.limits().pids()).isEqualTo(7);
        assertThat(spec.limits().cpus()).hasValue(1.5);
        assertThat(spec.limits().cpuWeight()).isEqualTo(OptionalInt.of(300));
        assertThat(spec.limits().io()).isEqualTo(io);
        assertThat(spec.resourceLimits()).isEqualTo(Map.of(ResourceLimit.OPEN_FILES, 1024L, ResourceLimit.CORE, 0L));
        assertThat(spec.seccomp()).isEqualTo(SeccompPolicy.unconfined());
        assertThat(spec.userNamespace()).isFalse();
        assertThat(spec.hostname()).hasValue("box-1.example");
        assertThat(spec.environment().keySet()).containsExactly("B", "A");
        assertThat(spec.workingDirectory()).hasValue("/srv");
        assertThat(spec.user()).hasValue("1000:1000");
    }

    @Test
    void shortFormsOfWhereChangesGo() {
        assertThat(builder().tmpfs(Size.mib(1)).build().writable()).isEqualTo(new Writable.Tmpfs(Size.mib(1)));
        assertThat(builder().readOnly().build().writable()).isEqualTo(new Writable.Nothing(Size.mib(256)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/srv/a b", "/srv/a\nb", "/srv/..a/b..", "/srv/\u00e9", "/srv/./x"})
    void pathsOfTheHostAreAbsolute(String path) {
        assertThat(SandboxSpec.directory(Path.of(path)).build().root()).isEqualTo(Root.directory(Path.of(path)));
        Writable writable = new Writable.Directory(Path.of(path));
        assertThat(builder().writable(writable).build().writable()).isEqualTo(writable);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "srv", "srv/x", "../srv", "/..", "/srv/..", "/srv/../etc", "/../../etc"})
    void pathsOfTheHostNeitherDependOnWhereOneStandsNorLeadUpwards(String path) {
        refusedBriefly(() -> SandboxSpec.directory(Path.of(path)).build());
        refusedBriefly(
                () -> builder().writable(new Writable.Directory(Path.of(path))).build());
    }

    @Test
    void imagesHaveNames() {
        assertThat(SandboxSpec.image("debian:12").build().root()).isEqualTo(Root.image("debian:12"));
        refusedBriefly(() -> SandboxSpec.image(""));
        refusedBriefly(() -> SandboxSpec.image("a\0b"));
        refusedBriefly(() -> SandboxSpec.image("x".repeat(1025)));
    }

    @Test
    void pathsOfTheHostAreNoLongerThanAPathCanBe() {
        Path longest = Path.of("/" + "x/".repeat(2046) + "yz");
        assertThat(longest.toString()).hasSize(4095);
        assertThat(SandboxSpec.directory(longest).build().root()).isEqualTo(Root.directory(longest));
        refused(() -> SandboxSpec.directory(Path.of(longest + "x")).build());
        refused(() -> builder()
                .writable(new Writable.Directory(Path.of(longest + "x")))
                .build());
    }

    @Test
    void aTmpfsHoldsAtLeast64KiB() {
        Size least = Size.kib(64);
        Size less = Size.bytes(least.bytes() - 1);
        assertThat(builder().tmpfs(least).build().writable()).isEqualTo(new Writable.Tmpfs(least));
        assertThat(builder().writable(new Writable.Nothing(least)).build().writable())
                .isEqualTo(new Writable.Nothing(least));
        refused(() -> builder().tmpfs(less).build());
        refused(() -> builder().tmpfs(Size.bytes(0)).build());
        refused(() -> builder().writable(new Writable.Nothing(less)).build());
    }

    @ParameterizedTest
    @EnumSource
    void aResourceLimitIsNotNegative(ResourceLimit limit) {
        assertThat(builder()
                        .resourceLimit(limit, 0)
                        .resourceLimit(limit, Long.MAX_VALUE)
                        .build()
                        .resourceLimits())
                .isEqualTo(Map.of(limit, Long.MAX_VALUE));
        refused(() -> builder().resourceLimit(limit, -1).build());
        refused(() -> builder().resourceLimit(limit, Long.MIN_VALUE).build());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                "7",
                "box",
                "box-1",
                "a--b",
                "a.b.c",
                "A.Example",
                "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"
            })
    void aHostNameIsMadeOfLabels(String name) {
        assertThat(builder().hostname(name).build().hostname()).hasValue(name);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "-a",
                "a-",
                "a.",
                ".a",
                "a..b",
                "a.-b",
                "a-.b",
                "a_b",
                "a b",
                "a\n",
                "a\nb",
                "\n",
                "a\0",
                "\u00e9",
                "a/b",
                "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggh"
            })
    void aHostNameIsNothingElse(String name) {
        refusedBriefly(() -> builder().hostname(name).build());
    }

    @Test
    void aHostileHostNameCostsNoTime() {
        refused(() -> builder().hostname("a-".repeat(1_000_000)).build());
        refused(() -> builder().hostname("a".repeat(62) + "-").build());
    }

    @Test
    void theFieldsThatCommandsShareAreCheckedAlike() {
        refused(() -> builder().environment("A=", "x").build());
        refused(() -> builder().environment("", "x").build());
        refused(() -> builder().environment("A", "\0").build());
        refused(() -> builder().workingDirectory("srv").build());
        refused(() -> builder().workingDirectory("/srv\0").build());
        refused(() -> builder().workingDirectory("/" + "x".repeat(4095)).build());
        refused(() -> builder().user("").build());
        refused(() -> builder().user("a:b:c").build());
        refused(() -> builder().user("root\n").build());
    }

    @Test
    void aSpecificationDoesNotChangeWhenItsBuilderDoes() {
        SandboxSpec.Builder builder = builder()
                .environment("A", "1")
                .resourceLimit(ResourceLimit.STACK, 1)
                .pids(5);
        SandboxSpec before = builder.build();

        builder.environment("A", "2")
                .resourceLimit(ResourceLimit.STACK, 2)
                .pids(6)
                .user("app");

        assertThat(before.environment()).isEqualTo(Map.of("A", "1"));
        assertThat(before.resourceLimits()).isEqualTo(Map.of(ResourceLimit.STACK, 1L));
        assertThat(before.limits().pids()).isEqualTo(5);
        assertThat(before.user()).isEmpty();
    }

    @Test
    void aFirstProcessThatIsTheCommandHasNobodyBesideIt() {
        assertThat(builder().build().init()).isTrue();
        assertThat(builder().init(false).command(ExecSpec.of("x")).build().init())
                .isFalse();
        ExecSpec inTerminal =
                ExecSpec.builder("x").terminal(new TerminalSize(80, 24)).build();
        for (SandboxSpec.Builder wrong : List.of(
                builder().init(false).detached(),
                builder().init(false).isolation(Isolation.MICROVM),
                builder().init(false).command(inTerminal))) {
            assertThatThrownBy(wrong::build).isInstanceOf(SandboxException.InvalidSpec.class);
        }
    }

    @Test
    void onlyAMicroVmCanHang() {
        assertThat(builder().build().onHang()).isEqualTo(OnHang.REPORT);
        SandboxSpec.Builder container = builder().onHang(OnHang.KILL);
        assertThatThrownBy(container::build).isInstanceOf(SandboxException.InvalidSpec.class);
        assertThat(container.isolation(Isolation.MICROVM).build().onHang()).isEqualTo(OnHang.KILL);
    }

    @Test
    void onlyAMicroVmHasAMachine() {
        assertThat(builder().build().vmm()).isEqualTo(VmmKind.QEMU);
        SandboxSpec.Builder container = builder().vmm(VmmKind.FIRECRACKER);
        assertThatThrownBy(container::build).isInstanceOf(SandboxException.InvalidSpec.class);
        assertThat(container.isolation(Isolation.MICROVM).build().vmm()).isEqualTo(VmmKind.FIRECRACKER);
    }

    @Test
    void aSpecificationCopiesTheMapsItIsGiven() {
        SandboxSpec like = builder().build();
        Map<ResourceLimit, Long> limits = new EnumMap<>(Map.of(ResourceLimit.DATA, 1L));
        SandboxSpec spec = new SandboxSpec(
                like.root(),
                like.writable(),
                like.network(),
                like.limits(),
                limits,
                like.seccomp(),
                true,
                like.hostname(),
                like.environment(),
                like.workingDirectory(),
                like.user(),
                like.stopSignal(),
                like.name(),
                like.labels(),
                like.mounts(),
                like.lifetime(),
                like.command(),
                like.isolation(),
                like.furnishing(),
                like.init(),
                like.onHang(),
                like.vmm());
        limits.put(ResourceLimit.DATA, 2L);

        assertThat(spec.resourceLimits()).isEqualTo(Map.of(ResourceLimit.DATA, 1L));
        assertThatThrownBy(() -> spec.resourceLimits().put(ResourceLimit.DATA, 3L))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> spec.environment().put("A", "2")).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void namesAreSimple() {
        for (String name : List.of("a", "web-1", "A.b_c", "0", "x".repeat(64))) {
            assertThat(builder().name(name).build().name()).hasValue(name);
        }
        for (String name : List.of("", "-a", ".a", "a/b", "a b", "a\n", "\u00e4", "x".repeat(65))) {
            refused(() -> builder().name(name).build());
        }
    }

    @Test
    void labelsAreFewAndShort() {
        assertThat(builder().label("a", "").label("b", "2").build().labels()).isEqualTo(Map.of("a", "", "b", "2"));
        refused(() -> builder().label("", "1").build());
        refused(() -> builder().label("a", "x".repeat(4096)).build());
        SandboxSpec.Builder many = builder();
        for (int i = 0; i < 65; i++) {
            many.label("l" + i, "");
        }
        refused(many::build);
    }

    @Test
    void mountsGoToPlacesOfTheirOwn() {
        Path source = Path.of("/srv/data");
        SandboxSpec spec = builder()
                .mount(Mount.bind(source, "/data"))
                .mount(Mount.tmpfs("/data/tmp", Size.mib(1)))
                .mount(Mount.volume("cache", "/cache"))
                .build();

        assertThat(spec.mounts()).extracting(Mount::target).containsExactly("/data", "/data/tmp", "/cache");
        for (String target : List.of(
                "data", "/", "//", "/./", "/a/../b", "/proc", "/proc/1", "/sys/x", "/dev", "/dev//shm", "/a\0")) {
            refused(() -> builder().mount(Mount.bind(source, target)).build());
        }
        refused(() -> builder()
                .mount(Mount.bind(source, "/a"))
                .mount(Mount.tmpfs("//a/.", Size.mib(1)))
                .build());
        refused(() -> builder().mount(Mount.bind(Path.of("srv"), "/a")).build());
        refused(() -> builder().mount(Mount.bind(Path.of("/srv/../etc"), "/a")).build());
        refused(() -> builder().mount(Mount.tmpfs("/a", Size.kib(1))).build());
        refused(() ->
                builder().mount(new Mount.Tmpfs("/a", Size.mib(1), 010000)).build());
        refused(() -> builder().mount(Mount.volume("a/b", "/a")).build());
    }

    @Test
    void aLifetimeIsBounded() {
        assertThat(builder().build().lifetime()).isEqualTo(Lifetime.attached());
        Lifetime lifetime = Lifetime.untilRemoved().limit(Duration.ofHours(1)).idle(Duration.ofSeconds(1));
        assertThat(builder().lifetime(lifetime).build().lifetime()).isEqualTo(lifetime);
        assertThat(builder().detached().build().lifetime()).isEqualTo(Lifetime.untilRemoved());
        refused(() -> Lifetime.attached().limit(Duration.ofMillis(999)));
        refused(() -> Lifetime.attached().idle(Duration.ofDays(3651)));
    }

    @Test
    void equalSpecificationsAreEqual() {
        assertThat(builder().memory(Size.mib(64)).environment("A", "1").build())
                .isEqualTo(
                        builder().environment("A", "1").memory(Size.kib(65536)).build());
    }

    @Test
    void nothingIsNull() {
        for (SandboxSpec.Builder bad : List.of(
                SandboxSpec.host().writable(null),
                SandboxSpec.host().network(null),
                SandboxSpec.host().io(null),
                SandboxSpec.host().seccomp(null),
                SandboxSpec.host().environment("A", null))) {
            assertThatNullPointerException().isThrownBy(bad::build);
        }
        assertThatNullPointerException().isThrownBy(() -> SandboxSpec.directory(null));
        assertThatNullPointerException().isThrownBy(() -> new Writable.Tmpfs(null));
        assertThatNullPointerException().isThrownBy(() -> new Writable.Directory(null));
        assertThatNullPointerException().isThrownBy(() -> new Writable.Nothing(null));
        assertThatNullPointerException().isThrownBy(() -> SeccompPolicy.profile(null));
        assertThatNullPointerException().isThrownBy(() -> builder().memory(null));
        assertThatNullPointerException().isThrownBy(() -> builder().hostname(null));
        assertThatNullPointerException().isThrownBy(() -> builder().workingDirectory(null));
        assertThatNullPointerException().isThrownBy(() -> builder().user(null));
    }
}
