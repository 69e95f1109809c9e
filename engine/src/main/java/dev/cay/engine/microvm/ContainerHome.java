package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.Writable;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.HostDevice;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A container for each VMM, so that whoever breaks out of a machine is in another cage: it has the host's programs and the machine's
 * own files, an id of its own without any capability, no network, and limits of memory and processes.
 */
public record ContainerHome(Containers containers) implements Home {
    private static final String USER = "nobody";
    private static final String PLACE = "/tmp";

    private static final Size SCRATCH = Size.mib(1);

    @Override
    public Guarded start(CommandLine command, Needs needs, List<Fd> streams) throws IOException {
        try {
            return enter(command, needs, streams);
        } finally {
            streams.forEach(Fd::close); // the VMM has its own
        }
    }

    private Guarded enter(CommandLine command, Needs needs, List<Fd> streams) throws IOException {
        Map<Path, Path> seen = new HashMap<>();
        SandboxSpec spec = spec(needs, seen).build();
        List<String> line = line(command, seen);
        Container container = containers.create(spec, devices(needs));
        try (Container.Launch launch = container.prepare()) {
            Container.Process process = launch.start(
                    ExecSpec.builder(line.toArray(String[]::new))
                            .workingDirectory(PLACE)
                            .build(),
                    new Container.Streams(
                            streams.get(0), streams.get(1), streams.get(2), false, streams.subList(3, streams.size())));
            return new Inhabited(containers, container, process, Map.copyOf(seen));
        } catch (IOException | SandboxException e) {
            container.kill();
            container.close();
            throw e;
        }
    }

    /**
     * The container that a VMM needs.
     *
     * @param seen gets to know how files are called there
     */
    static SandboxSpec.Builder spec(Needs needs, Map<Path, Path> seen) {
        SandboxSpec.Builder spec = SandboxSpec.host()
                .writable(new Writable.Nothing(SCRATCH))
                .user(USER)
                .limits(needs.limits());
        for (Path file : needs.readOnly()) {
            spec.mount(new Mount.Bind(file, place(file, seen), true, false, true));
        }
        for (Path file : needs.writable()) {
            spec.mount(new Mount.Bind(file, place(file, seen), false, false, true));
        }
        return spec;
    }

    static List<String> line(CommandLine command, Map<Path, Path> seen) {
        return command.of(file -> Optional.ofNullable(seen.get(file)).orElse(file));
    }

    static Set<HostDevice> devices(Needs needs) {
        return needs.kvm() ? Set.of(HostDevice.KVM) : Set.of();
    }

    private static String place(Path file, Map<Path, Path> seen) {
        Path place = seen.computeIfAbsent(file, _ -> Path.of(PLACE, Integer.toString(seen.size())));
        return place.toString();
    }

    private record Inhabited(
            Containers containers, Container container, Container.Process process, Map<Path, Path> places)
            implements Guarded {
        @Override
        public void hold(HostKernel host, Fd file, Path socket) throws IOException {
            containers.admit(container, socket);
            HeldDisk.hold(host, file, socket);
        }

        @Override
        public Poll.Interest end() {
            return process.child().end();
        }

        @Override
        public Optional<Child.Status> poll() {
            return process.child().poll();
        }

        @Override
        public void kill() {
            container.kill(process);
        }

        @Override
        public Path seen(Path file) {
            return places.getOrDefault(file, file);
        }

        @Override
        public Fd listen(String name) throws IOException {
            return UnixSocket.listen(container.inside(), PLACE + "/" + name);
        }

        @Override
        public Fd connect(String name) throws IOException {
            return UnixSocket.connect(container.inside(), PLACE + "/" + name);
        }

        @Override
        public long pid() {
            return container.first().pid();
        }

        @Override
        public Optional<String> group() {
            return Optional.of(container.id());
        }

        @Override
        public Usage usage() {
            return container.usage();
        }

        @Override
        public void close() {
            container.kill(process);
            process.child().await();
            container.forget(process);
            container.close();
        }
    }
}
