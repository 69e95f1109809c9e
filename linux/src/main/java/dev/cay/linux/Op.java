package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * One system call of a list. Immutable, so lists can share operations. Two of them are never equal: an operation is also the
 * name of its result.
 */
public final class Op {
    static final int MAXIMUM_TOLERATED = 4;

    private final SystemCall call;
    private final String operands;
    private final List<Arg> arguments;
    private final List<Errno> tolerated;
    private final boolean opens;
    private final boolean forks;

    private Op(SystemCall call, String operands, List<Arg> arguments, List<Errno> tolerated, boolean opens) {
        this(call, operands, arguments, tolerated, opens, false);
    }

    private Op(
            SystemCall call,
            String operands,
            List<Arg> arguments,
            List<Errno> tolerated,
            boolean opens,
            boolean forks) {
        this.call = requireNonNull(call, "call is null");
        this.operands = requireNonNull(operands, "operands is null");
        this.arguments = arguments;
        this.tolerated = tolerated;
        this.opens = opens;
        this.forks = forks;
        if (arguments.size() > 6 || tolerated.size() > MAXIMUM_TOLERATED) {
            throw new IllegalArgumentException("too many arguments or tolerated errors for " + call.text());
        }
    }

    /**
     * @param operands what the call works on, for the reader of an error message
     */
    static Op of(SystemCall call, String operands, Arg... arguments) {
        return new Op(call, operands, List.of(arguments), List.of(), false);
    }

    /** A call whose result is a new descriptor, closed again if its list fails. */
    static Op opening(SystemCall call, String operands, Arg... arguments) {
        return new Op(call, operands, List.of(arguments), List.of(), true);
    }

    /**
     * A call that makes a process, in which the list goes on; the list of its maker, which must be a child itself, ends here with
     * success. Only the launcher knows this.
     */
    static Op forking(SystemCall call, String operands, Arg... arguments) {
        return new Op(call, operands, List.of(arguments), List.of(), false, true);
    }

    /** The same call, but these errors are results like any other and do not end the list; at most four. */
    public Op tolerating(Errno... errors) {
        return new Op(call, operands, arguments, List.of(errors), opens, forks);
    }

    public SystemCall call() {
        return call;
    }

    public String operands() {
        return operands;
    }

    public List<Arg> arguments() {
        return arguments;
    }

    public List<Errno> tolerated() {
        return tolerated;
    }

    /** Whether the result is a new descriptor. */
    public boolean opens() {
        return opens;
    }

    /** Whether the list goes on in a new process. */
    boolean forks() {
        return forks;
    }

    @Override
    public String toString() {
        return call.text() + (operands.isEmpty() ? "" : "(" + operands + ")");
    }
}
