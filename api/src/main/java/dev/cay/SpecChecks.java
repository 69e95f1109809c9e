package dev.cay;

import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** What the parts of a {@link SandboxSpec} have to be. */
final class SpecChecks {
    private static final int MAXIMUM_LABELS = 64;
    private static final int MAXIMUM_LABEL_TEXT = 4096;
    private static final int MAXIMUM_MOUNTS = 256;
    private static final int MAXIMUM_SIGNAL = 64;

    /** RFC 1123 labels, 64 characters as sethostname(2) allows. */
    private static final Pattern HOSTNAME = Pattern.compile(
            "(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*");

    private SpecChecks() {}

    static void hostname(String host) {
        Check.that(
                HOSTNAME.matcher(host).matches(),
                "'" + host + "' is not a host name",
                "letters, digits, - and ., at most 64");
    }

    static void signal(int signal) {
        Check.that(signal >= 1 && signal <= MAXIMUM_SIGNAL, signal + " is not a signal", "1 to " + MAXIMUM_SIGNAL);
    }

    static void withoutInit(Lifetime lifetime, Optional<ExecSpec> command, Isolation isolation) {
        Check.that(
                !lifetime.detached(),
                "a sandbox without an init has nobody to wait for its owner when this process is gone",
                "leave out --no-init or --detach");
        Check.that(
                isolation == Isolation.CONTAINER,
                "the first process of a microVM is what its kernel starts",
                "leave out --no-init, or use a container");
        command.ifPresent(SandboxSpec::checkWithoutInit);
    }

    static Map<String, String> labels(Map<String, String> labels) {
        Map<String, String> copy = new LinkedHashMap<>();
        int length = 0;
        for (Map.Entry<String, String> label : labels.entrySet()) {
            Check.that(!label.getKey().isEmpty(), "a label has no name", "write NAME=VALUE");
            copy.put(Check.text("a label", label.getKey()), Check.text("a label", label.getValue()));
            length += label.getKey().length() + label.getValue().length();
        }
        Check.that(
                copy.size() <= MAXIMUM_LABELS && length <= MAXIMUM_LABEL_TEXT,
                "these are too many labels",
                "at most 64, of at most 4096 characters together");
        return Collections.unmodifiableMap(copy);
    }

    static void mounts(List<Mount> mounts) {
        Check.that(
                mounts.size() <= MAXIMUM_MOUNTS, mounts.size() + " mounts are too many", "at most " + MAXIMUM_MOUNTS);
        Set<String> targets = new HashSet<>();
        for (Mount mount : mounts) {
            Mount.check(mount);
            Check.that(
                    targets.add(Check.normalized(mount.target())),
                    "two mounts go to " + mount.target(),
                    "leave out one of them");
        }
    }

    static void writable(Writable writable) {
        if (writable instanceof Writable.Directory directory) {
            Check.hostPath("the writable directory", directory.path());
        } else if (writable instanceof Writable.Tmpfs tmpfs) {
            tmpfs(tmpfs.size());
        } else if (writable instanceof Writable.Nothing nothing) {
            tmpfs(nothing.tmp());
        } else if (writable instanceof Writable.Disk disk) {
            Check.that(
                    disk.size().compareTo(SandboxSpec.MINIMUM_DISK) >= 0,
                    "a disk of " + disk.size() + " is below " + SandboxSpec.MINIMUM_DISK,
                    "give it more");
        }
    }

    private static void tmpfs(Size size) {
        Check.that(
                size.compareTo(SandboxSpec.MINIMUM_TMPFS) >= 0,
                "tmpfs size " + size + " is below " + SandboxSpec.MINIMUM_TMPFS,
                "give it more");
    }

    static Map<ResourceLimit, Long> resourceLimits(Map<ResourceLimit, Long> limits) {
        Map<ResourceLimit, Long> copy = new EnumMap<>(ResourceLimit.class);
        limits.forEach((limit, value) -> {
            Check.that(value >= 0, "resource limit " + limit + " is negative", "0 or more");
            copy.put(limit, value);
        });
        return Collections.unmodifiableMap(copy);
    }
}
