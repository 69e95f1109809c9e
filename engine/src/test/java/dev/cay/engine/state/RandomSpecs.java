package dev.cay.engine.state;

import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Furnishing;
import dev.cay.IoLimits;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.Limits;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.OnHang;
import dev.cay.PublishedPort;
import dev.cay.ResourceLimit;
import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.TerminalSize;
import dev.cay.VmmKind;
import dev.cay.Writable;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Supplier;

/** Specifications and records of every form. */
final class RandomSpecs {
    private static final List<String> CHARACTERS =
            List.of("a", "Z", "0", "-", " ", "\n", "\"", "\\", "ä", "\u0085", "😀");

    private final Random random;

    RandomSpecs(Random random) {
        this.random = random;
    }

    SandboxRecord record() {
        SandboxState state = any(SandboxState.values());
        boolean process = state != SandboxState.CREATING || random.nextBoolean();
        return new SandboxRecord(
                "%012x".formatted(random.nextLong() & 0xFFFF_FFFF_FFFFL),
                state,
                random.nextInt(5),
                sandbox(),
                Instant.ofEpochSecond(random.nextInt(), random.nextInt(1_000_000_000)),
                process ? Optional.of(process()) : Optional.empty(),
                random.nextBoolean() ? SandboxRecord.DETACHED : "0123456789",
                maybe(this::text),
                random.nextBoolean() ? OptionalLong.of(0x7000_0000L) : OptionalLong.empty(),
                maybe(this::exit),
                random.nextInt(100));
    }

    ProcessIdentity process() {
        return new ProcessIdentity(1 + random.nextInt(100_000), random.nextLong() >>> 1, "boot-" + random.nextInt());
    }

    Exit exit() {
        return switch (any(Exit.Reason.values())) {
            case EXITED -> Exit.exited(random.nextInt(256));
            case SIGNALLED -> Exit.signalled(Exit.Reason.SIGNALLED, 1 + random.nextInt(64));
            case TIMEOUT -> Exit.signalled(Exit.Reason.TIMEOUT, 15);
            case OOM -> Exit.signalled(Exit.Reason.OOM, 9);
            case KILLED -> Exit.signalled(Exit.Reason.KILLED, 9);
            case SPAWN_FAILED -> Exit.spawnFailed(1 + random.nextInt(130), text());
        };
    }

    SandboxSpec sandbox() {
        Lifetime lifetime = lifetime();
        Optional<ExecSpec> command = maybe(this::exec);
        Isolation isolation = random.nextBoolean() ? Isolation.CONTAINER : Isolation.MICROVM;
        boolean needsInit = lifetime.detached()
                || isolation == Isolation.MICROVM
                || command.flatMap(ExecSpec::terminal).isPresent();
        return new SandboxSpec(
                root(),
                writable(),
                network(),
                limits(),
                resourceLimits(),
                seccomp(),
                random.nextBoolean(),
                maybe(() -> "host-" + random.nextInt(100)),
                environment(),
                maybe(() -> "/" + text()),
                maybe(() -> any(new String[] {"root", "0:0", "nobody:users"})),
                random.nextBoolean() ? OptionalInt.empty() : OptionalInt.of(1 + random.nextInt(64)),
                maybe(() -> "name" + random.nextInt(100)),
                labels(),
                mounts(),
                lifetime,
                command,
                isolation,
                new Furnishing(
                        List.of(),
                        random.nextBoolean() ? Map.of() : Map.of("script-1", text()),
                        maybe(() -> new Furnishing.Init(
                                List.of("auto", text()), environment(), maybe(() -> "/" + text())))),
                needsInit || random.nextBoolean(),
                isolation == Isolation.MICROVM && random.nextBoolean() ? OnHang.KILL : OnHang.REPORT,
                isolation == Isolation.MICROVM ? any(VmmKind.values()) : VmmKind.QEMU);
    }

    private Network network() {
        return switch (random.nextInt(4)) {
            case 0 -> Network.none();
            case 1 -> Network.host();
            default ->
                new Network.Named(
                        any(new String[] {"bridge", "lan", "A_b-9"}),
                        egress(),
                        random.nextBoolean()
                                ? List.of()
                                : List.of(
                                        PublishedPort.parse("8080:80"),
                                        PublishedPort.parse("0.0.0.0:" + (1 + random.nextInt(8000)) + ":53/udp"),
                                        PublishedPort.parse("[fd00::1]:443:443")),
                        maybe(() -> InetAddress.ofLiteral("10.88.0." + random.nextInt(256))));
        };
    }

    private EgressPolicy egress() {
        EgressPolicy policy =
                any(new EgressPolicy[] {EgressPolicy.publicOnly(), EgressPolicy.denyAll(), EgressPolicy.allowAll()});
        List<EgressRule> rules = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            rules.add(EgressRule.parse(any(EgressRule.Action.values()), any(new String[] {
                "10.0.0.0/8:tcp:443,8000-8100", "[fd00::/8]:udp", "*.example.com", "metadata:any"
            })));
        }
        EgressPolicy all = policy.withFirst(rules);
        if (random.nextBoolean()) {
            all = all.withConnections(1 + random.nextInt(1000));
        }
        return random.nextBoolean() ? all.withBandwidth(Size.bytes(1024 + random.nextInt(1 << 30))) : all;
    }

    private Lifetime lifetime() {
        boolean detached = random.nextBoolean();
        return new Lifetime(detached, maybe(this::duration), maybe(this::duration), detached && random.nextBoolean());
    }

    private Root root() {
        return switch (random.nextInt(4)) {
            case 0 -> Root.host();
            case 1 -> Root.directory(Path.of("/", text()));
            case 2 -> Root.image("image" + text());
            default -> new Root.Image("image", Optional.of("sha256:" + "0123456789abcdef".repeat(4)));
        };
    }

    ExecSpec exec() {
        byte[] stdin = new byte[random.nextInt(100)];
        random.nextBytes(stdin);
        return new ExecSpec(
                List.of("program" + text(), text(), text()),
                environment(),
                maybe(() -> "/" + text()),
                maybe(() -> "user" + random.nextInt(9)),
                stdin,
                maybe(this::duration),
                Duration.ofNanos(random.nextLong(3_600_000_000_000L)),
                maybe(() -> new TerminalSize(1 + random.nextInt(65_535), 1 + random.nextInt(65_535))),
                Size.bytes(random.nextInt(64 << 20)),
                Size.bytes(random.nextInt(1 << 30)),
                random.nextBoolean());
    }

    private Writable writable() {
        return switch (random.nextInt(4)) {
            case 0 -> new Writable.Tmpfs(size());
            case 2 -> new Writable.Disk(Size.bytes(SandboxSpec.MINIMUM_DISK.bytes() + random.nextLong(1L << 40)));
            case 1 -> new Writable.Directory(Path.of("/", text()));
            default -> new Writable.Nothing(size());
        };
    }

    private SeccompPolicy seccomp() {
        return switch (random.nextInt(3)) {
            case 0 -> SeccompPolicy.standard();
            case 1 -> SeccompPolicy.profile("{\"defaultAction\": \"" + text() + "\"}");
            default -> SeccompPolicy.unconfined();
        };
    }

    private Limits limits() {
        return new Limits(
                maybe(() -> Size.bytes(Limits.MINIMUM_MEMORY.bytes() + random.nextLong(1L << 50))),
                1 + random.nextInt(Limits.MAXIMUM_PIDS),
                random.nextBoolean() ? OptionalDouble.of(0.01 + random.nextDouble() * 8000) : OptionalDouble.empty(),
                random.nextBoolean() ? OptionalInt.of(1 + random.nextInt(10_000)) : OptionalInt.empty(),
                new IoLimits(rate(), rate(), rate(), rate()));
    }

    private OptionalLong rate() {
        return random.nextBoolean() ? OptionalLong.of(1 + random.nextLong(Long.MAX_VALUE - 1)) : OptionalLong.empty();
    }

    private Map<ResourceLimit, Long> resourceLimits() {
        Map<ResourceLimit, Long> limits = new EnumMap<>(ResourceLimit.class);
        for (ResourceLimit limit : ResourceLimit.values()) {
            if (random.nextBoolean()) {
                limits.put(limit, random.nextLong() >>> 1);
            }
        }
        return limits;
    }

    private List<Mount> mounts() {
        List<Mount> mounts = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            String target = "/m" + i + text();
            mounts.add(
                    switch (random.nextInt(3)) {
                        case 0 ->
                            new Mount.Bind(
                                    Path.of("/", text()),
                                    target,
                                    random.nextBoolean(),
                                    random.nextBoolean(),
                                    random.nextBoolean());
                        case 1 -> new Mount.Tmpfs(target, size(), random.nextInt(010000));
                        default -> new Mount.Named("volume" + random.nextInt(9), target, random.nextBoolean());
                    });
        }
        return mounts;
    }

    private Map<String, String> environment() {
        Map<String, String> variables = new LinkedHashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            variables.put("V" + text(), text());
        }
        return variables;
    }

    private Map<String, String> labels() {
        Map<String, String> labels = environment();
        labels.put("with=sign", text());
        return labels;
    }

    private Duration duration() {
        return Duration.ofNanos(
                1_000_000_000L + random.nextLong(Duration.ofDays(364).toNanos()));
    }

    private Size size() {
        return Size.bytes(SandboxSpec.MINIMUM_TMPFS.bytes() + random.nextInt(Integer.MAX_VALUE));
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(8); i > 0; i--) {
            text.append(CHARACTERS.get(random.nextInt(CHARACTERS.size())));
        }
        return text.toString();
    }

    private <T> Optional<T> maybe(Supplier<T> value) {
        return random.nextBoolean() ? Optional.of(value.get()) : Optional.empty();
    }

    private <T> T any(T[] values) {
        return values[random.nextInt(values.length)];
    }
}
