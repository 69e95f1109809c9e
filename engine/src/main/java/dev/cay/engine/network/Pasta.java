package dev.cay.engine.network;

import dev.cay.PublishedPort;
import dev.cay.PublishedPort.Transport;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * A pasta(1): makes a tap device in a network namespace and carries what comes out of it on as connections of its own, those of an
 * ordinary process of the user. It leaves all privileges behind once it has the device.
 */
record Pasta(Child process) implements AutoCloseable {
    static final Path PROGRAM = Path.of("/usr/bin/pasta");
    static final Path DEVICE = Path.of("/dev/net/tun");

    private static final int DNS = 53;
    private static final int MAIN_TABLE = 254;
    private static final long PATIENCE_NANOSECONDS = 20_000_000_000L;
    private static final long LOOK_NANOSECONDS = 2_000_000;
    private static final int MAXIMUM_SAID = 2048;

    /**
     * Starts one, and returns when there is a way out of the namespace. It ends with the thread that calls this.
     *
     * @param kernel the root of a user namespace over the network namespace
     * @param resolver the port of 127.0.0.1 of this machine where the sandbox's questions for names are answered
     * @throws IOException also with what it says if it does not start
     */
    static Pasta start(LocalKernel kernel, Fd namespace, int resolver, List<PublishedPort> ports) throws IOException {
        try (Pipe said = Pipe.reading()) {
            Op open = FileOps.open("/dev/null", FileOps.O_WRONLY);
            Pasta pasta;
            try (Fd nothing = kernel.run(OpList.of(open)).fd(open)) {
                OpList.Builder list = OpList.builder();
                list.addAll(Processes.dieWithParent());
                list.add(FileOps.duplicate(Arg.of(namespace), 0));
                list.add(FileOps.duplicate(Arg.of(nothing), 1));
                list.add(FileOps.duplicate(Arg.of(said.theirs()), 2));
                list.add(FileOps.closeOnExecFrom(3));
                list.add(Processes.unblockSignals());
                list.add(Processes.execve(PROGRAM.toString(), command(resolver, ports), List.of()));
                pasta = new Pasta(kernel.spawn(list.build(), new Birth(0, Optional.empty())));
            }
            try {
                pasta.await(kernel, namespace, said.ours());
                return pasta;
            } catch (IOException | RuntimeException e) {
                pasta.close();
                throw e;
            }
        }
    }

    /**
     * Its standard input is the namespace: it can open no path of another process. What the sandbox sends to port 53 of its own
     * loopback is handed to the resolver.
     */
    static List<String> command(int resolver, List<PublishedPort> ports) {
        List<String> command = new ArrayList<>(List.of(
                PROGRAM.toString(),
                "--foreground",
                "--quiet",
                "--config-net",
                "--ns-ifname",
                Links.INSIDE,
                "--netns",
                "/proc/self/fd/0",
                "--netns-only",
                "--no-netns-quit",
                // Nothing of what this machine has for itself.
                "--no-map-gw",
                "--tcp-ns",
                DNS + ":" + resolver,
                "--udp-ns",
                DNS + ":" + resolver));
        publish(command, "--tcp-ports", Transport.TCP, ports);
        publish(command, "--udp-ports", Transport.UDP, ports);
        return command;
    }

    private static void publish(List<String> command, String option, Transport transport, List<PublishedPort> ports) {
        boolean none = true;
        for (PublishedPort port : ports) {
            if (port.transport() == transport) {
                none = false;
                command.addAll(
                        List.of(option, port.bind().getHostAddress() + "/" + port.hostPort() + ":" + port.guestPort()));
            }
        }
        if (none) {
            command.addAll(List.of(option, "none"));
        }
    }

    private void await(LocalKernel kernel, Fd namespace, Fd said) throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        try (Rtnetlink there = Rtnetlink.openIn(kernel, namespace)) {
            while (there.routes().stream().noneMatch(Pasta::leadsOut)) {
                boolean over = process.poll().isPresent();
                if (over || System.nanoTime() - deadline > 0) {
                    throw new IOException(PROGRAM + (over ? " has ended: " : " makes no way out: ") + words(said));
                }
                LockSupport.parkNanos(LOOK_NANOSECONDS);
            }
        }
    }

    private static boolean leadsOut(Route route) {
        return route.table() == MAIN_TABLE && route.destination().length() == 0;
    }

    private static String words(Fd said) throws SyscallException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(MAXIMUM_SAID);
        while (buffer.hasRemaining() && Pipe.read(said, buffer) > 0) {
            // all of it that is there
        }
        byte[] bytes = new byte[buffer.flip().remaining()];
        buffer.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8)
                .replaceAll("[^\\n -~]", "?")
                .strip();
    }

    @Override
    public void close() {
        try {
            process.signal(Processes.SIGKILL);
        } catch (SyscallException e) {
            // it has ended
        }
        process.await();
        process.close();
    }
}
