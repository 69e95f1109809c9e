package dev.cay.cli;

import dev.cay.Furnishing;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.OnHang;
import dev.cay.ResourceLimit;
import dev.cay.SandboxSpec;
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.VmmKind;
import dev.cay.Writable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Reads what is said about a sandbox that is to be made. */
final class SandboxRequest {
    /** Docker's own profile has 20 KiB. */
    private static final int MAXIMUM_FILE = 1024 * 1024;

    private SandboxRequest() {}

    /**
     * Everything but what is said about its command.
     *
     * @param detached whether it outlives this process
     * @param image what it is made of, if that is an image
     */
    static SandboxSpec.Builder builder(Arguments arguments, boolean detached, Optional<ImageRequest> image) {
        SandboxSpec.Builder builder = image.isPresent()
                ? SandboxSpec.image(image.get().reference())
                : root(arguments.last(RunOptions.ROOTFS).orElse("host"));
        addWritable(builder, arguments);
        addLimits(builder, arguments);
        for (String text : arguments.all(RunOptions.ULIMIT)) {
            ResourceLimit limit = Values.resourceLimit(RunOptions.ULIMIT, text);
            builder.resourceLimit(limit, Values.resourceLimitValue(RunOptions.ULIMIT, text, limit));
        }
        builder.network(NetworkRequest.network(arguments));
        builder.seccomp(seccomp(arguments.last(RunOptions.SECCOMP).orElse("default")));
        builder.isolation(isolation(arguments.last(RunOptions.ISOLATION).orElse("container")));
        Optional<String> vmm = arguments.last(RunOptions.VMM);
        if (vmm.isPresent()) {
            builder.vmm(vmm(vmm.get()));
        }
        builder.userNamespace(!arguments.has(RunOptions.NO_USERNS));
        builder.init(!arguments.has(RunOptions.NO_INIT));
        Optional<String> onHang = arguments.last(RunOptions.ON_HANG);
        if (onHang.isPresent()) {
            builder.onHang(onHang(onHang.get()));
        }
        Optional<String> hostname = arguments.last(RunOptions.HOSTNAME);
        if (hostname.isPresent()) {
            builder.hostname(hostname.get());
        }
        Optional<String> stopSignal = arguments.last(RunOptions.STOP_SIGNAL);
        if (stopSignal.isPresent()) {
            builder.stopSignal(Signals.number(RunOptions.STOP_SIGNAL, stopSignal.get()));
        }
        addIdentity(builder, arguments);
        addFurnishing(builder, arguments);
        addMounts(builder, arguments);
        builder.lifetime(new Lifetime(
                detached,
                duration(arguments, RunOptions.TTL),
                duration(arguments, RunOptions.IDLE),
                detached && arguments.has(RunOptions.RM)));
        return builder;
    }

    static Optional<Duration> duration(Arguments arguments, Option option) {
        Optional<String> text = arguments.last(option);
        return text.isPresent() ? Optional.of(Values.duration(option, text.get())) : Optional.empty();
    }

    private static void addIdentity(SandboxSpec.Builder builder, Arguments arguments) {
        Optional<String> name = arguments.last(RunOptions.NAME);
        if (name.isPresent()) {
            builder.name(name.get());
        }
        for (String text : arguments.all(RunOptions.LABEL)) {
            int equals = text.indexOf('=');
            if (equals == 0 || text.isEmpty()) {
                throw Values.refuse(RunOptions.LABEL, "'" + text + "' has no name", "write NAME=VALUE");
            }
            builder.label(equals < 0 ? text : text.substring(0, equals), equals < 0 ? "" : text.substring(equals + 1));
        }
    }

    private static void addFurnishing(SandboxSpec.Builder builder, Arguments arguments) {
        for (String text : arguments.all(RunOptions.TRUST)) {
            builder.trust(file(RunOptions.TRUST, text, "name a file of PEM"));
        }
        Optional<String> init = arguments.last(RunOptions.IMAGE_INIT);
        if (init.isPresent()) {
            builder.imageInit(Furnishing.Init.of(init.get()));
        }
        for (String text : arguments.all(RunOptions.SCRIPT)) {
            int equals = text.indexOf('=');
            if (equals <= 0) {
                throw Values.refuse(RunOptions.SCRIPT, "'" + text + "' has no name", "write NAME=FILE");
            }
            String body = file(RunOptions.SCRIPT, text.substring(equals + 1), "write NAME=FILE");
            builder.script(text.substring(0, equals), body);
        }
    }

    private static void addMounts(SandboxSpec.Builder builder, Arguments arguments) {
        boolean anywhere = arguments.has(RunOptions.ALLOW_HOST_PATH);
        for (String text : arguments.all(RunOptions.VOLUME)) {
            builder.mount(MountValues.volume(text, anywhere));
        }
        for (String text : arguments.all(RunOptions.TMPFS)) {
            builder.mount(MountValues.tmpfs(text));
        }
    }

    private static SandboxSpec.Builder root(String text) {
        if (text.equals("host")) {
            return SandboxSpec.host();
        }
        String path = text.startsWith("dir:") ? text.substring("dir:".length()) : text;
        return SandboxSpec.directory(Values.path(RunOptions.ROOTFS, path));
    }

    private static void addWritable(SandboxSpec.Builder builder, Arguments arguments) {
        Optional<String> directory = arguments.last(RunOptions.WRITABLE);
        Optional<String> tmpfs = arguments.last(RunOptions.TMPFS_SIZE);
        boolean readOnly = arguments.has(RunOptions.READ_ONLY);
        Optional<String> disk = arguments.last(RunOptions.DISK);
        if (disk.isPresent()) {
            if (directory.isPresent() || readOnly || tmpfs.isPresent()) {
                throw new UsageException(
                        "--disk, --writable, --read-only and --tmpfs-size contradict each other", "write one of them");
            }
            builder.writable(new Writable.Disk(Values.size(RunOptions.DISK, disk.get())));
            return;
        }
        if (directory.isPresent() && (readOnly || tmpfs.isPresent())) {
            String other = readOnly ? RunOptions.READ_ONLY.spelling() : RunOptions.TMPFS_SIZE.spelling();
            throw new UsageException("--writable and " + other + " contradict each other", "leave one of them out");
        }
        if (directory.isPresent()) {
            builder.writable(new Writable.Directory(Values.path(RunOptions.WRITABLE, directory.get())));
            return;
        }
        Size size = tmpfs.isPresent() ? Values.size(RunOptions.TMPFS_SIZE, tmpfs.get()) : SandboxSpec.DEFAULT_TMPFS;
        builder.writable(readOnly ? new Writable.Nothing(size) : new Writable.Tmpfs(size));
    }

    private static void addLimits(SandboxSpec.Builder builder, Arguments arguments) {
        Optional<String> memory = arguments.last(RunOptions.MEMORY);
        if (memory.isPresent()) {
            builder.memory(Values.size(RunOptions.MEMORY, memory.get()));
        }
        Optional<String> cpus = arguments.last(RunOptions.CPUS);
        if (cpus.isPresent()) {
            builder.cpus(Values.decimal(RunOptions.CPUS, cpus.get()));
        }
        Optional<String> weight = arguments.last(RunOptions.CPU_WEIGHT);
        if (weight.isPresent()) {
            builder.cpuWeight(Values.wholeNumber(RunOptions.CPU_WEIGHT, weight.get()));
        }
        Optional<String> pids = arguments.last(RunOptions.PIDS);
        if (pids.isPresent()) {
            builder.pids(Values.wholeNumber(RunOptions.PIDS, pids.get()));
        }
        if (arguments.has(RunOptions.IO)) {
            builder.io(Values.io(RunOptions.IO, arguments.all(RunOptions.IO)));
        }
    }

    private static OnHang onHang(String text) {
        return switch (text) {
            case "report" -> OnHang.REPORT;
            case "kill" -> OnHang.KILL;
            default ->
                throw Values.refuse(RunOptions.ON_HANG, "'" + text + "' is nothing to be done", "write report or kill");
        };
    }

    private static Isolation isolation(String text) {
        return switch (text) {
            case "container" -> Isolation.CONTAINER;
            case "microvm" -> Isolation.MICROVM;
            default ->
                throw Values.refuse(
                        RunOptions.ISOLATION, "'" + text + "' is no kind of isolation", "write container or microvm");
        };
    }

    private static VmmKind vmm(String text) {
        Optional<VmmKind> kind = VmmKind.of(text);
        if (kind.isEmpty()) {
            throw Values.refuse(
                    RunOptions.VMM,
                    "'" + text + "' runs no machines",
                    "write qemu, qemu-q35, firecracker or cloud-hypervisor");
        }
        return kind.get();
    }

    private static SeccompPolicy seccomp(String text) {
        return switch (text) {
            case "default" -> SeccompPolicy.standard();
            case "unconfined" -> SeccompPolicy.unconfined();
            default ->
                SeccompPolicy.profile(file(
                        RunOptions.SECCOMP,
                        text,
                        "write default, unconfined or the path of a profile in Docker's JSON form"));
        };
    }

    /** The content of a file that an option names. */
    private static String file(Option option, String text, String hint) {
        Path path = Values.path(option, text);
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAXIMUM_FILE + 1);
            if (bytes.length > MAXIMUM_FILE) {
                throw Values.refuse(option, "'" + text + "' has more than " + MAXIMUM_FILE + " bytes", hint);
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw Values.refuse(option, "there is no file '" + text + "'", hint);
        } catch (IOException e) {
            throw Values.refuse(option, "'" + text + "' cannot be read: " + e.getMessage(), hint);
        }
    }
}
