package dev.cay.cli;

import java.util.List;
import java.util.Optional;

/** One command of {@code cay}. Its help text is made from what it says about itself. */
sealed interface Command
        permits AgentCommand,
                AttachCommand,
                CommitCommand,
                CompletionCommand,
                CpCommand,
                CreateCommand,
                DoctorCommand,
                EventsCommand,
                ExecCommand,
                ForkCommand,
                HelpCommand,
                ImageCommand,
                InspectCommand,
                KernelCommand,
                KillCommand,
                LogsCommand,
                NetCommand,
                NetdCommand,
                NetworkCommand,
                PauseCommand,
                PortCommand,
                PsCommand,
                PullCommand,
                RegistryCommand,
                RestoreCommand,
                ResumeCommand,
                RmCommand,
                RunCommand,
                SnapshotCommand,
                StartCommand,
                StatsCommand,
                StopCommand,
                SweepCommand,
                TemplateCommand,
                VersionCommand,
                VolumeCommand {
    /** What a shell offers where an operand is typed. */
    enum Offer {
        NOTHING,
        SANDBOXES,
        /** Programs of this machine, and their files. */
        PROGRAMS,
        /** An image, and what runs in it; behind two dashes a program. */
        RUNNABLE,
        /** Names of images. */
        IMAGE_NAMES,
        /** Paths of this machine, and the names of sandboxes with a colon. */
        PLACES,
        COMMANDS,
        SHELLS,
        /** What can be done to volumes, and then their names. */
        VOLUMES,
        /** What can be done to images, and then their names. */
        IMAGES,
        /** What can be done to networks. */
        NETWORKS
    }

    /**
     * A command line to copy.
     *
     * @param text what is typed, on one line or on several
     * @param meaning what it is an example of
     */
    record Example(String meaning, String text) {}

    String name();

    /** What it does, in less than a line. */
    String summary();

    /** What is typed behind its name. */
    String synopsis();

    /** Paragraphs of its help text. */
    List<String> description();

    OptionSet options();

    List<Example> examples();

    default Offer offer() {
        return Offer.NOTHING;
    }

    /** Does it, and returns the exit code of {@code cay}. */
    int run(Arguments arguments, Context context);

    /** All commands, in the order of the help text. */
    static List<Command> all() {
        return List.of(
                new RunCommand(),
                new CreateCommand(),
                new StartCommand(),
                new ExecCommand(),
                new AttachCommand(),
                new PsCommand(),
                new InspectCommand(),
                new LogsCommand(),
                new StopCommand(),
                new KillCommand(),
                new PauseCommand(),
                new ResumeCommand(),
                new SnapshotCommand(),
                new RestoreCommand(),
                new ForkCommand(),
                new RmCommand(),
                new CpCommand(),
                new CommitCommand(),
                new StatsCommand(),
                new EventsCommand(),
                new AgentCommand(),
                new VolumeCommand(),
                new PullCommand(),
                new ImageCommand(),
                new RegistryCommand(),
                new KernelCommand(),
                new TemplateCommand(),
                new NetworkCommand(),
                new PortCommand(),
                new NetCommand(),
                new SweepCommand(),
                new NetdCommand(),
                new DoctorCommand(),
                new CompletionCommand(),
                new VersionCommand(),
                new HelpCommand());
    }

    /** Makes only the one that is asked for: every class that is not loaded is time saved. */
    static Optional<Command> named(String name) {
        return switch (name) {
            case "run" -> Optional.of(new RunCommand());
            case "create" -> Optional.of(new CreateCommand());
            case "start" -> Optional.of(new StartCommand());
            case "exec" -> Optional.of(new ExecCommand());
            case "attach" -> Optional.of(new AttachCommand());
            case "ps" -> Optional.of(new PsCommand());
            case "inspect" -> Optional.of(new InspectCommand());
            case "logs" -> Optional.of(new LogsCommand());
            case "stop" -> Optional.of(new StopCommand());
            case "kill" -> Optional.of(new KillCommand());
            case "rm" -> Optional.of(new RmCommand());
            case "pause" -> Optional.of(new PauseCommand());
            case "resume" -> Optional.of(new ResumeCommand());
            case "snapshot" -> Optional.of(new SnapshotCommand());
            case "restore" -> Optional.of(new RestoreCommand());
            case "fork" -> Optional.of(new ForkCommand());
            case "commit" -> Optional.of(new CommitCommand());
            case "cp" -> Optional.of(new CpCommand());
            case "stats" -> Optional.of(new StatsCommand());
            case "agent" -> Optional.of(new AgentCommand());
            case "events" -> Optional.of(new EventsCommand());
            case "volume" -> Optional.of(new VolumeCommand());
            case "pull" -> Optional.of(new PullCommand());
            case "image" -> Optional.of(new ImageCommand());
            case "registry" -> Optional.of(new RegistryCommand());
            case "kernel" -> Optional.of(new KernelCommand());
            case "template" -> Optional.of(new TemplateCommand());
            case "network" -> Optional.of(new NetworkCommand());
            case "port" -> Optional.of(new PortCommand());
            case "net" -> Optional.of(new NetCommand());
            case "sweep" -> Optional.of(new SweepCommand());
            case "netd" -> Optional.of(new NetdCommand());
            case "doctor" -> Optional.of(new DoctorCommand());
            case "completion" -> Optional.of(new CompletionCommand());
            case "version" -> Optional.of(new VersionCommand());
            case "help" -> Optional.of(new HelpCommand());
            default -> Optional.empty();
        };
    }
}
