package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Network;
import dev.cay.ResourceLimit;
import dev.cay.SandboxSpec;
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.Writable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code cay run} has been asked for.
 *
 * @param sandbox the sandbox to make
 * @param command the command to run in it
 * @param format how to write the result
 */
record RunRequest(SandboxSpec sandbox, ExecSpec command, Format format) {
    /** Docker's own profile has 20 KiB. */
    private static final int MAXIMUM_PROFILE = 1024 * 1024;

    static RunRequest of(Arguments arguments, Variables variables) {
        Format format = Format.of(arguments);
        if (arguments.operands().isEmpty()) {
            throw new UsageException("no command to run", "name one, as in: cay run -- echo hello");
        }
        if (format == Format.TEXT && arguments.has(RunOptions.OUTPUT_LIMIT)) {
            throw new UsageException(
                    "--output-limit has no effect without --format json",
                    "leave it out: as text, output is passed on as it comes");
        }
        return new RunRequest(sandbox(arguments), command(arguments, variables), format);
    }

    private static SandboxSpec sandbox(Arguments arguments) {
        SandboxSpec.Builder builder = root(arguments.last(RunOptions.ROOTFS).orElse("host"));
        addWritable(builder, arguments);
        addLimits(builder, arguments);
        for (String text : arguments.all(RunOptions.ULIMIT)) {
            ResourceLimit limit = Values.resourceLimit(RunOptions.ULIMIT, text);
            builder.resourceLimit(limit, Values.resourceLimitValue(RunOptions.ULIMIT, text, limit));
        }
        builder.network(network(arguments.last(RunOptions.NETWORK).orElse("none")));
        builder.seccomp(seccomp(arguments.last(RunOptions.SECCOMP).orElse("default")));
        builder.userNamespace(!arguments.has(RunOptions.NO_USERNS));
        Optional<String> hostname = arguments.last(RunOptions.HOSTNAME);
        if (hostname.isPresent()) {
            builder.hostname(hostname.get());
        }
        return builder.build();
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

    private static Network network(String text) {
        return switch (text) {
            case "none" -> Network.none();
            case "host" -> Network.host();
            default -> throw Values.refuse(RunOptions.NETWORK, "'" + text + "' is not a network", "write none or host");
        };
    }

    private static SeccompPolicy seccomp(String text) {
        return switch (text) {
            case "default" -> SeccompPolicy.standard();
            case "unconfined" -> SeccompPolicy.unconfined();
            default -> SeccompPolicy.profile(profile(text));
        };
    }

    private static String profile(String text) {
        Path path = Values.path(RunOptions.SECCOMP, text);
        String hint = "write default, unconfined or the path of a profile in Docker's JSON form";
        try (InputStream in = Files.newInputStream(path)) {
            byte[] bytes = in.readNBytes(MAXIMUM_PROFILE + 1);
            if (bytes.length > MAXIMUM_PROFILE) {
                throw Values.refuse(
                        RunOptions.SECCOMP, "'" + text + "' has more than " + MAXIMUM_PROFILE + " bytes", hint);
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw Values.refuse(RunOptions.SECCOMP, "there is no file '" + text + "'", hint);
        } catch (IOException e) {
            throw Values.refuse(RunOptions.SECCOMP, "'" + text + "' cannot be read: " + e.getMessage(), hint);
        }
    }

    private static ExecSpec command(Arguments arguments, Variables variables) {
        ExecSpec.Builder builder = ExecSpec.builder(arguments.operands());
        for (String text : arguments.all(RunOptions.ENV)) {
            addVariable(builder, text, variables);
        }
        Optional<String> directory = arguments.last(RunOptions.WORKDIR);
        if (directory.isPresent()) {
            builder.workingDirectory(directory.get());
        }
        Optional<String> user = arguments.last(RunOptions.USER);
        if (user.isPresent()) {
            builder.user(user.get());
        }
        Optional<String> timeout = arguments.last(RunOptions.TIMEOUT);
        if (timeout.isPresent()) {
            builder.timeout(Values.duration(RunOptions.TIMEOUT, timeout.get()));
        }
        Optional<String> grace = arguments.last(RunOptions.GRACE);
        if (grace.isPresent()) {
            builder.grace(Values.duration(RunOptions.GRACE, grace.get()));
        }
        Optional<String> limit = arguments.last(RunOptions.OUTPUT_LIMIT);
        if (limit.isPresent()) {
            builder.outputLimit(Values.size(RunOptions.OUTPUT_LIMIT, limit.get()));
        }
        return builder.build();
    }

    private static void addVariable(ExecSpec.Builder builder, String text, Variables variables) {
        int equals = text.indexOf('=');
        if (equals == 0 || text.isEmpty()) {
            throw Values.refuse(RunOptions.ENV, "'" + text + "' has no name", "write NAME=VALUE");
        }
        if (equals > 0) {
            builder.environment(text.substring(0, equals), text.substring(equals + 1));
            return;
        }
        Optional<String> value = variables.variable(text);
        if (value.isPresent()) {
            builder.environment(text, value.get());
        }
    }
}
