package dev.cay.engine.sandbox;

import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What runs in a sandbox that ends with another process, which alone knows what it has started there: as the kernel shows it. A
 * command is a child of the first process that leads a session, or that process itself.
 *
 * @param others the numbers, in the sandbox, of commands that somebody else has started
 */
record OwnersContainerCommands(Containers containers, Container container, Set<Integer> others)
        implements OwnersCommands {
    /** For how long a killed process may take to be seen dead. */
    private static final long PATIENCE_NANOSECONDS = 5_000_000_000L;

    private static final Path PROC = Path.of("/proc");

    /** Fields of proc_pid_stat(5), of those behind the name. */
    private static final int PARENT = 1;

    private static final int SESSION = 3;
    private static final int START_TIME = 19;

    private record Leader(long pid, int pidInside, long startTime) {}

    @Override
    public List<ExecutionInfo> own(SandboxSpec spec, ExecSpec command, Instant started) throws IOException {
        Optional<Leader> leader = owners().stream().findFirst();
        return leader.stream()
                .map(own -> OwnersCommands.told(spec, command, own.pidInside(), started))
                .toList();
    }

    @Override
    public void signal(int number) throws IOException {
        List<Leader> owners = owners();
        try (Held held = hold(owners.subList(0, Math.min(1, owners.size())))) {
            held.signal(number);
        }
    }

    @Override
    public void stop(int signal, Duration grace) throws IOException {
        try (Held held = hold(owners())) {
            held.signal(signal);
            held.await(Math.min(grace.toNanos(), Long.MAX_VALUE / 2));
        }
        try (Held held = hold(leaders())) {
            container.killCommands();
            held.signal(Processes.SIGKILL);
            held.await(PATIENCE_NANOSECONDS);
        }
    }

    /** Processes that cannot become others meanwhile. */
    private record Held(List<Child> processes) implements AutoCloseable {
        void signal(int number) throws SyscallException {
            for (Child process : processes) {
                try {
                    process.signalGroup(number);
                } catch (SyscallException e) {
                    if (!e.is(Errno.ESRCH)) {
                        throw e;
                    }
                }
            }
        }

        /** Waits for the end of all, for so long at the most. */
        void await(long nanoseconds) throws SyscallException {
            long deadline = System.nanoTime() + nanoseconds;
            for (Child process : processes) {
                Poll.await(Math.max(0, deadline - System.nanoTime()), Poll.Interest.reading(process.pidfd()));
            }
        }

        @Override
        public void close() {
            processes.forEach(Child::close);
        }
    }

    private Held hold(List<Leader> leaders) throws IOException {
        Held held = new Held(new ArrayList<>());
        try {
            for (Leader leader : leaders) {
                Optional<Child> process = hold(leader);
                process.ifPresent(held.processes()::add);
            }
            return held;
        } catch (IOException | RuntimeException e) {
            held.close();
            throw e;
        }
    }

    private Optional<Child> hold(Leader leader) throws IOException {
        Child process;
        try {
            process = containers.process(leader.pid());
        } catch (SyscallException e) {
            if (e.is(Errno.ESRCH)) {
                return Optional.empty();
            }
            throw e;
        }
        if (leader(leader.pid()).equals(Optional.of(leader))) { // it is held now, so the number is still its own
            return Optional.of(process);
        }
        process.close();
        return Optional.empty();
    }

    private List<Leader> owners() throws IOException {
        return leaders().stream()
                .filter(leader -> !others.contains(leader.pidInside()))
                .toList();
    }

    /** The oldest first. */
    private List<Leader> leaders() throws IOException {
        List<Leader> leaders = new ArrayList<>();
        for (long pid : candidates()) {
            leader(pid).ifPresent(leaders::add);
        }
        leaders.sort(Comparator.comparingLong(Leader::startTime).thenComparingLong(Leader::pid));
        return leaders;
    }

    private List<Long> candidates() {
        if (!container.spec().init()) {
            return List.of((long) container.first().pid());
        }
        return ProcessHandle.of(container.first().pid()).stream()
                .flatMap(ProcessHandle::children)
                .map(ProcessHandle::pid)
                .toList();
    }

    /** The process of a number, if it is a command of the sandbox. */
    private Optional<Leader> leader(long pid) throws IOException {
        Optional<String> stat = read(pid, "stat");
        Optional<Integer> inside = pidInside(pid);
        if (stat.isEmpty() || inside.isEmpty()) {
            return Optional.empty();
        }
        String text = stat.get();
        String[] fields = text.substring(text.lastIndexOf(')') + 1).strip().split(" ");
        long first = container.first().pid();
        boolean inPlace = pid == first || Long.parseLong(fields[PARENT]) == first;
        return inPlace && Long.parseLong(fields[SESSION]) == pid
                ? Optional.of(new Leader(pid, inside.get(), Long.parseLong(fields[START_TIME])))
                : Optional.empty();
    }

    private static Optional<Integer> pidInside(long pid) throws IOException {
        return read(pid, "status")
                .flatMap(status ->
                        status.lines().filter(line -> line.startsWith("NSpid:")).findFirst())
                .map(line -> Integer.valueOf(line.substring(line.lastIndexOf('\t') + 1)));
    }

    private static Optional<String> read(long pid, String file) throws IOException {
        Path directory = PROC.resolve(Long.toString(pid));
        try {
            return Optional.of(Files.readString(directory.resolve(file), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            if (!Files.exists(directory) || String.valueOf(e.getMessage()).contains("No such process")) {
                return Optional.empty(); // it has just ended
            }
            throw e;
        }
    }
}
