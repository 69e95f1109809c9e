package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ImageConfig;
import dev.cay.Mount;
import dev.cay.Root;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import dev.cay.engine.container.ImageSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What an image wants of its containers, in the place of what a specification leaves open. What is said there counts more, one
 * variable or label at a time.
 *
 * <p>Of the rest of a config: ports that it exposes are for whoever publishes them; its volumes are part of what the sandbox can
 * change anyway, and where nothing can be changed, empty directories in memory.
 */
final class ImageDefaults {
    private static final List<String> SIGNALS = List.of(
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
            "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
            "WINCH", "IO", "PWR", "SYS");
    private static final int FIRST_REAL_TIME = 34;
    private static final int LAST_REAL_TIME = 64;

    private ImageDefaults() {}

    /** The same specification, settled: nothing of it changes its meaning when the image's name goes to another. */
    static SandboxSpec apply(SandboxSpec spec, Root.Image root, ImageSource.Found image) {
        ImageConfig config = image.config();
        Map<String, String> environment = new LinkedHashMap<>(config.environment());
        environment.putAll(spec.environment());
        return new SandboxSpec(
                new Root.Image(root.reference(), Optional.of(image.digest())),
                spec.writable(),
                spec.network(),
                spec.limits(),
                spec.resourceLimits(),
                spec.seccomp(),
                spec.userNamespace(),
                spec.hostname(),
                environment,
                spec.workingDirectory().or(config::workingDirectory),
                spec.user().or(config::user),
                spec.stopSignal().isPresent() ? spec.stopSignal() : stopSignal(config),
                spec.name(),
                labels(spec, config),
                mounts(spec, config),
                spec.lifetime(),
                spec.command().or(() -> command(config)),
                spec.isolation(),
                spec.furnishing(),
                spec.init(),
                spec.onHang(),
                spec.vmm());
    }

    private static Optional<ExecSpec> command(ImageConfig config) {
        List<String> line = config.commandLine();
        return line.isEmpty() ? Optional.empty() : Optional.of(ExecSpec.of(line.toArray(String[]::new)));
    }

    /** A sandbox has room for few; those of an image come along if there is room for all of them. */
    private static Map<String, String> labels(SandboxSpec spec, ImageConfig config) {
        Map<String, String> labels = new LinkedHashMap<>(config.labels());
        labels.putAll(spec.labels());
        return SandboxSpec.areLabels(labels) ? labels : spec.labels();
    }

    private static List<Mount> mounts(SandboxSpec spec, ImageConfig config) {
        if (!(spec.writable() instanceof Writable.Nothing)) {
            return spec.mounts();
        }
        List<Mount> mounts = new ArrayList<>(spec.mounts());
        for (String volume : config.volumes()) {
            boolean taken =
                    mounts.stream().anyMatch(mount -> names(mount.target()).equals(names(volume)));
            if (!taken) {
                mounts.add(Mount.tmpfs(volume, Mount.DEFAULT_TMPFS));
            }
        }
        return mounts;
    }

    private static List<String> names(String path) {
        return List.of(path.split("/")).stream()
                .filter(name -> !name.isEmpty() && !name.equals("."))
                .toList();
    }

    private static OptionalInt stopSignal(ImageConfig config) {
        if (config.stopSignal().isEmpty()) {
            return OptionalInt.empty();
        }
        String text = config.stopSignal().get();
        return OptionalInt.of(number(text)
                .orElseThrow(() -> new SandboxException.InvalidSpec(
                        "the image wants '" + text + "' as the signal to stop it, which is none",
                        "name another stop signal for the sandbox")));
    }

    /** Reads a number, a name with or without SIG, or one of the real-time signals, as in RTMIN+3. */
    static Optional<Integer> number(String text) {
        String name = text.toUpperCase(Locale.ROOT);
        name = name.startsWith("SIG") ? name.substring(3) : name;
        if (SIGNALS.contains(name)) {
            return Optional.of(SIGNALS.indexOf(name) + 1);
        }
        if (name.matches("[0-9]{1,2}")) {
            return Optional.of(Integer.parseInt(name)).filter(number -> number >= 1 && number <= LAST_REAL_TIME);
        }
        if (name.matches("RTMIN(\\+[0-9]{1,2})?")) {
            int above = name.length() > 5 ? Integer.parseInt(name.substring(6)) : 0;
            return Optional.of(FIRST_REAL_TIME + above).filter(number -> number <= LAST_REAL_TIME);
        }
        if (name.matches("RTMAX(-[0-9]{1,2})?")) {
            int below = name.length() > 5 ? Integer.parseInt(name.substring(6)) : 0;
            return Optional.of(LAST_REAL_TIME - below).filter(number -> number >= FIRST_REAL_TIME);
        }
        return Optional.empty();
    }
}
