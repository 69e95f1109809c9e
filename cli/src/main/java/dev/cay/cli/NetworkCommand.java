package dev.cay.cli;

import dev.cay.Cidr;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code cay network}: the networks of this machine. */
final class NetworkCommand implements Command {
    private static final String HINT = "write create, ls, inspect or rm";

    private static final Option SUBNET = Option.valued(
            "subnet", "CIDR", "With create: its IPv4 addresses, /8 to /30. By default a free block of 10.0.0.0/8.");
    private static final Option QUIET = Option.flag("q", "quiet", "With ls: print names only.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(SUBNET, QUIET, Format.OPTION);

    @Override
    public String name() {
        return "network";
    }

    @Override
    public String summary() {
        return "Make, list and remove networks";
    }

    @Override
    public String synopsis() {
        return "create NAME | ls | inspect NAME | rm NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Sandboxes of a network that is made here reach each other, by address and by name; those of the network"
                        + " 'bridge', which is always there, do not. What else a sandbox reaches is up to its --egress.",
                "inspect prints a network as JSON, with the sandboxes that use it.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Two sandboxes that know each other", """
                cay network create lab
                cay create --network lab --name db
                cay run --network lab -- getent hosts db"""));
    }

    @Override
    public Offer offer() {
        return Offer.NETWORKS;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with networks is missing", HINT);
        }
        List<String> names = operands.subList(1, operands.size());
        return switch (operands.get(0)) {
            case "create" -> create(arguments, names, format, context);
            case "ls" -> list(arguments, names, format, context);
            case "inspect" -> inspect(names, context);
            case "rm" -> remove(names, format, context);
            default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
        };
    }

    private static int create(Arguments arguments, List<String> names, Format format, Context context) {
        if (names.size() != 1) {
            throw new UsageException("create takes one name", "write: cay network create NAME");
        }
        Optional<String> text = arguments.last(SUBNET);
        Optional<Cidr> subnet = text.isPresent() ? Optional.of(Cidr.parse(text.get())) : Optional.empty();
        try (Sandboxes engine = context.engine().open()) {
            Networks.Info made = engine.networks().create(names.get(0), subnet);
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, made));
            } else {
                context.streams().print(made.name() + "\n");
            }
        }
        return ExitCode.SUCCESS;
    }

    private static int list(Arguments arguments, List<String> names, Format format, Context context) {
        Listing.requireNone(names);
        List<Networks.Info> all;
        try (Sandboxes engine = context.engine().open()) {
            all = engine.networks().list();
        }
        return new Listing<Networks.Info>(
                        List.of("NAME", "SUBNET", "IPV6", "BRIDGE", "SANDBOXES"),
                        Networks.Info::name,
                        network -> List.of(
                                network.name(),
                                network.subnet().toString(),
                                network.subnet6().toString(),
                                network.bridge(),
                                Integer.toString(network.members().size())),
                        NetworkCommand::write)
                .print(all, arguments.has(QUIET), format, context);
    }

    private static int inspect(List<String> names, Context context) {
        if (names.size() != 1) {
            throw new UsageException("inspect takes one name", "write: cay network inspect NAME");
        }
        try (Sandboxes engine = context.engine().open()) {
            for (Networks.Info network : engine.networks().list()) {
                if (network.name().equals(names.get(0))) {
                    JsonLine.print(context.streams(), json -> write(json, network));
                    return ExitCode.SUCCESS;
                }
            }
        }
        throw new dev.cay.SandboxException.NotFound("there is no network " + names.get(0), "see: cay network ls");
    }

    private static int remove(List<String> names, Format format, Context context) {
        if (names.isEmpty()) {
            throw new UsageException("a name is missing", "write: cay network rm NAME");
        }
        return EachName.apply(
                names,
                format,
                "removed",
                context,
                (engine, name) -> engine.networks().remove(name));
    }

    private static void write(Json json, Networks.Info network) throws IOException {
        json.field("name", network.name())
                .field("subnet", network.subnet().toString())
                .field("gateway", network.gateway().getHostAddress())
                .field("subnet6", network.subnet6().toString())
                .field("gateway6", network.gateway6().getHostAddress())
                .field("bridge", network.bridge())
                .field("mutual", network.mutual())
                .beginArray("sandboxes");
        for (Networks.Member member : network.members()) {
            json.begin();
            writeMember(json, member);
            json.end();
        }
        json.endArray();
    }

    private static void writeMember(Json json, Networks.Member member) throws IOException {
        List<String> ports = new ArrayList<>();
        for (PublishedPort port : member.ports()) {
            ports.add(port.toString());
        }
        json.field("id", member.sandbox())
                .field("address", member.address().getHostAddress())
                .field("address6", member.address6().getHostAddress())
                .field("names", member.names())
                .field("ports", ports);
    }
}
