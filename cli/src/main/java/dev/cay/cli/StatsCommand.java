package dev.cay.cli;

import dev.cay.Sandboxes;
import java.time.Duration;
import java.util.List;

/** {@code cay stats}: what sandboxes use. */
final class StatsCommand implements Command {
    private static final Option FOLLOW =
            Option.flag("f", "follow", "Look again every second: on a terminal the table stays in its place.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(FOLLOW, Format.OPTION);

    private static final Duration FIRST = Duration.ofMillis(500);
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    /** The table takes the place of the one before: up to the top, each line erased to its end, then all below. */
    private static final String TOP = "\u001b[H";

    private static final String ERASE_LINE = "\u001b[K\n";
    private static final String ERASE_BELOW = "\u001b[J";

    @Override
    public String name() {
        return "stats";
    }

    @Override
    public String summary() {
        return "Print what sandboxes use";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] [NAME...]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Prints processor time (100% is one processor, over half a second or, with --follow, since the last"
                        + " look), memory and the limit of it, processes, and bytes read from and written to disks, of all"
                        + " sandboxes that live, or of those named. It ends when none of these lives any more, or"
                        + " when it is interrupted.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("Watch two of them", "cay stats -f lab web"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        boolean follow = arguments.has(FOLLOW);
        boolean live = follow && format == Format.TEXT && context.printsToTerminal();
        try (Sandboxes engine = context.engine().open();
                Sampler sampler = new Sampler(engine, arguments.operands(), context.time())) {
            sampler.sample();
            context.time().pause(FIRST);
            List<Sampler.Row> rows = sampler.sample();
            if (live) {
                context.streams().print(TOP + ERASE_BELOW);
            }
            while (!context.engine().stopping()) {
                print(rows, format, live, context);
                if (!follow || (rows.isEmpty() && !arguments.operands().isEmpty())) {
                    break;
                }
                context.time().pause(INTERVAL);
                rows = sampler.sample();
            }
        }
        return ExitCode.SUCCESS;
    }

    private static void print(List<Sampler.Row> rows, Format format, boolean live, Context context) {
        if (format == Format.JSON) {
            for (Sampler.Row row : rows) {
                JsonLine.print(
                        context.streams(),
                        json -> row.writeTo(json, context.time().now()));
            }
            return;
        }
        Table table = new Table("ID", "NAME", "CPU", "MEMORY", "LIMIT", "PIDS", "READ", "WRITTEN");
        for (Sampler.Row row : rows) {
            row.addTo(table);
        }
        String text = table.text(context);
        context.streams().print(live ? TOP + text.replace("\n", ERASE_LINE) + ERASE_BELOW : text);
    }
}
