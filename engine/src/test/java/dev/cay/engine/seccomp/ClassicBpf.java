package dev.cay.engine.seccomp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The kernel's part: checks a filter as {@code bpf_check_classic} and {@code seccomp_check_filter} do, and runs it.
 * Written from the kernel's documentation, with no code of the compiler's.
 */
final class ClassicBpf {
    private record Instruction(int code, int ifTrue, int ifFalse, int constant) {}

    private final Instruction[] instructions;

    private ClassicBpf(Instruction[] instructions) {
        this.instructions = instructions;
    }

    /** A filter that the kernel would accept; throws if it would not. */
    static ClassicBpf load(byte[] program) {
        require(program.length > 0 && program.length % 8 == 0, "length " + program.length);
        require(program.length / 8 <= 4096, "more than BPF_MAXINSNS instructions");
        ByteBuffer buffer = ByteBuffer.wrap(program).order(ByteOrder.LITTLE_ENDIAN);
        Instruction[] instructions = new Instruction[program.length / 8];
        for (int i = 0; i < instructions.length; i++) {
            instructions[i] = new Instruction(
                    buffer.getShort() & 0xFFFF, buffer.get() & 0xFF, buffer.get() & 0xFF, buffer.getInt());
        }
        for (int i = 0; i < instructions.length; i++) {
            check(i, instructions[i], instructions.length);
        }
        require(instructions[instructions.length - 1].code() == 0x06, "the last instruction is no return");
        return new ClassicBpf(instructions);
    }

    private static void check(int index, Instruction instruction, int length) {
        int rest = length - index - 1;
        switch (instruction.code()) {
            case 0x20 ->
                require(
                        (instruction.constant() & 3) == 0 && Integer.compareUnsigned(instruction.constant(), 64) < 0,
                        "load at " + index + " of " + instruction.constant());
            case 0x05 ->
                require(
                        Integer.compareUnsigned(instruction.constant(), rest) < 0,
                        "jump at " + index + " leaves the program");
            case 0x15, 0x25, 0x35, 0x45 ->
                require(
                        instruction.ifTrue() < rest && instruction.ifFalse() < rest,
                        "jump at " + index + " leaves the program");
            case 0x06, 0x54 -> {}
            default -> throw new AssertionError("instruction " + index + " has code " + instruction.code());
        }
    }

    int size() {
        return instructions.length;
    }

    long unconditionalJumps() {
        return Arrays.stream(instructions)
                .filter(instruction -> instruction.code() == 0x05)
                .count();
    }

    /** How many instructions are reached by nothing. */
    int unreachable() {
        boolean[] reached = new boolean[instructions.length];
        reached[0] = true;
        int count = 0;
        for (int i = 0; i < instructions.length; i++) {
            Instruction instruction = instructions[i];
            if (!reached[i]) {
                count++;
                continue;
            }
            switch (instruction.code()) {
                case 0x06 -> {}
                case 0x05 -> reached[i + 1 + instruction.constant()] = true;
                case 0x20, 0x54 -> reached[i + 1] = true;
                default -> {
                    reached[i + 1 + instruction.ifTrue()] = true;
                    reached[i + 1 + instruction.ifFalse()] = true;
                }
            }
        }
        return count;
    }

    /** What the filter returns. */
    int run(Call call) {
        return run(call, new int[1]);
    }

    /** What the filter returns; counts the instructions that it took. */
    int run(Call call, int[] steps) {
        ByteBuffer data = call.data();
        int accumulator = 0;
        int next = 0;
        while (true) {
            Instruction instruction = instructions[next];
            int constant = instruction.constant();
            next++;
            steps[0]++;
            switch (instruction.code()) {
                case 0x20 -> accumulator = data.getInt(constant);
                case 0x54 -> accumulator &= constant;
                case 0x05 -> next += constant;
                case 0x15 -> next += jump(instruction, accumulator == constant);
                case 0x25 -> next += jump(instruction, Integer.compareUnsigned(accumulator, constant) > 0);
                case 0x35 -> next += jump(instruction, Integer.compareUnsigned(accumulator, constant) >= 0);
                case 0x45 -> next += jump(instruction, (accumulator & constant) != 0);
                case 0x06 -> {
                    return constant;
                }
                default -> throw new AssertionError("code " + instruction.code());
            }
        }
    }

    private static int jump(Instruction instruction, boolean condition) {
        return condition ? instruction.ifTrue() : instruction.ifFalse();
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("the kernel would refuse the program: " + message);
        }
    }
}
