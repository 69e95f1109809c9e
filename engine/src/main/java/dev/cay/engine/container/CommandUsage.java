package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.ProcessUsage;
import dev.cay.Size;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.ResourceUsage;
import dev.cay.linux.SyscallException;
import java.time.Duration;
import java.util.Optional;

/** Puts together what is known of a command's control group and of its process. */
public final class CommandUsage {
    private static final long BLOCK = 512;
    private static final long TOLD_NANOSECONDS = 1_000_000_000;

    private CommandUsage() {}

    /** @param process what is told of it when it has ended */
    public static ExecutionUsage with(ExecutionUsage group, Optional<ResourceUsage> process) {
        return new ExecutionUsage(group.cpu(), group.memory(), group.processes(), process.map(CommandUsage::of));
    }

    /** Of one that has ended, of whose group nothing is known: what descendants used that it did not wait for is missing. */
    public static ExecutionUsage alone(ResourceUsage process) {
        Duration cpu = process.user().plus(process.system());
        return new ExecutionUsage(cpu, Size.bytes(0), 0, Optional.of(of(process)));
    }

    /** What a command that has ended has used, if that is told; whoever has reaped it is about to tell. */
    static Optional<ResourceUsage> told(Container.Process process) {
        if (process.told().isEmpty() || process.child().poll().isEmpty()) {
            return Optional.empty();
        }
        try {
            return process.told()
                    .get()
                    .await(System.nanoTime() + TOLD_NANOSECONDS)
                    .flatMap(KeptExecution.Ended::used);
        } catch (SyscallException e) {
            return Optional.empty(); // it has ended with its sandbox
        }
    }

    private static ProcessUsage of(ResourceUsage used) {
        return new ProcessUsage(
                used.user(),
                used.system(),
                Size.kib(used.peakKibibytes()),
                used.minorFaults(),
                used.majorFaults(),
                Size.bytes(used.blocksRead() * BLOCK),
                Size.bytes(used.blocksWritten() * BLOCK),
                used.voluntarySwitches(),
                used.involuntarySwitches());
    }
}
