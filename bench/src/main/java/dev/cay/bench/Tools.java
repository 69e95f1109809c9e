package dev.cay.bench;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs other programs by the cheapest means there is, so that they are charged with nothing of Java's: a child made by vfork
 * that executes them, with /dev/null as their input and output.
 */
final class Tools implements AutoCloseable {
    /** Where programs are looked for, whatever the caller's PATH. */
    private static final List<Path> FOLDERS = Stream.of(
                    "/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin")
            .map(Path::of)
            .toList();

    private static final List<String> ENVIRONMENT = List.of("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root");
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final Birth PLAIN = new Birth(0, Optional.empty());

    /** The descriptor by which a program gets {@link Command#file()}. */
    static final int FILE_DESCRIPTOR = 9;

    private final HostKernel kernel;
    private final Fd nothing;

    /**
     * A program to run.
     *
     * @param mounts a process whose mount namespace it runs in
     * @param network the network namespace it runs in
     * @param file what it finds open, from the beginning, as {@link #FILE_DESCRIPTOR}
     */
    record Command(List<String> arguments, Optional<Child> mounts, Optional<Fd> network, Optional<Path> file) {
        Command {
            arguments = List.copyOf(arguments);
        }

        Command(List<String> arguments, Optional<Child> mounts, Optional<Path> file) {
            this(arguments, mounts, Optional.empty(), file);
        }

        static Command of(String... arguments) {
            return new Command(List.of(arguments), Optional.empty(), Optional.empty());
        }

        Command in(Optional<Child> process) {
            return new Command(arguments, process, network, file);
        }

        Command inNetwork(Fd namespace) {
            return new Command(arguments, mounts, Optional.of(namespace), file);
        }
    }

    Tools(HostKernel kernel) throws SyscallException {
        this.kernel = kernel;
        Op open = FileOps.open("/dev/null", FileOps.O_RDWR);
        nothing = kernel.run(OpList.of(open)).fd(open);
    }

    /** An installed program. */
    static Optional<Path> find(String name) {
        return FOLDERS.stream()
                .map(folder -> folder.resolve(name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Runs a program to its end.
     *
     * @throws IOException if it does not exit with 0
     */
    void run(Command command) throws IOException {
        try (Child child = kernel.spawn(list(command, Arg.of(nothing), OpList.builder()), PLAIN)) {
            Child.Status status = await(child);
            if (!status.exited() || status.number() != 0) {
                throw new IOException(command.arguments().getFirst() + " ended with "
                        + (status.exited() ? "exit code " : "signal ") + status.number());
            }
        }
    }

    /** Tries a program once: what went wrong, in its own words; empty if nothing did. */
    Optional<String> attempt(Command command) throws IOException {
        Path said = Files.createTempFile("cay-bench-", ".log");
        try {
            OpList.Builder list = OpList.builder();
            Op log = list.add(FileOps.open(said.toString(), FileOps.O_WRONLY));
            try (Child child = kernel.spawn(list(command, Arg.of(log), list), PLAIN)) {
                Child.Status status = await(child);
                if (status.exited() && status.number() == 0) {
                    return Optional.empty();
                }
                String text = Files.readString(said).strip().replaceAll("\\s+", " ");
                return Optional.of(text.isEmpty() ? "ended with " + status : text);
            }
        } catch (SyscallException e) {
            return Optional.of(e.getMessage());
        } finally {
            Files.delete(said);
        }
    }

    /**
     * The same as {@link #run}, slower.
     *
     * @throws IOException with the program's own words if it does not exit with 0
     */
    void must(Command command) throws IOException {
        Optional<String> failure = attempt(command);
        if (failure.isPresent()) {
            throw new IOException(failure.get());
        }
    }

    private OpList list(Command command, Arg output, OpList.Builder list) {
        list.add(FileOps.duplicate(Arg.of(nothing), 0));
        list.add(FileOps.duplicate(output, 1));
        list.add(FileOps.duplicate(output, 2));
        command.mounts().ifPresent(process -> list.add(Namespaces.enter(process.pidfd(), Namespaces.MOUNT)));
        command.network().ifPresent(namespace -> list.add(Namespaces.enter(namespace, Namespaces.NETWORK)));
        list.add(FileOps.closeOnExecFrom(3));
        command.file().ifPresent(file -> {
            Op open = list.add(FileOps.open(file.toString(), FileOps.O_RDONLY));
            list.add(FileOps.duplicate(Arg.of(open), FILE_DESCRIPTOR));
        });
        list.add(Processes.unblockSignals());
        list.add(Processes.execve(command.arguments().getFirst(), command.arguments(), ENVIRONMENT));
        return list.build();
    }

    private static Child.Status await(Child child) throws SyscallException {
        if (Poll.await(PATIENCE.toNanos(), Poll.Interest.reading(child.pidfd())) == 0) {
            child.signal(Processes.SIGKILL);
        }
        return child.await();
    }

    @Override
    public void close() {
        nothing.close();
    }
}
