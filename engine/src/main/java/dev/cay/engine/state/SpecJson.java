package dev.cay.engine.state;

import dev.cay.EgressPolicy;
import dev.cay.ExecSpec;
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
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.TerminalSize;
import dev.cay.VmmKind;
import dev.cay.Writable;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Specifications as JSON, both ways. What is read is checked by the types' own constructors. Each command of the command line
 * comes by here, so there are no pattern switches: a JVM makes each of them a class, at its first use, in milliseconds.
 */
final class SpecJson {
    private static final String KIND = "kind";
    private static final String MICROVM = "microvm";
    private static final String VMM = "vmm";
    private static final String KILLED_HUNG = "killedWhenHung";
    private static final String WITHOUT_INIT = "withoutInit";
    private static final long MAXIMUM = Long.MAX_VALUE;

    private SpecJson() {}

    static void write(JsonWriter out, SandboxSpec spec) {
        out.object("root", fields -> write(fields, spec.root()))
                .object("writable", fields -> write(fields, spec.writable()))
                .field("network", text(spec.network()))
                .object("networkSettings", named(spec.network()), SpecJson::write)
                .object("limits", fields -> write(fields, spec.limits()))
                .map("resourceLimits", texts(spec.resourceLimits()))
                .object("seccomp", fields -> write(fields, spec.seccomp()))
                .field("userNamespace", spec.userNamespace())
                .field("hostname", spec.hostname())
                .map("environment", spec.environment())
                .field("workingDirectory", spec.workingDirectory())
                .field("user", spec.user())
                .field("stopSignal", spec.stopSignal().stream().asLongStream().findFirst())
                .field("name", spec.name())
                .map("labels", spec.labels())
                .objects("mounts", spec.mounts(), SpecJson::write)
                .object("lifetime", fields -> write(fields, spec.lifetime()))
                .object("command", spec.command(), SpecJson::write)
                .field("isolation", microvm(spec))
                .object("furnishing", furnishing(spec), SpecJson::write);
        if (!spec.init()) {
            out.field(WITHOUT_INIT, true);
        }
        if (spec.onHang() == OnHang.KILL) {
            out.field(KILLED_HUNG, true);
        }
        if (spec.vmm() != VmmKind.QEMU) {
            out.field(VMM, spec.vmm().text());
        }
    }

    /** Nothing is said of what is usual. */
    private static Optional<String> microvm(SandboxSpec spec) {
        return spec.isolation() == Isolation.MICROVM ? Optional.of(MICROVM) : Optional.empty();
    }

    private static Optional<Furnishing> furnishing(SandboxSpec spec) {
        return spec.furnishing().isNone() ? Optional.empty() : Optional.of(spec.furnishing());
    }

    private static void write(JsonWriter out, Furnishing furnishing) {
        out.texts("certificates", furnishing.certificates())
                .map("scripts", furnishing.scripts())
                .object("init", furnishing.init(), SpecJson::write);
    }

    private static void write(JsonWriter out, Furnishing.Init init) {
        out.texts("command", init.command())
                .map("environment", init.environment())
                .field("workingDirectory", init.workingDirectory());
    }

    private static Furnishing.Init readInit(JsonObject in) {
        return new Furnishing.Init(in.texts("command"), in.map("environment"), in.optionalText("workingDirectory"));
    }

    private static Furnishing readFurnishing(JsonObject in) {
        return new Furnishing(
                in.texts("certificates"), in.map("scripts"), in.optionalObject("init", SpecJson::readInit));
    }

    private static Isolation isolation(JsonObject in) {
        Optional<String> text = in.optionalText("isolation");
        if (text.isPresent() && !text.get().equals(MICROVM)) {
            throw in.refused("isolation is neither absent nor " + MICROVM);
        }
        return text.isPresent() ? Isolation.MICROVM : Isolation.CONTAINER;
    }

    private static VmmKind vmm(JsonObject in) {
        Optional<String> text = in.optionalText(VMM);
        return text.isEmpty()
                ? VmmKind.QEMU
                : VmmKind.of(text.get()).orElseThrow(() -> in.refused("vmm is " + text.get()));
    }

    static SandboxSpec readSandbox(JsonObject in) {
        return new SandboxSpec(
                in.object("root", SpecJson::readRoot),
                in.object("writable", SpecJson::readWritable),
                readNetwork(in),
                in.object("limits", SpecJson::readLimits),
                resourceLimits(in.map("resourceLimits")),
                in.object("seccomp", SpecJson::readSeccomp),
                in.flag("userNamespace"),
                in.optionalText("hostname"),
                in.map("environment"),
                in.optionalText("workingDirectory"),
                in.optionalText("user"),
                stopSignal(in),
                in.optionalText("name"),
                in.map("labels"),
                in.objects("mounts", SpecJson::readMount),
                in.object("lifetime", SpecJson::readLifetime),
                in.optionalObject("command", SpecJson::readExec),
                isolation(in),
                in.optionalObject("furnishing", SpecJson::readFurnishing).orElse(Furnishing.none()),
                !in.optionalFlag(WITHOUT_INIT),
                in.optionalFlag(KILLED_HUNG) ? OnHang.KILL : OnHang.REPORT,
                vmm(in));
    }

    static void write(JsonWriter out, ExecSpec spec) {
        out.texts("command", spec.command())
                .map("environment", spec.environment())
                .field("workingDirectory", spec.workingDirectory())
                .field("user", spec.user())
                .field("stdin", Base64.getEncoder().encodeToString(spec.stdin()))
                .field("timeout", nanos(spec.timeout()))
                .field("grace", spec.grace().toNanos())
                .object(
                        "terminal",
                        spec.terminal(),
                        (fields, size) ->
                                fields.field("columns", size.columns()).field("rows", size.rows()))
                .field("kept", spec.kept().bytes())
                .field("outputLimit", spec.outputLimit().bytes())
                .field("accounted", spec.accounted());
    }

    static ExecSpec readExec(JsonObject in) {
        return new ExecSpec(
                in.texts("command"),
                in.map("environment"),
                in.optionalText("workingDirectory"),
                in.optionalText("user"),
                Base64.getDecoder().decode(in.text("stdin")),
                duration(in, "timeout"),
                Duration.ofNanos(in.number("grace", 0, MAXIMUM)),
                in.optionalObject(
                        "terminal",
                        size -> new TerminalSize((int) size.number("columns", 1, Integer.MAX_VALUE), (int)
                                size.number("rows", 1, Integer.MAX_VALUE))),
                size(in, "kept"),
                size(in, "outputLimit"),
                in.optionalFlag("accounted"));
    }

    private static OptionalInt stopSignal(JsonObject in) {
        OptionalLong signal = in.optionalNumber("stopSignal", 1, Integer.MAX_VALUE);
        return signal.isPresent() ? OptionalInt.of((int) signal.getAsLong()) : OptionalInt.empty();
    }

    private static void write(JsonWriter out, Root root) {
        if (root instanceof Root.Image image) {
            out.field(KIND, "image").field("reference", image.reference()).field("digest", image.digest());
        } else if (root instanceof Root.Directory directory) {
            out.field(KIND, "directory").field("path", text(directory.path()));
        } else {
            is(Root.Host.class, root);
            out.field(KIND, "host");
        }
    }

    private static Root readRoot(JsonObject in) {
        String kind = in.text(KIND);
        return switch (kind) {
            case "host" -> new Root.Host();
            case "directory" -> new Root.Directory(path(in, "path"));
            case "image" -> new Root.Image(in.text("reference"), in.optionalText("digest"));
            default -> throw in.refused("there is no root '" + kind + "'");
        };
    }

    private static void write(JsonWriter out, Writable writable) {
        if (writable instanceof Writable.Tmpfs tmpfs) {
            out.field(KIND, "tmpfs").field("size", tmpfs.size().bytes());
        } else if (writable instanceof Writable.Directory directory) {
            out.field(KIND, "directory").field("path", text(directory.path()));
        } else if (writable instanceof Writable.Disk disk) {
            out.field(KIND, "disk").field("size", disk.size().bytes());
        } else {
            Writable.Nothing nothing = is(Writable.Nothing.class, writable);
            out.field(KIND, "nothing").field("tmp", nothing.tmp().bytes());
        }
    }

    private static Writable readWritable(JsonObject in) {
        String kind = in.text(KIND);
        return switch (kind) {
            case "tmpfs" -> new Writable.Tmpfs(size(in, "size"));
            case "directory" -> new Writable.Directory(path(in, "path"));
            case "disk" -> new Writable.Disk(size(in, "size"));
            case "nothing" -> new Writable.Nothing(size(in, "tmp"));
            default -> throw in.refused("there is no writable '" + kind + "'");
        };
    }

    private static String text(Network network) {
        if (network instanceof Network.Named) {
            return "named";
        }
        if (network instanceof Network.Host) {
            return "host";
        }
        is(Network.None.class, network);
        return "none";
    }

    private static Optional<Network.Named> named(Network network) {
        return network instanceof Network.Named named ? Optional.of(named) : Optional.empty();
    }

    private static void write(JsonWriter out, Network.Named network) {
        out.field("name", network.name())
                .field("egress", network.egress().toString())
                .texts(
                        "ports",
                        network.ports().stream().map(PublishedPort::toString).toList())
                .field("address", network.address().map(InetAddress::getHostAddress));
    }

    private static Network readNetwork(JsonObject in) {
        String kind = in.text("network");
        return switch (kind) {
            case "none" -> new Network.None();
            case "host" -> new Network.Host();
            case "named" -> in.object("networkSettings", SpecJson::readNamed);
            default -> throw in.refused("there is no network '" + kind + "'");
        };
    }

    private static Network.Named readNamed(JsonObject in) {
        return new Network.Named(
                in.text("name"),
                EgressPolicy.parse(in.text("egress")),
                in.texts("ports").stream().map(PublishedPort::parse).toList(),
                in.optionalText("address").map(InetAddress::ofLiteral));
    }

    private static void write(JsonWriter out, SeccompPolicy policy) {
        if (policy instanceof SeccompPolicy.Profile profile) {
            out.field(KIND, "profile").field("json", profile.json());
        } else if (policy instanceof SeccompPolicy.Standard) {
            out.field(KIND, "standard");
        } else {
            is(SeccompPolicy.Unconfined.class, policy);
            out.field(KIND, "unconfined");
        }
    }

    private static SeccompPolicy readSeccomp(JsonObject in) {
        String kind = in.text(KIND);
        return switch (kind) {
            case "standard" -> new SeccompPolicy.Standard();
            case "profile" -> new SeccompPolicy.Profile(in.text("json"));
            case "unconfined" -> new SeccompPolicy.Unconfined();
            default -> throw in.refused("there is no seccomp policy '" + kind + "'");
        };
    }

    private static void write(JsonWriter out, Limits limits) {
        IoLimits io = limits.io();
        out.field(
                        "memory",
                        limits.memory().map(Size::bytes).map(OptionalLong::of).orElse(OptionalLong.empty()))
                .field("pids", limits.pids())
                .field("cpus", limits.cpus())
                .field("cpuWeight", limits.cpuWeight().stream().asLongStream().findFirst())
                .field("readBytes", io.readBytes())
                .field("writeBytes", io.writeBytes())
                .field("readOperations", io.readOperations())
                .field("writeOperations", io.writeOperations());
    }

    private static Limits readLimits(JsonObject in) {
        OptionalLong memory = in.optionalNumber("memory", 0, MAXIMUM);
        OptionalLong weight = in.optionalNumber("cpuWeight", 0, Integer.MAX_VALUE);
        return new Limits(
                memory.stream().mapToObj(Size::bytes).findFirst(),
                (int) in.number("pids", 0, Integer.MAX_VALUE),
                in.optionalDecimal("cpus"),
                weight.isPresent() ? OptionalInt.of((int) weight.getAsLong()) : OptionalInt.empty(),
                new IoLimits(
                        in.optionalNumber("readBytes", 0, MAXIMUM),
                        in.optionalNumber("writeBytes", 0, MAXIMUM),
                        in.optionalNumber("readOperations", 0, MAXIMUM),
                        in.optionalNumber("writeOperations", 0, MAXIMUM)));
    }

    private static Map<String, String> texts(Map<ResourceLimit, Long> limits) {
        Map<String, String> texts = new LinkedHashMap<>();
        limits.forEach((limit, value) -> texts.put(limit.name(), value.toString()));
        return texts;
    }

    private static Map<ResourceLimit, Long> resourceLimits(Map<String, String> texts) {
        Map<ResourceLimit, Long> limits = new EnumMap<>(ResourceLimit.class);
        texts.forEach((limit, value) -> limits.put(ResourceLimit.valueOf(limit), Long.parseLong(value)));
        return limits;
    }

    private static void write(JsonWriter out, Mount mount) {
        out.field("target", mount.target());
        if (mount instanceof Mount.Bind bind) {
            out.field(KIND, "bind")
                    .field("source", text(bind.source()))
                    .field("readOnly", bind.readOnly())
                    .field("executable", bind.executable())
                    .field("anywhere", bind.anywhere());
        } else if (mount instanceof Mount.Tmpfs tmpfs) {
            out.field(KIND, "tmpfs").field("size", tmpfs.size().bytes()).field("mode", tmpfs.mode());
        } else {
            Mount.Named named = is(Mount.Named.class, mount);
            out.field(KIND, "volume").field("volume", named.volume()).field("readOnly", named.readOnly());
        }
    }

    private static Mount readMount(JsonObject in) {
        String target = in.text("target");
        String kind = in.text(KIND);
        return switch (kind) {
            case "bind" ->
                new Mount.Bind(
                        path(in, "source"), target, in.flag("readOnly"), in.flag("executable"), in.flag("anywhere"));
            case "tmpfs" -> new Mount.Tmpfs(target, size(in, "size"), (int) in.number("mode", 0, Integer.MAX_VALUE));
            case "volume" -> new Mount.Named(in.text("volume"), target, in.flag("readOnly"));
            default -> throw in.refused("there is no mount '" + kind + "'");
        };
    }

    private static void write(JsonWriter out, Lifetime lifetime) {
        out.field("detached", lifetime.detached())
                .field("limit", nanos(lifetime.limit()))
                .field("idle", nanos(lifetime.idle()))
                .field("removedAtEnd", lifetime.removedAtEnd());
    }

    private static Lifetime readLifetime(JsonObject in) {
        return new Lifetime(in.flag("detached"), duration(in, "limit"), duration(in, "idle"), in.flag("removedAtEnd"));
    }

    /** The last alternative there is; another one has been forgotten here. */
    private static <T> T is(Class<T> last, Object value) {
        return last.cast(value);
    }

    private static String text(Path path) {
        return path.toString();
    }

    private static Path path(JsonObject in, String field) {
        return Path.of(in.text(field));
    }

    private static Size size(JsonObject in, String field) {
        return new Size(in.number(field, 0, MAXIMUM));
    }

    private static OptionalLong nanos(Optional<Duration> duration) {
        return duration.map(value -> OptionalLong.of(value.toNanos())).orElse(OptionalLong.empty());
    }

    private static Optional<Duration> duration(JsonObject in, String field) {
        return in.optionalNumber(field, 0, MAXIMUM).stream()
                .mapToObj(Duration::ofNanos)
                .findFirst();
    }
}
