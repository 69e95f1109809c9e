package dev.cay.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a benchmark found out: a table for people, a file for programs. Of a case that gave no numbers both say why.
 */
final class Report {
    /** The case whose spread tells how quiet the machine was. */
    static final String BARE_EXEC = "bare exec";

    private static final double NOISY_SPREAD = 3;
    private static final int WIDTH = 80;
    private static final String MISSING = "missing";

    private final String name;
    private final String title;
    private final Map<String, Samples> rows = new LinkedHashMap<>();
    private final Map<String, String> without = new LinkedHashMap<>();
    private final Map<String, Rated> ratios = new LinkedHashMap<>();
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final Map<String, Rated> ratedFigures = new LinkedHashMap<>();
    private final List<String> notes = new ArrayList<>();
    private boolean failed;

    private record Rated(double value, Optional<Goal> goal) {}

    /**
     * @param name the benchmark's, and its file's
     * @param title what is measured, for the reader
     */
    Report(String name, String title) {
        this.name = name;
        this.title = title;
    }

    void row(String name, Samples samples) {
        rows.put(name, samples);
    }

    /** A peer that is not installed. */
    void missing(String name) {
        missing(name, "./dev setup --bench installs it");
    }

    /** A peer that cannot be there, for a reason that is not its fault. */
    void missing(String name, String reason) {
        without.put(name, MISSING + ": " + reason);
        figures.put(name, MISSING);
    }

    /** A case that did not work; the run counts as failed. */
    void failed(String name, String reason) {
        rows.remove(name);
        without.put(name, "FAILED: " + reason);
        figures.put(name, "failed: " + reason);
        failed = true;
    }

    boolean hasFailed() {
        return failed;
    }

    /** What a peer does not do that ours does. */
    void leftOut(String name, String what) {
        if (!what.isEmpty()) {
            notes.add(name + " does without: " + what);
            figures.put(name + "_does_without", what);
        }
    }

    void note(String text) {
        notes.add(text);
    }

    /** The ratio of two cases' medians, if both have one. */
    void ratio(String case1, String case2, Optional<Goal> goal) {
        ratio(case1 + "/" + case2, case1, case2, goal);
    }

    /** The same under a name of its own. */
    void ratio(String key, String case1, String case2, Optional<Goal> goal) {
        if (rows.containsKey(case1) && rows.containsKey(case2)) {
            ratio(key, rows.get(case1).median() / rows.get(case2).median(), goal);
        }
    }

    void ratio(String key, double value, Optional<Goal> goal) {
        ratios.put(key, new Rated(value, goal));
    }

    void figure(String key, double value) {
        figures.put(key, Numbers.round(value, 3));
    }

    void figure(String key, double value, Goal goal) {
        figure(key, value);
        ratedFigures.put(key, new Rated(value, Optional.of(goal)));
    }

    Optional<Samples> samples(String name) {
        return Optional.ofNullable(rows.get(name));
    }

    /** Whether the machine had so much else to do that the numbers say little; empty if nobody measured it. */
    Optional<Boolean> noisy() {
        return samples(BARE_EXEC).map(bare -> bare.percentile(90) / bare.percentile(10) > NOISY_SPREAD);
    }

    /** {@code {"rows": [...], "ratios": {...}, "figures": {...}}}. */
    String json() {
        List<Map<String, Object>> rowList = new ArrayList<>();
        rows.forEach((name, samples) -> {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("case", name);
            row.put("n", samples.count());
            row.put("p10_us", Numbers.round(samples.percentile(10), 1));
            row.put("median_us", Numbers.round(samples.median(), 1));
            row.put("p90_us", Numbers.round(samples.percentile(90), 1));
            rowList.add(row);
        });
        Map<String, Object> ratioMap = new LinkedHashMap<>();
        ratios.forEach((key, ratio) -> ratioMap.put(key, Numbers.round(ratio.value(), 3)));
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("rows", rowList);
        document.put("ratios", ratioMap);
        document.put("figures", figures());
        ObjectWriter writer = JsonMapper.shared().writerWithDefaultPrettyPrinter();
        return writer.writeValueAsString(document) + "\n";
    }

    private Map<String, Object> figures() {
        Map<String, Object> all = new LinkedHashMap<>(figures);
        noisy().ifPresent(noisy -> all.put("noisy", noisy));
        return all;
    }

    Path write(Path directory) throws IOException {
        Files.createDirectories(directory);
        return Files.writeString(directory.resolve(name + ".json"), json());
    }

    void print(PrintStream out) {
        wrap(out, name + ": " + title, "");
        out.println();
        if (!rows.isEmpty() || !without.isEmpty()) {
            printRows(out);
        }
        printRated(out, "ratio of medians", ratios);
        printRated(out, "figure", ratedFigures);
        noisy().ifPresent(noisy -> {
            if (noisy) {
                notes.add("NOISY: the slowest tenth of '" + BARE_EXEC + "' took more than " + Numbers.text(NOISY_SPREAD)
                        + " times as long as the fastest. Read ratios, not microseconds, or come back later.");
            }
        });
        notes.forEach(note -> wrap(out, note, "  "));
    }

    private void printRows(PrintStream out) {
        out.printf(Locale.ROOT, "%-31s %6s %13s %13s %13s%n", "case", "n", "p10 us", "median us", "p90 us");
        rows.forEach((name, samples) -> out.printf(
                Locale.ROOT,
                "%-31s %6d %13.1f %13.1f %13.1f%n",
                name,
                samples.count(),
                samples.percentile(10),
                samples.median(),
                samples.percentile(90)));
        without.forEach((name, reason) -> wrap(out, String.format(Locale.ROOT, "%-31s %s", name, reason), "    "));
        out.println();
    }

    private static void printRated(PrintStream out, String heading, Map<String, Rated> rated) {
        if (rated.isEmpty()) {
            return;
        }
        out.printf(Locale.ROOT, "%-31s %9s    %s%n", heading, "", "goal");
        rated.forEach((key, one) -> out.printf(
                Locale.ROOT,
                "%-31s %9.3f    %s%n",
                key,
                one.value(),
                one.goal()
                        .map(goal -> goal.text() + (goal.reachedBy(one.value()) ? "  reached" : "  NOT REACHED"))
                        .orElse("-")));
        out.println();
    }

    /** Prints a text in lines of at most 80 columns; all but the first begin with an indent. */
    private static void wrap(PrintStream out, String text, String indent) {
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ", -1)) {
            if (line.length() > indent.length() && line.length() + 1 + word.length() > WIDTH) {
                out.println(line);
                line.setLength(0);
                line.append(indent).append(word);
            } else {
                line.append(line.isEmpty() ? "" : " ").append(word);
            }
        }
        out.println(line);
    }
}
