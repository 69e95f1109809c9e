package dev.cay.engine.seccomp;

import static dev.cay.engine.seccomp.DecisionGraph.ALL;

import dev.cay.engine.seccomp.DecisionGraph.Comparison;
import dev.cay.engine.seccomp.SeccompProfile.Rule;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Turns a profile into a filter. The filter asks for the ABI, then finds the call's number in a balanced tree of ranges
 * with one verdict each; where the verdict depends on arguments, a few tests follow. For allowed calls that depend on
 * nothing but the number, the kernel (since 5.11) remembers the answer and does not run the filter at all.
 *
 * <p>Calls of another ABI are answered with ENOSYS, as by a kernel that was built without it: i386 and 32-bit ARM
 * calls, whose numbers mean other calls, and x32 calls, which on x86-64 have bit 30 set, so that they would pass a list
 * of refusals.
 */
final class SeccompCompiler {
    // struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; };
    private static final int NUMBER = 0;
    private static final int ARCHITECTURE = 4;
    private static final int ARGUMENTS = 16;

    private static final int X32_BIT = 0x4000_0000;
    private static final Action FOREIGN = new Action.Errno(Action.Errno.ENOSYS);

    private final DecisionGraph graph = new DecisionGraph();
    private final SeccompProfile profile;

    /** Numbers from {@code first} up to the next range's first, all with the verdict {@code node}. */
    private record Range(int first, int node) {}

    private SeccompCompiler(SeccompProfile profile) {
        this.profile = profile;
    }

    /** An array of {@code struct sock_filter}, little-endian. */
    static byte[] compile(SeccompProfile profile) {
        SeccompCompiler compiler = new SeccompCompiler(profile);
        return ProgramWriter.write(compiler.graph, compiler.root());
    }

    private int root() {
        int foreign = graph.result(FOREIGN);
        List<Range> ranges = ranges();
        int tree = tree(ranges, 0, ranges.size());
        return graph.test(
                ARCHITECTURE, ALL, Comparison.EQUAL, AuditArchitecture.of(profile.architecture()), tree, foreign);
    }

    private List<Range> ranges() {
        Map<String, List<Rule>> rulesByName = new HashMap<>();
        for (Rule rule : profile.rules()) {
            rule.names()
                    .forEach(name -> rulesByName
                            .computeIfAbsent(name, _ -> new ArrayList<>())
                            .add(rule));
        }
        int unknown = graph.result(profile.unknownAction());
        List<Range> ranges = new ArrayList<>();
        int next = 0;
        for (Map.Entry<Integer, String> call :
                SystemCalls.of(profile.architecture()).byNumber().entrySet()) {
            if (call.getKey() > next) {
                extend(ranges, next, unknown);
            }
            extend(ranges, call.getKey(), verdict(rulesByName.getOrDefault(call.getValue(), List.of())));
            next = call.getKey() + 1;
        }
        extend(ranges, next, unknown);
        switch (profile.architecture()) {
            case X86_64 -> extend(ranges, X32_BIT, graph.result(FOREIGN));
            case AARCH64 -> {}
        }
        return ranges;
    }

    private static void extend(List<Range> ranges, int first, int node) {
        if (ranges.isEmpty() || ranges.getLast().node() != node) {
            ranges.add(new Range(first, node));
        }
    }

    private int tree(List<Range> ranges, int from, int to) {
        if (to - from == 1) {
            return ranges.get(from).node();
        }
        int middle = (from + to) >>> 1;
        int below = tree(ranges, from, middle);
        int above = tree(ranges, middle, to);
        return graph.test(NUMBER, ALL, Comparison.AT_LEAST, ranges.get(middle).first(), above, below);
    }

    /** What happens to one call: the first rule whose conditions are all true, or else the default. */
    private int verdict(List<Rule> rules) {
        int last = 0;
        while (last < rules.size() && !rules.get(last).conditions().isEmpty()) {
            last++;
        }
        int node = graph.result(last < rules.size() ? rules.get(last).action() : profile.defaultAction());
        for (Rule rule : rules.subList(0, last).reversed()) {
            int yes = graph.result(rule.action());
            for (Condition condition : rule.conditions().reversed()) {
                yes = test(condition, yes, node);
            }
            node = yes;
        }
        return node;
    }

    private int test(Condition condition, int yes, int no) {
        return switch (condition.operator()) {
            case EQUAL -> equal(condition, yes, no);
            case NOT_EQUAL -> equal(condition, no, yes);
            case AT_LEAST -> ordered(condition, Comparison.AT_LEAST, yes, no);
            case LESS -> ordered(condition, Comparison.AT_LEAST, no, yes);
            case GREATER -> ordered(condition, Comparison.GREATER, yes, no);
            case AT_MOST -> ordered(condition, Comparison.GREATER, no, yes);
        };
    }

    private int equal(Condition condition, int yes, int no) {
        return upper(condition, Comparison.EQUAL, lower(condition, Comparison.EQUAL, yes, no), no);
    }

    private int ordered(Condition condition, Comparison comparison, int yes, int no) {
        int sameUpper = lower(condition, comparison, yes, no);
        int notGreater = upper(condition, Comparison.EQUAL, sameUpper, no);
        return upper(condition, Comparison.GREATER, yes, notGreater);
    }

    private int lower(Condition condition, Comparison comparison, int yes, int no) {
        int word = ARGUMENTS + 8 * condition.argument();
        return graph.test(word, (int) condition.mask(), comparison, (int) condition.value(), yes, no);
    }

    private int upper(Condition condition, Comparison comparison, int yes, int no) {
        int word = ARGUMENTS + 8 * condition.argument() + 4;
        return graph.test(word, (int) (condition.mask() >>> 32), comparison, (int) (condition.value() >>> 32), yes, no);
    }
}
