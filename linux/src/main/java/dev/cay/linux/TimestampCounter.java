package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/** The processor's time stamp counter, which an emulated machine counts by as this one does. For x86-64. */
public final class TimestampCounter {
    /** What the program writes, see {@code timestamp-x86_64.S}. */
    private static final int BURST = 8;

    private static final int SAMPLE = 32;
    private static final int SIZE = 2 * BURST * SAMPLE;

    private static final double NANOSECONDS = 1e9;

    /** The program is over after a tenth of a second, wherever it gets a processor. */
    private static final long PATIENCE_NANOSECONDS = 20_000_000_000L;

    private TimestampCounter() {}

    /**
     * How many thousand times a second it counts, measured within a tenth of a second.
     *
     * @throws SyscallException ETIMEDOUT if the measurement has not ended after 20 seconds
     */
    public static long kilohertz(Kernel kernel) throws SyscallException {
        if (Native.ARCHITECTURE != Architecture.X86_64) {
            throw new UnsupportedOperationException("only x86-64 has it");
        }
        byte[] image = Program.image(Architecture.X86_64, Native.resource("timestamp-x86_64.bin"), 0);
        try (Fd program = Program.sealed(kernel, "cay-timestamp", image);
                Pipe pipe = Pipe.reading()) {
            OpList list = OpList.of(
                    FileOps.duplicate(Arg.of(pipe.theirs()), 1),
                    FileOps.closeOnExecFrom(3),
                    Processes.execve(Arg.of(program), List.of("cay-timestamp"), List.of()));
            try (Child child = kernel.spawn(list, new Birth(0, Optional.empty()))) {
                if (Poll.await(PATIENCE_NANOSECONDS, child.end()) == 0) {
                    child.signal(Processes.SIGKILL);
                }
                child.await();
            }
            return kilohertz(samples(pipe.ours()));
        }
    }

    private static ByteBuffer samples(Fd pipe) throws SyscallException {
        ByteBuffer samples = ByteBuffer.allocateDirect(SIZE);
        Pipe.read(pipe, samples);
        if (samples.hasRemaining()) {
            throw new SyscallException("rdtsc", "the time stamp counter", Errno.ETIMEDOUT.number());
        }
        return samples.order(ByteOrder.LITTLE_ENDIAN);
    }

    static long kilohertz(ByteBuffer samples) {
        int first = best(samples, 0);
        int last = best(samples, BURST);
        double counted = counter(samples, last) - counter(samples, first);
        double seconds = samples.getLong(last + 8)
                - samples.getLong(first + 8)
                + (samples.getLong(last + 16) - samples.getLong(first + 16)) / NANOSECONDS;
        return Math.round(counted / seconds / 1000);
    }

    /** Where the sample lies that took the least time. */
    private static int best(ByteBuffer samples, int from) {
        int best = from * SAMPLE;
        for (int at = best; at < (from + BURST) * SAMPLE; at += SAMPLE) {
            if (samples.getLong(at + 24) - samples.getLong(at) < samples.getLong(best + 24) - samples.getLong(best)) {
                best = at;
            }
        }
        return best;
    }

    private static double counter(ByteBuffer samples, int at) {
        return samples.getLong(at) + (samples.getLong(at + 24) - samples.getLong(at)) / 2.0;
    }
}
