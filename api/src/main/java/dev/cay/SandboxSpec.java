package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What a sandbox is to be; checked whole when it is built, before anything is done.
 *
 * @param root the file system it begins with
 * @param writable where its changes go
 * @param network the network it has
 * @param limits what it may use
 * @param resourceLimits limits of each of its processes; soft and hard alike
 * @param seccomp the system calls it may make
 * @param userNamespace whether its users, root included, are unprivileged ids of its own on the host
 * @param hostname its host name; its id if empty
 * @param environment the variables every command gets
 * @param workingDirectory where commands start, an absolute path in the sandbox; that of its image, else {@code /}, if empty
 * @param user as whom commands run, looked up in the sandbox's files; that of its image, else root, if empty
 * @param stopSignal what its own command gets when it is to end, 1 to 64; that of its image, else SIGTERM, if empty
 * @param name what it can be called besides its id; unique on this machine
 * @param labels what its owner wants to know about it; at most 64, of at most 4096 characters together
 * @param mounts what it sees besides its root file system
 * @param lifetime for how long it lives
 * @param command its own command, see {@link Sandbox#start()}
 * @param isolation what stands between it and this machine
 * @param furnishing what is put into its root file system
 * @param init whether a first process of Cay's own waits in it for commands and reaps what they leave; else the one command that is
 *     run in it is its first process, and nothing else can run in it or reach its files
 * @param onHang what is done with a microVM whose guest answers no more
 * @param vmm what runs the machine of a microVM
 */
public record SandboxSpec(
        Root root,
        Writable writable,
        Network network,
        Limits limits,
        Map<ResourceLimit, Long> resourceLimits,
        SeccompPolicy seccomp,
        boolean userNamespace,
        Optional<String> hostname,
        Map<String, String> environment,
        Optional<String> workingDirectory,
        Optional<String> user,
        OptionalInt stopSignal,
        Optional<String> name,
        Map<String, String> labels,
        List<Mount> mounts,
        Lifetime lifetime,
        Optional<ExecSpec> command,
        Isolation isolation,
        Furnishing furnishing,
        boolean init,
        OnHang onHang,
        VmmKind vmm) {
    public static final String DEFAULT_WORKING_DIRECTORY = "/";
    public static final String DEFAULT_USER = "root";

    public static final Size DEFAULT_TMPFS = Size.mib(256);
    public static final Size MINIMUM_TMPFS = Size.kib(64);
    public static final Size MINIMUM_DISK = Size.mib(8);

    public SandboxSpec {
        requireNonNull(root, "root is null");
        requireNonNull(writable, "writable is null");
        requireNonNull(network, "network is null");
        requireNonNull(limits, "limits is null");
        requireNonNull(seccomp, "seccomp is null");
        if (root instanceof Root.Directory directory) {
            Check.hostPath("the root directory", directory.path());
        }
        SpecChecks.writable(writable);
        resourceLimits = SpecChecks.resourceLimits(resourceLimits);
        hostname.ifPresent(SpecChecks::hostname);
        environment = Environment.copyOf(environment);
        workingDirectory.ifPresent(path -> Check.absolutePath("the working directory", path));
        user.ifPresent(UserName::check);
        stopSignal.ifPresent(SpecChecks::signal);
        name.ifPresent(value -> Check.name("the sandbox's name", value));
        labels = SpecChecks.labels(labels);
        mounts = List.copyOf(mounts);
        SpecChecks.mounts(mounts);
        requireNonNull(lifetime, "lifetime is null");
        requireNonNull(command, "command is null");
        requireNonNull(isolation, "isolation is null");
        requireNonNull(furnishing, "furnishing is null");
        requireNonNull(onHang, "onHang is null");
        requireNonNull(vmm, "vmm is null");
        Check.that(
                vmm == VmmKind.QEMU || isolation == Isolation.MICROVM,
                "only a microVM has a machine that something runs",
                "leave out --vmm, or use --isolation microvm");
        Check.that(
                onHang == OnHang.REPORT || isolation == Isolation.MICROVM,
                "only the guest of a microVM can hang",
                "leave out --on-hang, or use --isolation microvm");
        if (!init) {
            SpecChecks.withoutInit(lifetime, command, isolation);
        }
    }

    /**
     * Makes sure that a command can be a first process.
     *
     * @throws SandboxException.InvalidSpec otherwise
     */
    public static void checkWithoutInit(ExecSpec command) {
        Check.that(
                command.terminal().isEmpty(),
                "a command that is the first process has no terminal: nobody is there to keep its other end",
                "leave out --no-init or --tty");
    }

    /** Whether a sandbox can have these: see {@link #labels}. */
    public static boolean areLabels(Map<String, String> labels) {
        try {
            SpecChecks.labels(labels);
            return true;
        } catch (SandboxException.InvalidSpec e) {
            return false;
        }
    }

    /** The same with another command of its own. */
    public SandboxSpec withCommand(Optional<ExecSpec> own) {
        return with(network, name, own);
    }

    /** The same with another network. */
    public SandboxSpec withNetwork(Network other) {
        return with(other, name, command);
    }

    /** The same with another name, or none. */
    public SandboxSpec withName(Optional<String> other) {
        return with(network, other, command);
    }

    private SandboxSpec with(Network otherNetwork, Optional<String> otherName, Optional<ExecSpec> own) {
        return new SandboxSpec(
                root,
                writable,
                otherNetwork,
                limits,
                resourceLimits,
                seccomp,
                userNamespace,
                hostname,
                environment,
                workingDirectory,
                user,
                stopSignal,
                otherName,
                labels,
                mounts,
                lifetime,
                own,
                isolation,
                furnishing,
                init,
                onHang,
                vmm);
    }

    /** The same with another life. */
    public SandboxSpec withLifetime(Lifetime other) {
        return new SandboxSpec(
                root,
                writable,
                network,
                limits,
                resourceLimits,
                seccomp,
                userNamespace,
                hostname,
                environment,
                workingDirectory,
                user,
                stopSignal,
                name,
                labels,
                mounts,
                other,
                command,
                isolation,
                furnishing,
                init,
                onHang,
                vmm);
    }

    /** The programs of this machine in a sandbox of their own; see {@link Root.Host}. */
    public static Builder host() {
        return new Builder(Root.host());
    }

    /** A directory that holds a root file system; see {@link Root.Directory}. */
    public static Builder directory(Path path) {
        return new Builder(Root.directory(path));
    }

    /** An image of the local store; see {@link Root.Image}. */
    public static Builder image(String reference) {
        return new Builder(Root.image(reference));
    }

    /** Gathers a {@link SandboxSpec}; not thread-safe. */
    public static final class Builder {
        private final Root root;
        private Writable writable = new Writable.Tmpfs(DEFAULT_TMPFS);
        private Network network = Network.none();
        private Optional<Size> memory = Optional.empty();
        private int pids = Limits.DEFAULT_PIDS;
        private OptionalDouble cpus = OptionalDouble.empty();
        private OptionalInt cpuWeight = OptionalInt.empty();
        private IoLimits io = IoLimits.none();
        private final Map<ResourceLimit, Long> resourceLimits = new EnumMap<>(ResourceLimit.class);
        private SeccompPolicy seccomp = SeccompPolicy.standard();
        private boolean userNamespace = true;
        private Optional<String> hostname = Optional.empty();
        private final Map<String, String> environment = new LinkedHashMap<>();
        private Optional<String> workingDirectory = Optional.empty();
        private Optional<String> user = Optional.empty();
        private OptionalInt stopSignal = OptionalInt.empty();
        private Optional<String> name = Optional.empty();
        private final Map<String, String> labels = new LinkedHashMap<>();
        private final List<Mount> mounts = new ArrayList<>();
        private Lifetime lifetime = Lifetime.attached();
        private Optional<ExecSpec> command = Optional.empty();
        private Isolation isolation = Isolation.CONTAINER;
        private final List<String> certificates = new ArrayList<>();
        private final Map<String, String> scripts = new LinkedHashMap<>();
        private Optional<Furnishing.Init> imageInit = Optional.empty();
        private boolean init = true;
        private OnHang onHang = OnHang.REPORT;
        private VmmKind vmm = VmmKind.QEMU;

        private Builder(Root root) {
            this.root = root;
        }

        public Builder writable(Writable value) {
            writable = value;
            return this;
        }

        /** Changes go to memory, at the most so much. */
        public Builder tmpfs(Size size) {
            return writable(new Writable.Tmpfs(size));
        }

        /** Changes go onto a disk of this size; see {@link Writable.Disk}. */
        public Builder disk(Size size) {
            return writable(new Writable.Disk(size));
        }

        /** Nothing can be changed but {@code /tmp}. */
        public Builder readOnly() {
            return writable(new Writable.Nothing(DEFAULT_TMPFS));
        }

        public Builder network(Network value) {
            network = value;
            return this;
        }

        public Builder memory(Size size) {
            memory = Optional.of(size);
            return this;
        }

        public Builder pids(int count) {
            pids = count;
            return this;
        }

        public Builder cpus(double processors) {
            cpus = OptionalDouble.of(processors);
            return this;
        }

        public Builder cpuWeight(int weight) {
            cpuWeight = OptionalInt.of(weight);
            return this;
        }

        public Builder io(IoLimits limits) {
            io = limits;
            return this;
        }

        /** All limits at once: those of memory, processes, processors and io. */
        public Builder limits(Limits limits) {
            memory = limits.memory();
            pids = limits.pids();
            cpus = limits.cpus();
            cpuWeight = limits.cpuWeight();
            io = limits.io();
            return this;
        }

        public Builder resourceLimit(ResourceLimit limit, long value) {
            resourceLimits.put(limit, value);
            return this;
        }

        public Builder seccomp(SeccompPolicy policy) {
            seccomp = policy;
            return this;
        }

        /** False makes the sandbox's root the host's root behind the other walls; only for code you trust. */
        public Builder userNamespace(boolean enabled) {
            userNamespace = enabled;
            return this;
        }

        public Builder hostname(String value) {
            hostname = Optional.of(value);
            return this;
        }

        public Builder environment(String variable, String value) {
            environment.put(variable, value);
            return this;
        }

        public Builder workingDirectory(String path) {
            workingDirectory = Optional.of(path);
            return this;
        }

        public Builder user(String value) {
            user = Optional.of(value);
            return this;
        }

        public Builder stopSignal(int number) {
            stopSignal = OptionalInt.of(number);
            return this;
        }

        public Builder name(String value) {
            name = Optional.of(value);
            return this;
        }

        public Builder label(String label, String value) {
            labels.put(label, value);
            return this;
        }

        public Builder mount(Mount mount) {
            mounts.add(mount);
            return this;
        }

        public Builder lifetime(Lifetime value) {
            lifetime = value;
            return this;
        }

        /** It lives on when this process ends. */
        public Builder detached() {
            return lifetime(new Lifetime(true, lifetime.limit(), lifetime.idle(), lifetime.removedAtEnd()));
        }

        public Builder command(ExecSpec value) {
            command = Optional.of(value);
            return this;
        }

        public Builder isolation(Isolation value) {
            isolation = value;
            return this;
        }

        /** Its programs trust these certificates, a bundle of PEM; see {@link Furnishing}. */
        public Builder trust(String pem) {
            certificates.add(pem);
            return this;
        }

        /** A program of its image is the first process; see {@link Furnishing#init}. */
        public Builder imageInit(Furnishing.Init init) {
            imageInit = Optional.of(init);
            return this;
        }

        /** It has a program of this name on the path of its commands; see {@link Furnishing}. */
        public Builder script(String name, String body) {
            scripts.put(name, body);
            return this;
        }

        /** What is done with a microVM whose guest answers no more; see {@link MachineInfo.Health#HUNG}. */
        public Builder onHang(OnHang value) {
            onHang = value;
            return this;
        }

        /** What runs the machine of a microVM. */
        public Builder vmm(VmmKind value) {
            vmm = value;
            return this;
        }

        /** False makes the one command that is run in it its first process; see {@link SandboxSpec#init}. */
        public Builder init(boolean enabled) {
            init = enabled;
            return this;
        }

        /**
         * @throws SandboxException.InvalidSpec if a field is out of range
         */
        public SandboxSpec build() {
            Limits limits = new Limits(memory, pids, cpus, cpuWeight, io);
            return new SandboxSpec(
                    root,
                    writable,
                    network,
                    limits,
                    resourceLimits,
                    seccomp,
                    userNamespace,
                    hostname,
                    environment,
                    workingDirectory,
                    user,
                    stopSignal,
                    name,
                    labels,
                    mounts,
                    lifetime,
                    command,
                    isolation,
                    new Furnishing(certificates, scripts, imageInit),
                    init,
                    onHang,
                    vmm);
        }
    }
}
