package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxFiles;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a process that is connected with the first process of a sandbox can do there. Thread-safe. */
interface Grip extends DetachableExecution.Keeper {
    /**
     * Starts a command whose streams the first process keeps.
     *
     * @param record is to tell about it
     * @throws SyscallException of the step that failed; nothing runs then
     */
    KeptExecution start(int number, ExecSpec command, ExecutionRecord record) throws IOException;

    @Override
    default Optional<ExecutionUsage> usage(int number) {
        return Optional.ofNullable(usages(List.of(number)).get(number));
    }

    /** @throws SyscallException ESRCH if it has ended */
    KeptExecution attach(int number) throws SyscallException;

    /** What commands have used, by their numbers; those are left out of whom nobody knows. */
    Map<Integer, ExecutionUsage> usages(List<Integer> numbers);

    /** Sends a signal to the process group of a command, if that runs. */
    void signal(int number, int signal) throws SyscallException;

    /** Forgets what is only there for a command that has ended. */
    void forget(int number);

    /** Brings the record of a command up to date, if that is not written where it is read. */
    void refresh(int number) throws IOException;

    SandboxFiles files();

    /** Lets go of the sandbox, which goes on. */
    void letGo();
}
