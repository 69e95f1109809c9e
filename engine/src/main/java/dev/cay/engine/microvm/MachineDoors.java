package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * The sockets by which processes reach a machine that outlives them. QEMU serves one process at a time at each, and lets the next
 * ones wait without a word; so whoever is served has the lock of a file beside the socket, which is gone with the process.
 *
 * @param directory that only the machine's owner may enter
 */
record MachineDoors(Path directory) {
    /** How many processes can be in the guest at once. */
    static final int CHANNELS = 8;

    private static final String MONITOR = "monitor";
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** Those that this process has: the kernel's locks are a process's, and gone when it closes any descriptor of the file. */
    private static final Set<Path> TAKEN = new HashSet<>();

    /** What the port of a channel is called in the guest. */
    static String port(int channel) {
        return channel == 0 ? Machine.PORT : Machine.PORT + "." + channel;
    }

    /** Makes them: that of the monitor first, then those of the channels. */
    List<Fd> listen(Kernel host) throws SyscallException {
        List<Fd> doors = new ArrayList<>();
        try {
            for (String name : names()) {
                doors.add(UnixSocket.listen(host, directory.resolve(name).toString()));
            }
            return doors;
        } catch (SyscallException e) {
            doors.forEach(Fd::close);
            throw e;
        }
    }

    private static List<String> names() {
        List<String> names = new ArrayList<>(List.of(MONITOR));
        for (int i = 0; i < CHANNELS; i++) {
            names.add("channel-" + i);
        }
        return names;
    }

    /** A connection, and the right to it. */
    record Taken(Fd socket, FileChannel lock, Path file) implements AutoCloseable {
        @Override
        public void close() {
            socket.close();
            release(lock, file);
        }
    }

    /**
     * Takes the first channel that is free.
     *
     * @param deadline a value of {@link System#nanoTime}
     * @throws SandboxException.Conflict if there is none in time
     * @throws SocketTimeoutException if QEMU lets nobody in, as one does that stands still
     * @throws SyscallException ECONNREFUSED, ENOENT if the machine has ended
     */
    Taken channel(Kernel host, long deadline) throws IOException {
        List<String> channels = names().subList(1, 1 + CHANNELS);
        return take(host, channels, deadline)
                .orElseThrow(() -> new SandboxException.Conflict(
                        CHANNELS + " processes are in the microVM already, and there is room for no more",
                        "end one of them"));
    }

    /** Takes the monitor, for a moment. */
    Taken monitor(Kernel host, long deadline) throws IOException {
        return take(host, List.of(MONITOR), deadline)
                .orElseThrow(() -> new SandboxException.Conflict(
                        "somebody else is pausing or resuming the microVM", "try again in a moment"));
    }

    private Optional<Taken> take(Kernel host, List<String> names, long deadline) throws IOException {
        boolean interrupted = Thread.interrupted(); // which would close the lock's file
        try {
            while (true) {
                boolean over = System.nanoTime() - deadline >= 0;
                boolean full = false;
                for (String name : names) {
                    try {
                        Optional<Taken> taken = take(host, name);
                        if (taken.isPresent()) {
                            return taken;
                        }
                    } catch (SyscallException e) {
                        if (!e.is(Errno.EAGAIN)) {
                            throw e;
                        }
                        full = true; // of those that have waited there before
                    }
                }
                if (over && full) {
                    throw new SocketTimeoutException("QEMU lets nobody in");
                }
                if (over) {
                    return Optional.empty();
                }
                LockSupport.parkNanos(LOOK_NANOSECONDS);
                interrupted |= Thread.interrupted();
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private Optional<Taken> take(Kernel host, String name) throws IOException {
        Path file = directory.resolve(name + ".lock");
        synchronized (TAKEN) {
            if (!TAKEN.add(file)) {
                return Optional.empty();
            }
        }
        Optional<FileChannel> lock = Optional.empty();
        try {
            FileChannel opened = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            lock = Optional.of(opened);
            if (opened.tryLock() == null) {
                release(opened, file);
                return Optional.empty();
            }
            Fd socket = UnixSocket.connect(host, directory.resolve(name).toString());
            return Optional.of(new Taken(socket, opened, file));
        } catch (IOException | RuntimeException e) {
            if (lock.isPresent()) {
                release(lock.get(), file);
            } else {
                forget(file);
            }
            throw e;
        }
    }

    private static void release(FileChannel lock, Path file) {
        try {
            lock.close();
        } catch (IOException e) {
            // the kernel has released it all the same
        } finally {
            forget(file);
        }
    }

    private static void forget(Path file) {
        synchronized (TAKEN) {
            TAKEN.remove(file);
        }
    }
}
