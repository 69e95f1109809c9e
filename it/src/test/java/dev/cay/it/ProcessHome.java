package dev.cay.it;

import dev.cay.Usage;
import dev.cay.engine.microvm.Home;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.Processes;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A directory, and no walls: for what tests start without root. */
final class ProcessHome implements Home {
    private final HostKernel kernel;
    private final Path directory;
    private int starts;
    private int closes;

    ProcessHome(HostKernel kernel, Path directory) {
        this.kernel = kernel;
        this.directory = directory;
    }

    /** How many programs were ever started here. */
    int starts() {
        return starts;
    }

    /** How many of them are over, and all that they had. */
    int closes() {
        return closes;
    }

    @Override
    public Guarded start(CommandLine command, Needs needs, List<Fd> streams) throws IOException {
        starts++;
        Path place = Files.createTempDirectory(directory, "home");
        List<String> line = command.of(file -> file);
        OpList.Builder list = OpList.builder();
        int count = streams.size();
        List<Op> copies = new ArrayList<>();
        for (Fd stream : streams) {
            copies.add(list.add(FileOps.duplicateFrom(Arg.of(stream), count)));
        }
        for (int i = 0; i < count; i++) {
            list.add(FileOps.duplicate(Arg.of(copies.get(i)), i));
        }
        list.add(FileOps.closeOnExecFrom(count));
        list.add(FileOps.chdir(place.toString()));
        list.add(Processes.unblockSignals());
        list.add(Processes.execve(line.getFirst(), line, List.of()));
        Child child = kernel.spawn(list.build(), new Birth(0, Optional.empty()));
        streams.forEach(Fd::close);
        return new Inhabited(child, place);
    }

    private final class Inhabited implements Guarded {
        private final Child child;
        private final Path place;

        Inhabited(Child child, Path place) {
            this.child = child;
            this.place = place;
        }

        @Override
        public Poll.Interest end() {
            return child.end();
        }

        @Override
        public Optional<Child.Status> poll() {
            return child.poll();
        }

        @Override
        public void kill() {
            try {
                child.signal(Processes.SIGKILL);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public Path seen(Path file) {
            return file;
        }

        @Override
        public Fd listen(String name) throws IOException {
            return UnixSocket.listen(kernel, place.resolve(name).toString());
        }

        @Override
        public Fd connect(String name) throws IOException {
            return UnixSocket.connect(kernel, place.resolve(name).toString());
        }

        @Override
        public long pid() {
            return child.pid();
        }

        @Override
        public Usage usage() {
            throw new IllegalStateException("nobody keeps accounts");
        }

        @Override
        public void close() {
            if (child.poll().isEmpty()) {
                kill();
            }
            child.await();
            child.close();
            closes++;
        }
    }
}
