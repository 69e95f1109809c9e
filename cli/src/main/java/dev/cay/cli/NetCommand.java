package dev.cay.cli;

import dev.cay.DeniedConnection;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** {@code cay net}: what a sandbox may connect to, and what it was denied. */
final class NetCommand implements Command {
    private static final String HINT = "write show, set, explain, denied or repair";
    private static final Option FOLLOW =
            Option.flag("f", "follow", "With denied: print what is denied from now on, until interrupted.");
    private static final OptionSet OPTIONS = OptionSet.anywhere(
            NetworkRequest.EGRESS,
            NetworkRequest.ALLOW,
            NetworkRequest.DENY,
            NetworkRequest.CONNECTIONS,
            NetworkRequest.BANDWIDTH,
            FOLLOW,
            Format.OPTION);

    /** Only says how often we look whether to go on. */
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    @Override
    public String name() {
        return "net";
    }

    @Override
    public String summary() {
        return "Show, change and explain what a sandbox may connect to";
    }

    @Override
    public String synopsis() {
        return "show|set|explain|denied|repair [SANDBOX [DESTINATION]]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "show prints a sandbox's policy, in the form that 'cay run --egress FILE' reads. set gives it another one,"
                        + " at once: what --egress says, or the one that it has, with --allow and --deny before it. Open"
                        + " connections are judged again.",
                "explain says which rule decides about a destination: ADDRESS:PORT, [IPV6]:PORT, ADDRESS:PORT/udp,"
                        + " ADDRESS/icmp or a domain. The exit code is 1 if it is denied.",
                "denied prints what sandboxes were denied: when, the id, the name, protocol, destination, the name that"
                        + " was asked for, and the rule.",
                "repair restores what somebody else has taken away of the packet filter, as 'nft flush ruleset' does.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("Why does it not get there?", "cay net explain lab 10.0.0.5:5432"),
                new Example("Let it get there", "cay net set lab --allow 10.0.0.5:tcp:5432"),
                new Example("See what it tries", "cay net denied -f"));
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
            throw new UsageException("what to do is missing", HINT);
        }
        List<String> rest = operands.subList(1, operands.size());
        try (Sandboxes engine = context.engine().open()) {
            return switch (operands.get(0)) {
                case "show" -> show(engine, only(rest, "show SANDBOX"), format, context);
                case "set" -> set(engine, only(rest, "set SANDBOX --allow TARGET"), arguments);
                case "explain" -> explain(engine, rest, format, context);
                case "denied" -> denied(engine, rest, arguments.has(FOLLOW), format, context);
                case "repair" -> repair(engine, rest, format, context);
                default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
            };
        }
    }

    private static String only(List<String> names, String example) {
        if (names.size() != 1) {
            throw new UsageException("one sandbox has to be named", "write: cay net " + example);
        }
        return names.get(0);
    }

    private static int show(Sandboxes engine, String sandbox, Format format, Context context) {
        EgressPolicy policy = engine.networks().egress(sandbox);
        if (format == Format.JSON) {
            JsonLine.print(
                    context.streams(),
                    json -> json.field("egress", List.of(policy.toString().split("\n"))));
        } else {
            context.streams().print(policy.toString());
        }
        return ExitCode.SUCCESS;
    }

    private static int set(Sandboxes engine, String sandbox, Arguments arguments) {
        if (NetworkRequest.POLICY.stream().noneMatch(arguments::has)) {
            throw new UsageException("what to change is missing", "add --egress, --allow or --deny");
        }
        engine.networks()
                .setEgress(
                        sandbox,
                        NetworkRequest.policy(arguments, engine.networks().egress(sandbox)));
        return ExitCode.SUCCESS;
    }

    private static int explain(Sandboxes engine, List<String> operands, Format format, Context context) {
        if (operands.size() != 2) {
            throw new UsageException(
                    "a sandbox and a destination have to be named", "write: cay net explain SANDBOX 192.0.2.1:443");
        }
        EgressPolicy.Decision decision = engine.networks().explain(operands.get(0), operands.get(1));
        boolean allowed = decision.action() == EgressRule.Action.ALLOW;
        if (format == Format.JSON) {
            JsonLine.print(context.streams(), json -> {
                json.field("action", decision.action().text());
                if (decision.rule().isPresent()) {
                    json.field("rule", decision.rule().getAsInt() + 1);
                }
                json.field("reason", decision.reason());
            });
        } else {
            context.streams().print((allowed ? "allowed: " : "denied: ") + decision.reason() + "\n");
        }
        return allowed ? ExitCode.SUCCESS : ExitCode.PARTIAL;
    }

    private static int denied(Sandboxes engine, List<String> operands, boolean follow, Format format, Context context) {
        if (operands.size() > 1) {
            throw Operands.unexpected(operands.get(1), "one sandbox is enough");
        }
        List<String> ids = new ArrayList<>();
        if (!operands.isEmpty()) {
            ids.add(engine.networks().member(operands.get(0)).sandbox());
        }
        if (!follow) {
            print(engine.networks().denied(), ids, format, context);
            return ExitCode.SUCCESS;
        }
        try (DeniedConnections denied = engine.networks().followDenied()) {
            while (!context.engine().stopping()) {
                print(denied.next(INTERVAL), ids, format, context);
            }
        }
        return ExitCode.SUCCESS;
    }

    private static void print(List<DeniedConnection> denied, List<String> ids, Format format, Context context) {
        for (DeniedConnection one : denied) {
            if (!ids.isEmpty() && !ids.contains(one.sandbox())) {
                continue;
            }
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), json -> write(json, one));
            } else {
                context.streams().print(context.printsToTerminal() ? forPeople(one) : text(one));
            }
        }
    }

    private static String text(DeniedConnection one) {
        String port = one.port().isPresent() ? " " + one.port().getAsInt() : " -";
        String line = one.time() + " " + one.sandbox() + " " + one.name() + " " + one.protocol() + " "
                + one.address().getHostAddress() + port + " " + one.domain().orElse("-") + " " + one.rule() + more(one);
        return Problem.printable(line) + "\n";
    }

    private static String forPeople(DeniedConnection one) {
        String port = one.port().isPresent() ? " " + one.port().getAsInt() : "";
        String domain = one.domain().isPresent() ? " " + one.domain().get() : "";
        String what =
                one.protocol() + " " + one.address().getHostAddress() + port + domain + ": " + one.rule() + more(one);
        return News.text(one.time(), one.sandbox(), one.name(), what);
    }

    private static String more(DeniedConnection one) {
        return one.suppressed() > 0 ? " (and " + one.suppressed() + " more before)" : "";
    }

    private static void write(Json json, DeniedConnection denied) throws IOException {
        json.field("time", denied.time().toString())
                .field("id", denied.sandbox())
                .field("name", denied.name())
                .field("protocol", denied.protocol())
                .field("address", denied.address().getHostAddress());
        if (denied.port().isPresent()) {
            json.field("port", denied.port().getAsInt());
        }
        if (denied.domain().isPresent()) {
            json.field("domain", denied.domain().get());
        }
        json.field("rule", denied.rule()).field("suppressed", denied.suppressed());
    }

    private static int repair(Sandboxes engine, List<String> operands, Format format, Context context) {
        if (!operands.isEmpty()) {
            throw Operands.unexpected(operands.get(0), "leave it out");
        }
        List<String> done = engine.networks().repair();
        if (format == Format.JSON) {
            JsonLine.print(context.streams(), json -> json.field("repaired", done));
        } else {
            done.forEach(line -> context.streams().print(line + "\n"));
        }
        return ExitCode.SUCCESS;
    }
}
