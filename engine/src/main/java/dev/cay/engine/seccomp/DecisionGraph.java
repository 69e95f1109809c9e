package dev.cay.engine.seccomp;

import dev.cay.SandboxException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A program before it has an order: tests of 32-bit words of {@code struct seccomp_data}, each with two ways on, and
 * results. Nodes are made after those that they lead to, so there are no cycles, and a node's number is higher than
 * those of its successors. Equal nodes are one node; tests whose outcome is certain are never made.
 */
final class DecisionGraph {
    /** All bits of a word. */
    static final int ALL = -1;

    /** Far above what fits into a filter: the kernel's limit is checked when the program is written. */
    private static final int MAXIMUM_NODES = 4 * ProgramWriter.MAXIMUM_INSTRUCTIONS;

    private final List<Node> nodes = new ArrayList<>();
    private final Map<Node, Integer> numbers = new HashMap<>();

    /** A step. */
    sealed interface Node {}

    /** The end: what the filter returns. */
    record Result(int value) implements Node {}

    /** A question; {@code yes} and {@code no} are numbers of nodes. */
    record Test(Operand operand, Comparison comparison, int constant, int yes, int no) implements Node {}

    /** What is compared: {@code word & mask}, the word being an offset into {@code struct seccomp_data}. */
    record Operand(int word, int mask) {}

    /** What classic BPF can ask, in unsigned numbers. */
    enum Comparison {
        EQUAL,
        GREATER,
        AT_LEAST,
        /** One of the constant's bits is set. */
        ANY_BIT
    }

    Node node(int number) {
        return nodes.get(number);
    }

    int size() {
        return nodes.size();
    }

    int result(Action action) {
        return add(new Result(action.returnValue()));
    }

    /** Where to begin in order to ask this; {@code yes} or {@code no} itself if the answer is certain. */
    int test(int word, int mask, Comparison comparison, int constant, int yes, int no) {
        if (yes == no) {
            return yes;
        }
        return switch (comparison) {
            case EQUAL -> {
                if ((constant & ~mask) != 0) {
                    yield no;
                }
                if (mask == 0) {
                    yield yes;
                }
                // Saves an instruction, and keeps the word for the next test.
                yield constant == 0 && mask != ALL
                        ? add(new Test(new Operand(word, ALL), Comparison.ANY_BIT, mask, no, yes))
                        : add(new Test(new Operand(word, mask), comparison, constant, yes, no));
            }
            case GREATER ->
                Integer.compareUnsigned(mask, constant) <= 0
                        ? no
                        : add(new Test(new Operand(word, mask), comparison, constant, yes, no));
            case AT_LEAST -> {
                if (constant == 0) {
                    yield yes;
                }
                yield Integer.compareUnsigned(mask, constant) < 0
                        ? no
                        : add(new Test(new Operand(word, mask), comparison, constant, yes, no));
            }
            case ANY_BIT -> test(word, mask & constant, Comparison.EQUAL, 0, no, yes);
        };
    }

    private int add(Node node) {
        Integer known = numbers.get(node);
        if (known != null) {
            return known;
        }
        if (nodes.size() == MAXIMUM_NODES) {
            throw tooLarge();
        }
        nodes.add(node);
        numbers.put(node, nodes.size() - 1);
        return nodes.size() - 1;
    }

    static SandboxException tooLarge() {
        return new SandboxException.InvalidSpec(
                "the seccomp profile needs more than the " + ProgramWriter.MAXIMUM_INSTRUCTIONS
                        + " instructions that the kernel accepts",
                "use fewer rules with args; names without args cost next to nothing");
    }
}
