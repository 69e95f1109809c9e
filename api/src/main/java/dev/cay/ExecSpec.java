package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A command to run in a sandbox.
 *
 * @param command the program, looked up in the sandbox's {@code PATH} if it has no slash, and its arguments
 * @param environment variables that come on top of the sandbox's
 * @param workingDirectory an absolute path in the sandbox; the sandbox's if empty
 * @param user a name, an id, {@code user:group} or {@code id:id}, looked up in the sandbox's files; the sandbox's if empty
 * @param stdin what a captured execution gets to read; do not modify
 * @param timeout after which the command gets SIGTERM and, {@code grace} later, is killed with all its descendants; 1 ms to
 *     365 days
 * @param grace 0 to 1 hour
 * @param terminal the size of the terminal it runs in; without, its streams are pipes. What it writes to a terminal is all output
 * @param kept how much of what it wrote to each stream can be read again later, in a detached sandbox; at most 64 MiB
 * @param outputLimit how much a captured execution keeps of each stream; at most 1 GiB
 * @param accounted whether to read, at its end, what it has used, which takes a tenth of a millisecond
 */
public record ExecSpec(
        List<String> command,
        Map<String, String> environment,
        Optional<String> workingDirectory,
        Optional<String> user,
        byte[] stdin,
        Optional<Duration> timeout,
        Duration grace,
        Optional<TerminalSize> terminal,
        Size kept,
        Size outputLimit,
        boolean accounted) {
    public static final Size DEFAULT_KEPT = Size.mib(1);
    public static final Size MAXIMUM_KEPT = Size.mib(64);
    public static final Size DEFAULT_OUTPUT_LIMIT = Size.mib(16);
    public static final Size MAXIMUM_OUTPUT_LIMIT = Size.gib(1);
    public static final Duration DEFAULT_GRACE = Duration.ofSeconds(2);

    public ExecSpec {
        command = List.copyOf(command);
        Check.that(!command.isEmpty() && !command.get(0).isEmpty(), "the command is empty", "name a program to run");
        command.forEach(argument -> Check.text("an argument of the command", argument));
        environment = Environment.copyOf(environment);
        workingDirectory.ifPresent(path -> Check.absolutePath("the working directory", path));
        user.ifPresent(UserName::check);
        requireNonNull(stdin, "stdin is null");
        timeout.ifPresent(value -> Check.that(
                value.compareTo(Duration.ofMillis(1)) >= 0 && value.compareTo(Duration.ofDays(365)) <= 0,
                "timeout " + value + " is out of range",
                "1 ms to 365 days"));
        Check.that(
                !grace.isNegative() && grace.compareTo(Duration.ofHours(1)) <= 0,
                "grace " + grace + " is out of range",
                "0 to 1 hour");
        requireNonNull(terminal, "terminal is null");
        Check.that(
                kept.compareTo(MAXIMUM_KEPT) <= 0,
                "output of " + kept + " cannot be kept",
                "at most " + MAXIMUM_KEPT + "; write to a file instead");
        Check.that(
                outputLimit.compareTo(MAXIMUM_OUTPUT_LIMIT) <= 0,
                "output limit " + outputLimit + " is above " + MAXIMUM_OUTPUT_LIMIT,
                "read the streams of Sandbox.start instead");
    }

    /** A command with everything else as it is by default. */
    public static ExecSpec of(String... command) {
        return builder(command).build();
    }

    public static Builder builder(String... command) {
        return builder(Arrays.asList(command));
    }

    public static Builder builder(List<String> command) {
        return new Builder(command);
    }

    /** Gathers an {@link ExecSpec}; not thread-safe. */
    public static final class Builder {
        private final List<String> command;
        private final Map<String, String> environment = new LinkedHashMap<>();
        private Optional<String> workingDirectory = Optional.empty();
        private Optional<String> user = Optional.empty();
        private byte[] stdin = {};
        private Optional<Duration> timeout = Optional.empty();
        private Duration grace = DEFAULT_GRACE;
        private Optional<TerminalSize> terminal = Optional.empty();
        private Size kept = DEFAULT_KEPT;
        private Size outputLimit = DEFAULT_OUTPUT_LIMIT;
        private boolean accounted;

        private Builder(List<String> command) {
            this.command = requireNonNull(command, "command is null");
        }

        public Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        public Builder workingDirectory(String path) {
            workingDirectory = Optional.of(path);
            return this;
        }

        public Builder user(String name) {
            user = Optional.of(name);
            return this;
        }

        public Builder stdin(byte[] bytes) {
            stdin = bytes;
            return this;
        }

        public Builder timeout(Duration duration) {
            timeout = Optional.of(duration);
            return this;
        }

        public Builder grace(Duration duration) {
            grace = duration;
            return this;
        }

        public Builder terminal(TerminalSize size) {
            terminal = Optional.of(size);
            return this;
        }

        public Builder kept(Size size) {
            kept = size;
            return this;
        }

        public Builder outputLimit(Size size) {
            outputLimit = size;
            return this;
        }

        public Builder accounted(boolean wanted) {
            accounted = wanted;
            return this;
        }

        /**
         * @throws SandboxException.InvalidSpec if a field is out of range
         */
        public ExecSpec build() {
            return new ExecSpec(
                    command,
                    environment,
                    workingDirectory,
                    user,
                    stdin,
                    timeout,
                    grace,
                    terminal,
                    kept,
                    outputLimit,
                    accounted);
        }
    }
}
