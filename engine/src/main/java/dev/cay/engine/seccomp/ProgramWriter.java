package dev.cay.engine.seccomp;

import dev.cay.engine.seccomp.DecisionGraph.Comparison;
import dev.cay.engine.seccomp.DecisionGraph.Operand;
import dev.cay.engine.seccomp.DecisionGraph.Result;
import dev.cay.engine.seccomp.DecisionGraph.Test;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Writes a {@link DecisionGraph} as classic BPF:
 *
 * <pre>
 * struct sock_filter { __u16 code; __u8 jt; __u8 jf; __u32 k; };
 * </pre>
 *
 * Classic BPF jumps forward only, so the program is written from its end: the tests that a test leads to have been
 * written before it, at a known distance. A conditional jump reaches 255 instructions; what lies farther off gets a
 * stepping stone, which is another copy of a result, or an unconditional jump, whose reach has no limit.
 *
 * <p>A test first loads its operand, unless it is reached only from tests of the same operand, which have left it in
 * the accumulator.
 */
final class ProgramWriter {
    /** {@code BPF_MAXINSNS} of {@code <linux/bpf_common.h>}. */
    static final int MAXIMUM_INSTRUCTIONS = 4096;

    static final int INSTRUCTION_BYTES = 8;

    private static final int MAXIMUM_CONDITIONAL_JUMP = 255;
    private static final int NOT_WRITTEN = -1;

    private static final int LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private static final int JUMP = 0x05; // BPF_JMP | BPF_JA
    private static final int JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    private static final int JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
    private static final int JUMP_AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    private static final int JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    private static final int RETURN = 0x06; // BPF_RET | BPF_K

    private final DecisionGraph graph;
    private final int root;
    private final boolean[] reachable;
    /** Whether a test is reached by someone who has not its operand in the accumulator. */
    private final boolean[] loads;
    /** Where a node begins for those who have its operand in the accumulator; counted from the program's end, the last is 0. */
    private final int[] warm;
    /** Where it begins for all others. */
    private final int[] cold;
    /** The instructions, last first. */
    private final long[] instructions = new long[MAXIMUM_INSTRUCTIONS];

    private int count;

    private ProgramWriter(DecisionGraph graph, int root) {
        this.graph = graph;
        this.root = root;
        reachable = new boolean[graph.size()];
        loads = new boolean[graph.size()];
        warm = new int[graph.size()];
        cold = new int[graph.size()];
        Arrays.fill(warm, NOT_WRITTEN);
        Arrays.fill(cold, NOT_WRITTEN);
    }

    /** The program that begins with the node {@code root}: an array of {@code struct sock_filter}, little-endian. */
    static byte[] write(DecisionGraph graph, int root) {
        ProgramWriter writer = new ProgramWriter(graph, root);
        writer.explore();
        writer.writeNodes();
        return writer.bytes();
    }

    private void explore() {
        reachable[root] = true;
        loads[root] = true;
        for (int number = root; number >= 0; number--) {
            if (reachable[number] && graph.node(number) instanceof Test test) {
                for (int next : new int[] {test.yes(), test.no()}) {
                    reachable[next] = true;
                    loads[next] |= !isWarm(next, test.operand());
                }
            }
        }
    }

    /** Whether a node can begin without loading, given what is in the accumulator. */
    private boolean isWarm(int number, Operand accumulator) {
        return switch (graph.node(number)) {
            case Result _ -> true;
            case Test test -> test.operand().equals(accumulator);
        };
    }

    /** Results are written when a test first needs them: that puts them near. */
    private void writeNodes() {
        for (int number = 0; number < root; number++) {
            if (reachable[number] && graph.node(number) instanceof Test test) {
                writeTest(number, test);
            }
        }
        switch (graph.node(root)) {
            case Result result -> writeResult(root, result);
            case Test test -> writeTest(root, test);
        }
    }

    private void writeResult(int number, Result result) {
        append(RETURN, 0, 0, result.value());
        warm[number] = count - 1;
    }

    private void writeTest(int number, Test test) {
        Operand operand = test.operand();
        while (true) {
            // What is brought near for one way moves the other a step away.
            if (isFar(test.yes(), operand)) {
                bringNear(test.yes(), operand);
            } else if (isFar(test.no(), operand)) {
                bringNear(test.no(), operand);
            } else {
                break;
            }
        }
        append(code(test.comparison()), distance(test.yes(), operand), distance(test.no(), operand), test.constant());
        warm[number] = count - 1;
        if (loads[number]) {
            if (operand.mask() != DecisionGraph.ALL) {
                append(AND, 0, 0, operand.mask());
            }
            append(LOAD, 0, 0, operand.word());
            cold[number] = count - 1;
        }
    }

    private boolean isFar(int number, Operand accumulator) {
        return position(number, accumulator) == NOT_WRITTEN || distance(number, accumulator) > MAXIMUM_CONDITIONAL_JUMP;
    }

    /** How many instructions the next one to be written would have to pass over. */
    private int distance(int number, Operand accumulator) {
        return count - position(number, accumulator) - 1;
    }

    private int position(int number, Operand accumulator) {
        return isWarm(number, accumulator) ? warm[number] : cold[number];
    }

    private void bringNear(int number, Operand accumulator) {
        switch (graph.node(number)) {
            case Result result -> writeResult(number, result);
            case Test _ -> {
                append(JUMP, 0, 0, distance(number, accumulator));
                if (isWarm(number, accumulator)) {
                    warm[number] = count - 1;
                } else {
                    cold[number] = count - 1;
                }
            }
        }
    }

    private static int code(Comparison comparison) {
        return switch (comparison) {
            case EQUAL -> JUMP_EQUAL;
            case GREATER -> JUMP_GREATER;
            case AT_LEAST -> JUMP_AT_LEAST;
            case ANY_BIT -> JUMP_ANY_BIT;
        };
    }

    private void append(int code, int ifTrue, int ifFalse, int constant) {
        if (count == MAXIMUM_INSTRUCTIONS) {
            throw DecisionGraph.tooLarge();
        }
        instructions[count] = code | (long) ifTrue << 16 | (long) ifFalse << 24 | (long) constant << 32;
        count++;
    }

    private byte[] bytes() {
        ByteBuffer buffer = ByteBuffer.allocate(count * INSTRUCTION_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int position = count - 1; position >= 0; position--) {
            buffer.putLong(instructions[position]);
        }
        return buffer.array();
    }
}
