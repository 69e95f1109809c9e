package dev.cay.engine.microvm;

import dev.cay.SandboxException;
import dev.cay.engine.state.FileLocks;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * The sockets by which processes reach a machine that they did not make. QEMU serves one process at a time at each, and lets the next
 * ones wait without a word; so whoever is served has the lock of a file beside the socket, which is gone with the process.
 *
 * @param directory that only the machine's owner may enter
 * @param first the first channel that has one: what comes before is its maker's
 */
record MachineDoors(Path directory, int first) {
    /** How many processes can be in the guest at once. */
    static final int CHANNELS = 8;

    /** What the port is called in the guest that belongs to whoever relays files to it. */
    static final String RELAY_PORT = Machine.PORT + ".relay";

    private static final String MONITOR = "monitor";

    /** How many channels the guest serves; without it all. */
    private static final String SERVED = "served";

    /** Held by whoever has the guest serve one more. */
    private static final String SERVED_LOCK = "served.lock";

    private static final String CHANNEL = "channel-";
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** Those that this process has: the kernel's locks are a process's, and gone when it closes any descriptor of the file. */
    private static final Set<Path> TAKEN = new HashSet<>();

    /** What the port of a channel is called in the guest. */
    static String port(int channel) {
        return channel == 0 ? Machine.PORT : Machine.PORT + "." + channel;
    }

    /** How many channels the guest serves. */
    int served() throws IOException {
        try {
            return Math.clamp(Integer.parseInt(Files.readString(directory.resolve(SERVED))), first, CHANNELS);
        } catch (NoSuchFileException e) {
            return CHANNELS;
        } catch (NumberFormatException e) {
            throw new IOException("it is not known how many channels the guest serves", e);
        }
    }

    /** What is done while nobody else changes how many the guest serves. */
    interface Change {
        void make() throws IOException;
    }

    void changing(Change change) throws IOException {
        FileLocks.locked(directory.resolve(SERVED_LOCK), () -> {
            change.make();
            return directory;
        });
    }

    /** Writes down that the guest serves so many. */
    void setServed(int count) throws IOException {
        Path born = directory.resolve(SERVED + ".new");
        Files.writeString(born, Integer.toString(count));
        Files.move(born, directory.resolve(SERVED), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Makes them: that of the monitor first, then those of the channels. */
    List<Fd> listen(Kernel host) throws SyscallException {
        List<Fd> doors = new ArrayList<>();
        try {
            for (String name : names(CHANNELS)) {
                doors.add(UnixSocket.listen(host, directory.resolve(name).toString()));
            }
            return doors;
        } catch (SyscallException e) {
            doors.forEach(Fd::close);
            throw e;
        }
    }

    /** Moves all of them to where those of another machine would be, on the same file system. */
    void moveTo(MachineDoors others) throws IOException {
        for (String name : names(CHANNELS)) {
            Files.move(directory.resolve(name), others.directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Removes all of them. */
    void remove() throws IOException {
        for (String name : names(CHANNELS)) {
            Files.deleteIfExists(directory.resolve(name));
        }
    }

    private List<String> names(int served) {
        List<String> names = new ArrayList<>(List.of(MONITOR));
        for (int i = first; i < served; i++) {
            names.add(CHANNEL + i);
        }
        return names;
    }

    /**
     * A connection, and the right to it.
     *
     * @param name that of the socket
     */
    record Taken(Fd socket, FileChannel lock, Path file, String name) implements AutoCloseable {
        /** Whether it is a certain channel. */
        boolean is(int channel) {
            return name.equals(CHANNEL + channel);
        }

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
        return take(
                        host,
                        () -> {
                            List<String> names = names(served());
                            return names.subList(1, names.size());
                        },
                        deadline)
                .orElseThrow(() -> new SandboxException.Conflict(
                        (CHANNELS - first) + " processes are in the microVM already, and there is room for no more",
                        "end one of them"));
    }

    /** Takes the monitor, for a moment. */
    Taken monitor(Kernel host, long deadline) throws IOException {
        return take(host, () -> List.of(MONITOR), deadline)
                .orElseThrow(() -> new SandboxException.Conflict(
                        "somebody else is pausing or resuming the microVM", "try again in a moment"));
    }

    /** Which sockets there are now. */
    private interface Sockets {
        List<String> names() throws IOException;
    }

    private Optional<Taken> take(Kernel host, Sockets sockets, long deadline) throws IOException {
        boolean interrupted = Thread.interrupted(); // which would close the lock's file
        try {
            while (true) {
                boolean over = System.nanoTime() - deadline >= 0;
                boolean full = false;
                for (String name : sockets.names()) {
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
            return Optional.of(new Taken(socket, opened, file, name));
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
