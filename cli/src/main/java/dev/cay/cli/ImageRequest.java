package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.ImageConfig;
import dev.cay.Images;
import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What {@code cay run} and {@code cay create} have been asked for if it is an image. Only the image knows what is run then.
 *
 * @param reference which image
 * @param pull when it is brought here
 * @param entry what is run instead of its entry point
 * @param arguments what stands behind its name
 * @param publishing whether the ports that it exposes are published
 */
record ImageRequest(
        String reference, Pull pull, Optional<List<String>> entry, List<String> arguments, boolean publishing) {
    /** Stands for the command until the image is known. */
    static final ExecSpec UNKNOWN = ExecSpec.of("(the image's command)");

    /** When an image is brought here. */
    enum Pull {
        MISSING,
        ALWAYS,
        NEVER
    }

    ImageRequest {
        arguments = List.copyOf(arguments);
    }

    /**
     * The image that is asked for: the first operand, unless {@code --} stands before it or the root is said to be another.
     *
     * @throws UsageException if something is said that only images have
     */
    static Optional<ImageRequest> of(Arguments arguments) {
        List<String> operands = arguments.operands();
        if (arguments.separated() || operands.isEmpty() || arguments.has(RunOptions.ROOTFS)) {
            for (Option option : List.of(RunOptions.PULL, RunOptions.ENTRYPOINT, NetworkRequest.PUBLISH_ALL)) {
                if (arguments.has(option)) {
                    throw new UsageException(
                            option.spelling() + " has no effect without an image",
                            "leave it out, or name an image, as in: cay run debian ls");
                }
            }
            return Optional.empty();
        }
        List<String> rest = operands.subList(1, operands.size());
        if (!rest.isEmpty() && rest.get(0).equals("--")) {
            rest = rest.subList(1, rest.size());
        }
        Optional<List<String>> entry = Optional.empty();
        Optional<String> program = arguments.last(RunOptions.ENTRYPOINT);
        if (program.isPresent()) {
            entry = Optional.of(program.get().isEmpty() ? List.of() : List.of(program.get()));
        }
        return Optional.of(new ImageRequest(
                operands.get(0), pull(arguments), entry, rest, arguments.has(NetworkRequest.PUBLISH_ALL)));
    }

    private static Pull pull(Arguments arguments) {
        String text = arguments.last(RunOptions.PULL).orElse("missing");
        return switch (text) {
            case "missing" -> Pull.MISSING;
            case "always" -> Pull.ALWAYS;
            case "never" -> Pull.NEVER;
            default ->
                throw Values.refuse(
                        RunOptions.PULL, "'" + text + "' is none of its values", "write missing, always or never");
        };
    }

    /** Brings the image here if it has to be, and says what it wants of its containers. */
    ImageConfig config(Images images, Context context) {
        try {
            if (pull == Pull.ALWAYS) {
                bring(images, context);
            }
            try {
                return images.config(reference);
            } catch (SandboxException.NotFound missing) {
                if (pull != Pull.MISSING) {
                    throw missing;
                }
                bring(images, context);
                return images.config(reference);
            }
        } catch (SandboxException.NotFound
                | SandboxException.InvalidSpec
                | SandboxException.RegistryFailed
                | SandboxException.Unsupported failure) {
            if (isProgram(context)) {
                throw new SandboxException.NotFound(
                        "there is no image '" + reference + "': " + failure.getMessage(),
                        "to run that program of this machine: cay run -- " + reference);
            }
            throw failure;
        }
    }

    /** The same sandbox with the ports that its image exposes, if that is wanted. */
    SandboxSpec published(SandboxSpec spec, ImageConfig config) {
        return publishing && spec.network() instanceof Network.Named network
                ? spec.withNetwork(ExposedPorts.published(network, config.exposedPorts()))
                : spec;
    }

    private void bring(Images images, Context context) {
        images.pull(reference, Optional.empty(), new ImageProgressReport(Format.TEXT, context));
    }

    /** Whether it is something that this machine can run. */
    private boolean isProgram(Context context) {
        if (reference.indexOf('/') >= 0) {
            return Files.isExecutable(Path.of(reference));
        }
        for (String directory : context.variables().variable("PATH").orElse("").split(":", -1)) {
            if (directory.startsWith("/") && Files.isExecutable(Path.of(directory, reference))) {
                return true;
            }
        }
        return false;
    }

    /** What is to be run in a container of the image; nothing if neither it nor the command line says. */
    List<String> line(ImageConfig config) {
        return config.commandLine(entry, arguments);
    }

    /** The same where something has to be run. */
    List<String> commandLine(ImageConfig config) {
        List<String> line = line(config);
        if (line.isEmpty()) {
            throw new UsageException(
                    "the image '" + reference + "' does not say what to run",
                    "name it: cay run " + reference + " COMMAND");
        }
        return line;
    }

    /** A command like another, whose command line is known now. */
    static ExecSpec with(ExecSpec command, List<String> line) {
        return new ExecSpec(
                line,
                command.environment(),
                command.workingDirectory(),
                command.user(),
                command.stdin(),
                command.timeout(),
                command.grace(),
                command.terminal(),
                command.kept(),
                command.outputLimit(),
                command.accounted());
    }
}
