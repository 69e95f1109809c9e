package dev.cay.engine.seccomp;

import static java.util.Objects.requireNonNull;

/**
 * What must be true of one argument of a call: {@code (argument & mask) operator value}, in unsigned 64-bit numbers.
 *
 * @param argument which argument, from 0
 * @param mask the bits that count
 * @param operator how they are compared
 * @param value with what; bits outside the mask make no sense and are refused
 */
record Condition(int argument, long mask, Operator operator, long value) {
    static final int ARGUMENTS = 6;

    private static final long ALL = -1;
    /**
     * What the kernel looks at of an argument that it declares as int or unsigned int. The upper half of the register
     * is the caller's to fill as it likes: a comparison that included it could be evaded with one bit of rubbish there.
     */
    private static final long LOW_WORD = 0xFFFF_FFFFL;

    /** The comparisons of libseccomp; its SCMP_CMP_MASKED_EQ is EQUAL with a mask. */
    enum Operator {
        EQUAL,
        NOT_EQUAL,
        LESS,
        AT_MOST,
        AT_LEAST,
        GREATER
    }

    Condition {
        if (argument < 0 || argument >= ARGUMENTS) {
            throw new IllegalArgumentException("a system call has no argument " + argument);
        }
        requireNonNull(operator, "operator is null");
        if ((value & ~mask) != 0) {
            throw new IllegalArgumentException("the value has bits outside the mask");
        }
    }

    /** Compares the whole register. */
    static Condition of(int argument, Operator operator, long value) {
        return new Condition(argument, ALL, operator, value);
    }

    /** Compares what the kernel sees of an argument of type int. */
    static Condition intEquals(int argument, int value) {
        return new Condition(argument, LOW_WORD, Operator.EQUAL, Integer.toUnsignedLong(value));
    }

    /** No bit of these is set; bits of the upper half cannot be asked for. */
    static Condition noneOf(int argument, int bits) {
        return new Condition(argument, Integer.toUnsignedLong(bits), Operator.EQUAL, 0);
    }
}
