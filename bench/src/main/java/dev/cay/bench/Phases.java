package dev.cay.bench;

import dev.cay.linux.Observer;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.LongStream;

/**
 * Assigns every list of system calls that is run to the phase that is under way. Lists that run on background threads meanwhile
 * are told apart: nobody waits for them.
 */
final class Phases implements Observer {
    /** What is not part of a sandbox's life; not reported. */
    private static final String BETWEEN = "between";

    private static final Pattern ID = Pattern.compile("[0-9a-f]{12}");
    private static final Pattern DIGITS = Pattern.compile("\\d+");
    private static final List<String> BACKGROUND = List.of("cay-background", "cay-namespaces");
    private static final int LISTED = 8;

    private final Map<String, Phase> phases = new LinkedHashMap<>();
    private final Map<ListKey, ListTimes> lists = new LinkedHashMap<>();
    private final List<Seen> seen = new ArrayList<>();
    private String current = BETWEEN;
    private long began;
    private long inLists;

    /** What one phase has taken, each time. */
    private record Phase(List<Long> all, List<Long> inLists, List<Long> rest) {
        Phase() {
            this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        }
    }

    /** A list that has been run. */
    private record Seen(String phase, boolean background, OpList list, long[] nanoseconds) {}

    /** Lists with the same operations in the same phase. */
    private record ListKey(String phase, boolean background, List<String> operations) {
        String text() {
            String first = operations.getFirst();
            return operations.size() == 1 ? first : operations.size() + " calls from " + first;
        }
    }

    /** The times of such lists: all in all, and of each operation, in the order in which they run. */
    private record ListTimes(List<Long> sums, Map<String, List<Long>> operations) {
        ListTimes() {
            this(new ArrayList<>(), new LinkedHashMap<>());
        }
    }

    /** Ends one phase and begins another. */
    synchronized void begin(String phase) {
        long now = System.nanoTime();
        if (!current.equals(BETWEEN)) {
            Phase ended = phases.computeIfAbsent(current, _ -> new Phase());
            ended.all().add(now - began);
            ended.inLists().add(inLists);
            ended.rest().add(now - began - inLists);
        }
        current = phase;
        inLists = 0;
        began = System.nanoTime();
    }

    /** Forgets what has been seen so far. */
    synchronized void forget() {
        seen.clear();
        phases.clear();
        lists.clear();
    }

    /** From here on nothing counts. */
    synchronized void end() {
        begin("ended");
        digest();
    }

    @Override
    public synchronized void ran(OpList list, long[] nanoseconds) {
        boolean background = BACKGROUND.stream().anyMatch(Thread.currentThread().getName()::startsWith);
        seen.add(new Seen(current, background, list, nanoseconds));
        inLists += background ? 0 : LongStream.of(nanoseconds).sum();
    }

    /** Takes apart what has been seen. Not done where it is seen: there the time is being taken. */
    synchronized void digest() {
        seen.forEach(this::digest);
        seen.clear();
    }

    private void digest(Seen one) {
        List<String> names =
                one.list().operations().stream().map(Phases::normalized).toList();
        ListTimes times =
                lists.computeIfAbsent(new ListKey(one.phase(), one.background(), names), _ -> new ListTimes());
        Map<String, Long> merged = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            merged.merge(names.get(i), one.nanoseconds()[i], Long::sum);
        }
        times.sums().add(LongStream.of(one.nanoseconds()).sum());
        merged.forEach((name, time) ->
                times.operations().computeIfAbsent(name, _ -> new ArrayList<>()).add(time));
    }

    /** Without what differs from sandbox to sandbox, so that the same operation has the same name. */
    static String normalized(Op operation) {
        return normalized(operation.toString());
    }

    static String normalized(String operation) {
        return DIGITS.matcher(ID.matcher(operation).replaceAll("ID")).replaceAll("N");
    }

    /** Prints the lists, and puts the phases into the report. */
    synchronized void report(Report report, PrintStream out) {
        phases.forEach((name, phase) -> {
            report.row(name, Samples.ofNanoseconds(phase.all()));
            report.row(name + ": lists", Samples.ofNanoseconds(phase.inLists()));
            report.row(name + ": outside of lists", Samples.ofNanoseconds(phase.rest()));
        });
        report.note(
                "A list is an array of system calls that the launcher makes. Outside of lists: Java, clone3, execve, single"
                        + " calls such as poll and close, and waiting for the program.");
        phases.keySet().forEach(phase -> print(phase, out));
    }

    /** What nobody waits for comes last. */
    private void print(String phase, PrintStream out) {
        int cycles = phases.get(phase).all().size();
        out.println(phase);
        for (boolean background : new boolean[] {false, true}) {
            lists.forEach((key, times) -> {
                // What happens in fewer than half of the cycles is not what they consist of.
                boolean usual = times.sums().size() * 2 >= cycles;
                if (usual && key.phase().equals(phase) && key.background() == background) {
                    print(key, times, cycles, out);
                }
            });
        }
        out.println();
    }

    private static void print(ListKey key, ListTimes times, int cycles, PrintStream out) {
        long often = Math.round((double) times.sums().size() / cycles);
        String text = key.text()
                + (often > 1 ? ", " + often + " times" : "")
                + (key.background() ? ", in the background" : "");
        out.printf(Locale.ROOT, "%10.1f  %s%n", median(times.sums()), clip(text, 68));
        double least = times.operations().values().stream()
                .mapToDouble(Phases::median)
                .sorted()
                .skip(Math.max(0, times.operations().size() - LISTED))
                .findFirst()
                .orElse(0);
        times.operations().forEach((name, taken) -> {
            double median = median(taken);
            if (median >= least) {
                long count = key.operations().stream().filter(name::equals).count();
                out.printf(Locale.ROOT, "%16.1f  %s%n", median, clip(name, 54) + (count > 1 ? " x" + count : ""));
            }
        });
    }

    private static double median(List<Long> nanoseconds) {
        return Samples.ofNanoseconds(nanoseconds).median();
    }

    private static String clip(String text, int width) {
        return text.length() <= width ? text : text.substring(0, width - 3) + "...";
    }
}
