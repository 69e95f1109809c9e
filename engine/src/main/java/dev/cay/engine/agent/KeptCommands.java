package dev.cay.engine.agent;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The commands of a sandbox that outlive their connections, where the sandbox does not see to that itself. Thread-safe. */
final class KeptCommands implements AutoCloseable {
    /** How many there can be, those included that have ended and wait for somebody who wants to know how. */
    static final int MAXIMUM = 16;

    private final Activity activity;
    private final Map<Integer, KeptCommand> commands = new TreeMap<>();
    private int starting;
    private int last;
    private boolean closed;

    KeptCommands(Activity activity) {
        this.activity = activity;
    }

    /**
     * Starts one.
     *
     * @throws SandboxException.Busy if there are so many already
     */
    KeptCommand.Turn start(Sandbox sandbox, ExecSpec spec) throws RefusalException {
        int number = reserve();
        Optional<KeptCommand> started = Optional.empty();
        try {
            Execution execution = sandbox.start(spec);
            boolean terminal = spec.terminal().isPresent();
            started = Optional.of(new KeptCommand(number, execution, terminal, activity, () -> forget(number)));
        } finally {
            put(started);
        }
        started.get().start();
        return started.get().take(0, 0);
    }

    /** @throws RefusalException if there is none of this number */
    synchronized KeptCommand command(int number) throws RefusalException {
        KeptCommand command = commands.get(number);
        if (command == null) {
            throw new RefusalException("not-found: there is no command " + number + " that could be taken up");
        }
        return command;
    }

    /** Makes room for one more, if need be in place of the oldest that has ended and that nobody has asked for. */
    private synchronized int reserve() {
        Iterator<KeptCommand> all = commands.values().iterator();
        while (commands.size() + starting >= MAXIMUM && all.hasNext()) {
            if (all.next().isAbandoned()) {
                all.remove();
            }
        }
        if (closed || commands.size() + starting >= MAXIMUM) {
            throw new SandboxException.Busy(
                    MAXIMUM + " commands that outlive their connections run already", "end one, or wait for its end");
        }
        starting++;
        return ++last;
    }

    private void put(Optional<KeptCommand> started) {
        boolean late;
        synchronized (this) {
            starting--;
            late = closed;
            started.ifPresent(command -> commands.put(command.number(), command));
        }
        if (late) {
            started.ifPresent(KeptCommand::end);
        }
    }

    private synchronized void forget(int number) {
        commands.remove(number);
    }

    /** Ends all: nobody can take them up any more. */
    @Override
    public void close() {
        List<KeptCommand> all;
        synchronized (this) {
            closed = true;
            all = List.copyOf(commands.values());
            commands.clear();
        }
        all.forEach(KeptCommand::end);
    }
}
