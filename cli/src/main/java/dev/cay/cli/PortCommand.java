package dev.cay.cli;

import dev.cay.PublishedPort;
import dev.cay.Sandboxes;
import java.util.ArrayList;
import java.util.List;

/** {@code cay port}: ports of this machine that lead to a sandbox. */
final class PortCommand implements Command {
    private static final String HINT = "write add, rm or ls";
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "port";
    }

    @Override
    public String summary() {
        return "Publish ports of a running sandbox";
    }

    @Override
    public String synopsis() {
        return "add SANDBOX PORT... | rm SANDBOX PORT... | ls SANDBOX";
    }

    @Override
    public List<String> description() {
        return List.of(
                "A port is [ADDRESS:]PORT:PORT[/tcp|udp], as with 'cay run --publish': the first one is this machine's, on"
                        + " 127.0.0.1 if no address is given; 0.0.0.0 is all of its addresses. It is reachable from this"
                        + " machine and, on other addresses than 127.0.0.1, from other machines and other sandboxes.",
                "Connections that came by a port end when it is removed.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Show a web server, for a while", """
                cay port add web 8080:80
                cay port rm web 8080:80"""));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with ports is missing", HINT);
        }
        String action = operands.get(0);
        if (!List.of("add", "rm", "ls").contains(action)) {
            throw new UsageException("unknown action '" + action + "'", HINT);
        }
        if (operands.size() < 2) {
            throw new UsageException("a sandbox is missing", "write: cay port " + action + " SANDBOX");
        }
        String sandbox = operands.get(1);
        List<PublishedPort> ports = new ArrayList<>();
        for (String text : operands.subList(2, operands.size())) {
            ports.add(PublishedPort.parse(text));
        }
        if (ports.isEmpty() != action.equals("ls")) {
            throw action.equals("ls")
                    ? Operands.unexpected(operands.get(2), "leave it out")
                    : new UsageException("a port is missing", "write: cay port " + action + " " + sandbox + " 8080:80");
        }
        try (Sandboxes engine = context.engine().open()) {
            switch (action) {
                case "add" -> ports.forEach(port -> engine.networks().publish(sandbox, port));
                case "rm" -> ports.forEach(port -> engine.networks().unpublish(sandbox, port));
                default -> ports.addAll(engine.networks().member(sandbox).ports());
            }
        }
        for (PublishedPort port : ports) {
            if (format == Format.JSON) {
                JsonLine.print(
                        context.streams(),
                        json -> json.field("address", port.bind().getHostAddress())
                                .field("host_port", port.hostPort())
                                .field("sandbox_port", port.guestPort())
                                .field("protocol", port.transport().text()));
            } else {
                context.streams().print(port + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }
}
