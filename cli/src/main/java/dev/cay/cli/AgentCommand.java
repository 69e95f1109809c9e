package dev.cay.cli;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** {@code cay agent}: serves a sandbox to clients of the agent protocol. */
final class AgentCommand implements Command {
    private static final Option SOCKET = Option.valued(
            "s", "socket", "PATH", "Where the socket is to be. By default a path of Cay's own, which is printed.");
    private static final Option CONNECTIONS = Option.valued(
            "connections",
            "N",
            "How many clients are served at once at each port. By default " + AgentSpec.DEFAULT_CONNECTIONS + ".");

    private static final OptionSet OPTIONS = OptionSet.anywhere(SOCKET, CONNECTIONS, Format.OPTION);

    /** How often we look whether the sandbox still is. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    @Override
    public String name() {
        return "agent";
    }

    @Override
    public String summary() {
        return "Serve a sandbox to programs, at a unix socket";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME";
    }

    @Override
    public List<String> description() {
        return List.of(
                "For programs that manage sandboxes by an agent in them: at the socket they find what such an agent"
                        + " offers, with the handshake of a VMM's vsock (CONNECT 52 for commands, 53 for files, 54 for"
                        + " control). Nothing runs in the sandbox for that. Only your own processes can connect.",
                "Prints the path of the socket and serves until it is interrupted or the sandbox is gone. The sandbox"
                        + " stays. Commands end with the connection that started them, unless that asked for something"
                        + " else. For one that ends with its command: cay run --agent PATH.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("At a path of your choice", "cay agent --socket ./box.sock box"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        String name = Operands.one(arguments, "cay agent NAME");
        AgentSpec spec = spec(arguments);
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name);
                AgentSocket agent = engine.serve(sandbox, spec)) {
            String path = agent.path().toString();
            if (format == Format.JSON) {
                JsonLine.print(
                        context.streams(),
                        json -> json.field("id", sandbox.id()).field("socket", path));
            } else {
                context.streams().print(path + "\n");
            }
            while (!context.engine().stopping() && lives(sandbox)) {
                context.time().pause(INTERVAL);
            }
        }
        return ExitCode.SUCCESS;
    }

    private static AgentSpec spec(Arguments arguments) {
        Optional<String> path = arguments.last(SOCKET);
        Optional<String> connections = arguments.last(CONNECTIONS);
        Optional<Path> socket = path.isPresent() ? Optional.of(Values.path(SOCKET, path.get())) : Optional.empty();
        return new AgentSpec(
                socket,
                connections.isPresent()
                        ? Values.wholeNumber(CONNECTIONS, connections.get())
                        : AgentSpec.DEFAULT_CONNECTIONS);
    }

    private static boolean lives(Sandbox sandbox) {
        try {
            SandboxState state = sandbox.info().state();
            return state != SandboxState.DEAD && state != SandboxState.REMOVING;
        } catch (SandboxException.NotFound e) {
            return false;
        }
    }
}
