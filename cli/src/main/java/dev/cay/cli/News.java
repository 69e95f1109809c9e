package dev.cay.cli;

import java.time.Instant;
import java.time.ZoneId;
import java.util.List;

/** Something that has happened to a sandbox, as a person reads it: the time of the place, and no line wider than a terminal. */
final class News {
    private static final String INDENT = "    ";

    private News() {}

    static String text(Instant time, String id, String name, String what) {
        StringBuilder line = new StringBuilder();
        line.append(String.format("%tF %<tT", time.atZone(ZoneId.systemDefault())));
        line.append("  ").append(id);
        if (!name.equals(id)) {
            line.append("  ").append(name);
        }
        String whole = Problem.printable(line.append("  ").append(what).toString());
        // Only what follows the first line is indented, and so has less room.
        List<String> lines = HelpText.wrap(whole, HelpText.WIDTH);
        StringBuilder text = new StringBuilder(lines.get(0)).append('\n');
        if (lines.size() > 1) {
            String rest = whole.substring(lines.get(0).length() + 1);
            HelpText.wrap(rest, HelpText.WIDTH - INDENT.length())
                    .forEach(more -> text.append(INDENT).append(more).append('\n'));
        }
        return text.toString();
    }
}
