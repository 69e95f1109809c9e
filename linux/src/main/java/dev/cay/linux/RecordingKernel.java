package dev.cay.linux;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * A kernel that does nothing, for the unit tests of whoever makes lists: it remembers them and answers as it is told. Without
 * being told, every operation returns 0, or a new descriptor if it opens one. Thread-safe.
 */
public final class RecordingKernel implements Kernel {
    /** The number of the first descriptor: none of a real process is as high, so whoever uses one by mistake gets EBADF. */
    private static final int FIRST_DESCRIPTOR = 1 << 30;

    private static final int FIRST_PID = 1000;

    private final List<OpList> runs = new ArrayList<>();
    private final List<Spawned> births = new ArrayList<>();
    private final Map<SystemCall, Long> answers = new EnumMap<>(SystemCall.class);
    private final Map<SystemCall, byte[]> contents = new EnumMap<>(SystemCall.class);
    private final Set<Integer> open = new TreeSet<>();
    private Child.Status status = new Child.Status(true, 0);
    private int operations;
    private int failing = -1;
    private Errno failure = Errno.EIO;
    private int descriptors = FIRST_DESCRIPTOR;

    public RecordingKernel() {}

    /** A list that was to run in a new process. */
    public record Spawned(OpList list, Birth birth) {}

    /** From now on all operations that make this call return this; a negative is an errno, and fails unless tolerated. */
    public synchronized RecordingKernel answer(SystemCall call, long result) {
        answers.put(call, result);
        return this;
    }

    /** From now on this is what this call writes into its buffer. */
    public synchronized RecordingKernel fill(SystemCall call, byte[] content) {
        contents.put(call, content.clone());
        return this;
    }

    /**
     * Makes one operation fail, tolerated or not.
     *
     * @param operation how many operations, of all lists since the beginning, go before it; see {@link #operations()}
     */
    public synchronized RecordingKernel fail(int operation, Errno errno) {
        failing = operation;
        failure = errno;
        return this;
    }

    /** From now on children end so. */
    public synchronized RecordingKernel end(Child.Status how) {
        status = how;
        return this;
    }

    /** The lists that were run, in order, those that failed too. */
    public synchronized List<OpList> runs() {
        return List.copyOf(runs);
    }

    /** The lists that were spawned, in order, those that failed too. */
    public synchronized List<Spawned> births() {
        return List.copyOf(births);
    }

    /** How many operations have been made. */
    public synchronized int operations() {
        return operations;
    }

    /** How many descriptors have been opened by lists that were run, or are of children, and are not closed. */
    public synchronized int openDescriptors() {
        return open.size();
    }

    @Override
    public synchronized Results run(OpList list) throws SyscallException {
        runs.add(list);
        Map<Arg.Buffer, byte[]> buffers = new IdentityHashMap<>();
        return new Results(list, walk(list, buffers, true), buffers, number -> new Fd(number, this::forget));
    }

    @Override
    public synchronized Child spawn(OpList list, Birth birth) throws SyscallException {
        births.add(new Spawned(list, birth));
        walk(list, new IdentityHashMap<>(), false);
        return new Child(FIRST_PID + births.size(), new Fd(descriptor(true), this::forget), Optional.of(status));
    }

    private synchronized void forget(int number) {
        open.remove(number);
    }

    /** @param ours whether what is opened is opened in this process */
    private long[] walk(OpList list, Map<Arg.Buffer, byte[]> buffers, boolean ours) throws SyscallException {
        long[] values = new long[list.size()];
        for (int i = 0; i < values.length; i++) {
            Op operation = list.operations().get(i);
            boolean fails = operations++ == failing;
            values[i] = fails ? -failure.number() : result(operation, ours);
            if (Native.failed(values[i]) && (fails || !tolerates(operation, values[i]))) {
                forgetOpened(list, values, i);
                throw new SyscallException(operation.call().text(), operation.operands(), (int) -values[i], i);
            }
            for (Arg argument : operation.arguments()) {
                if (argument instanceof Arg.Buffer buffer) {
                    byte[] content = contents.getOrDefault(operation.call(), new byte[0]);
                    buffers.put(buffer, Arrays.copyOf(content, buffer.size()));
                } else if (operation.call() == SystemCall.CLOSE && argument instanceof Arg.Result(Op of)) {
                    open.remove((int) values[list.indexOf(of)]);
                }
            }
        }
        return values;
    }

    private long result(Op operation, boolean ours) {
        Long answer = answers.get(operation.call());
        if (answer != null) {
            return answer;
        }
        return operation.opens() ? descriptor(ours) : 0;
    }

    private int descriptor(boolean ours) {
        int number = descriptors++;
        if (ours) {
            open.add(number);
        }
        return number;
    }

    private static boolean tolerates(Op operation, long result) {
        return operation.tolerated().stream().anyMatch(errno -> errno.number() == -result);
    }

    private void forgetOpened(OpList list, long[] values, int step) {
        for (int i = 0; i < step; i++) {
            if (list.operations().get(i).opens()) {
                open.remove((int) values[i]);
            }
        }
    }
}
