package dev.cay.cli;

import dev.cay.ImageConfig;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;

/** {@code cay create}: a sandbox that lives until it is removed. */
final class CreateCommand implements Command {
    private static final List<Option> OF_COMMAND = List.of(
            CommandOptions.INPUT_OF_START,
            CommandOptions.TERMINAL,
            CommandOptions.TIMEOUT,
            CommandOptions.GRACE,
            CommandOptions.KEPT);

    @Override
    public String name() {
        return "create";
    }

    @Override
    public String summary() {
        return "Make a sandbox that lives until it is removed";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] [IMAGE [ARGUMENT...] | -- COMMAND [ARGUMENT...]]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Makes a sandbox, of an image or of the programs of this machine, and prints its id. Commands can be run in it with 'cay exec'. If a command is named,"
                        + " or its image has one, it is the sandbox's own: 'cay start' starts it.",
                "Environment, working directory and user hold for all commands that run in it.");
    }

    @Override
    public OptionSet options() {
        return RunOptions.CREATE;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("A place for many commands", """
                    cay create --name lab --memory 1g --idle 1h
                    cay exec lab -- sh -c 'echo 1 > /tmp/x'
                    cay exec lab -- cat /tmp/x"""), new Example("A command to be started later", """
                        cay create --name job -v data:/data -- sh -c 'date >> /data/log'
                        cay start job"""));
    }

    @Override
    public Offer offer() {
        return Offer.RUNNABLE;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        Optional<ImageRequest> image = ImageRequest.of(arguments);
        SandboxSpec.Builder builder = SandboxRequest.builder(arguments, true, image);
        CommandRequest.addTo(builder, arguments, context.variables());
        if (arguments.operands().isEmpty()) {
            refuseOptionsOfCommand(arguments);
        } else {
            List<String> line = image.isPresent() ? ImageRequest.UNKNOWN.command() : arguments.operands();
            builder.command(CommandRequest.own(arguments, line));
        }
        SandboxSpec spec = builder.build();
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox =
                        engine.create(image.isPresent() ? settled(spec, image.get(), engine, context) : spec)) {
            print(sandbox, format, context);
        }
        return ExitCode.SUCCESS;
    }

    private static SandboxSpec settled(SandboxSpec spec, ImageRequest image, Sandboxes engine, Context context) {
        ImageConfig config = image.config(engine.images(), context);
        List<String> line = image.line(config);
        return image.published(spec, config)
                .withCommand(
                        line.isEmpty()
                                ? Optional.empty()
                                : Optional.of(ImageRequest.with(spec.command().orElseThrow(), line)));
    }

    private static void refuseOptionsOfCommand(Arguments arguments) {
        for (Option option : OF_COMMAND) {
            if (arguments.has(option)) {
                throw new UsageException(
                        option.spelling() + " has no effect without a command", "leave it out, or name a command");
            }
        }
    }

    /** Prints how the sandbox is called from now on. */
    static void print(Sandbox sandbox, Format format, Context context) {
        if (format == Format.JSON) {
            JsonLine.print(context.streams(), json -> json.field("id", sandbox.id()));
        } else {
            context.streams().print(sandbox.id() + "\n");
        }
    }
}
