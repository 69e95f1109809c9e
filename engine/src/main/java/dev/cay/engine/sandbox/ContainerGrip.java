package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxFiles;
import dev.cay.engine.container.Container;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** That of a container. */
record ContainerGrip(Container container) implements Grip {
    @Override
    public KeptExecution start(int number, ExecSpec command, ExecutionRecord record) throws IOException {
        return container.startKept(number, command, record.file(), record.ring(), List.of());
    }

    @Override
    public KeptExecution attach(int number) throws SyscallException {
        return container.attach(number);
    }

    @Override
    public void signal(int number, int signal) throws SyscallException {
        container.signal(number, signal);
    }

    @Override
    public void kill(int number) {
        container.kill(number);
    }

    @Override
    public Map<Integer, ExecutionUsage> usages(List<Integer> numbers) {
        Map<Integer, ExecutionUsage> usages = new HashMap<>();
        for (int number : numbers) {
            Optional<ExecutionUsage> usage = container.usage(number);
            if (usage.isPresent()) {
                usages.put(number, usage.get());
            }
        }
        return usages;
    }

    @Override
    public boolean ranOutOfMemory() {
        return container.ranOutOfMemory();
    }

    @Override
    public void forget(int number) {
        container.forget(number);
    }

    @Override
    public void refresh(int number) {
        // its first process writes it where it is read
    }

    @Override
    public SandboxFiles files() {
        return container.files();
    }

    @Override
    public void letGo() {
        container.letGo();
    }
}
