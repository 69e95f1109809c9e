package dev.cay.engine.microvm;

import dev.cay.MachineInfo;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.linux.Errno;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * How any process of its owner reaches a microVM that it did not make. Thread-safe.
 *
 * @param host this machine
 * @param directory of the sandbox
 */
public record MachineAccess(Kernel host, Path directory, String id, SandboxSpec spec) {
    private static final String NOTE = "machine.json";

    /** There while it is halted for a moment, to be kept; whoever did that has the sandbox's lock. */
    private static final String HALTED = "halted";

    /** Since when the guest has not answered; there while that is so. */
    private static final String SILENT = "silent";

    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** For how long whoever wants to come waits for a free channel. */
    private static final Duration TURN = Duration.ofSeconds(1);

    /** For tests: is told the name of each step of keeping one in this process before it is taken. */
    public static void observeKeeping(Consumer<String> watching) {
        LastingKeeping.observe(watching);
    }

    /** Writes down what others have to know: from now on they can come. */
    void write(MachineNote note) throws IOException {
        Path born = directory.resolve(NOTE + ".new");
        Files.writeString(born, note.json());
        Files.move(born, directory.resolve(NOTE), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Whether others can come: as soon as whoever made it has seen to that. */
    public boolean isOpen() {
        return Files.exists(directory.resolve(NOTE));
    }

    /** Waits until others can come. */
    private void awaitOpen(long deadline) throws IOException {
        while (!isOpen()) {
            if (!Files.exists(directory)) {
                throw new SandboxException.NotFound("the sandbox " + id + " has been removed", "make a new one");
            }
            if (System.nanoTime() - deadline >= 0) {
                throw new SocketTimeoutException("whoever has made it lets nobody in");
            }
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }

    /** The control groups of the VMM of a microVM that ends with its maker. */
    public Optional<String> group() throws IOException {
        return note().group();
    }

    MachineNote note() throws IOException {
        return MachineNote.parse(Files.readString(directory.resolve(NOTE), StandardCharsets.UTF_8));
    }

    MachineDoors doors() {
        return new MachineDoors(directory, spec.lifetime().detached() ? 0 : 1);
    }

    /**
     * Enters the guest.
     *
     * @param patience for how long it may take to answer
     * @throws SandboxException.Conflict if too many processes are in it
     * @throws SandboxException.Closed if its machine has ended
     * @throws SandboxException.HostFailed if it does not answer
     */
    public Guest enter(Duration patience) throws IOException {
        long deadline = System.nanoTime() + patience.toNanos();
        try {
            awaitOpen(deadline);
            MachineDoors.Taken channel = doors().channel(host, System.nanoTime() + TURN.toNanos());
            Guest guest = Guest.enter(this, channel, deadline, false);
            leaveRoom(guest, deadline);
            try {
                guest.mend();
            } catch (IOException | RuntimeException e) {
                guest.close();
                throw e;
            }
            return guest;
        } catch (SyscallException | SocketTimeoutException e) {
            throw Guest.refusal(id, e);
        }
    }

    /** Who is in it is in it, also if nobody else can come any more. */
    private void leaveRoom(Guest guest, long deadline) {
        try {
            guest.leaveRoom(host, doors(), deadline);
        } catch (IOException | SandboxException e) {
            if (!guest.isGone()) {
                System.getLogger(MachineAccess.class.getName())
                        .log(System.Logger.Level.WARNING, "there is no room for others in the microVM " + id, e);
            }
        }
    }

    /** What is done in a guest by somebody who only looks. */
    @FunctionalInterface
    public interface Look {
        void at(Guest guest) throws IOException;
    }

    /**
     * Finds out how the guest does, and looks at it if it answers, which puts off no end for want of something to do. It is asked once, and is expected to answer within two seconds; one
     * that did not when somebody asked half a minute ago or earlier, and has not since, is hung.
     *
     * @param entered where this process is already
     * @return empty if nobody has been able to ask, as too many processes are in it, or none but its maker yet
     */
    public Optional<MachineInfo.Health> look(Optional<Guest> entered, Look look) throws IOException {
        Optional<Guest> own = Optional.empty();
        if (entered.isEmpty() && !isOpen()) {
            return Optional.empty();
        }
        try {
            long now = System.nanoTime();
            long deadline = now + GuestWatch.SLOW.toNanos();
            if (entered.isEmpty()) {
                MachineDoors.Taken channel = doors().channel(host, now + TURN.toNanos());
                own = Optional.of(Guest.enter(this, channel, deadline, true));
            }
            Guest guest = entered.isPresent() ? entered.get() : own.get();
            if (!guest.answers(deadline)) {
                return Optional.of(silent());
            }
            Files.deleteIfExists(directory.resolve(SILENT));
            guest.mend();
            look.at(guest);
            return Optional.of(MachineInfo.Health.HEALTHY);
        } catch (SandboxException.Conflict e) {
            return Optional.empty();
        } catch (SocketTimeoutException e) {
            return Optional.of(silent());
        } catch (SyscallException e) {
            return Optional.of(e.is(Errno.ETIMEDOUT) ? silent() : MachineInfo.Health.GONE);
        } finally {
            own.ifPresent(Guest::close);
        }
    }

    private MachineInfo.Health silent() throws IOException {
        Path file = directory.resolve(SILENT);
        Instant now = Instant.now();
        Instant since;
        try {
            since = Instant.ofEpochMilli(Long.parseLong(Files.readString(file)));
        } catch (NoSuchFileException | NumberFormatException e) {
            Files.writeString(file, Long.toString(now.toEpochMilli()));
            since = now;
        }
        return since.plus(GuestWatch.HUNG).isAfter(now) ? MachineInfo.Health.SLOW : MachineInfo.Health.HUNG;
    }

    /** What is known of the machine; empty if it is still being made. */
    public Optional<MachineInfo> info(MachineInfo.Health health) throws IOException {
        try {
            return Optional.of(note().info(health));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Whether what its guest has written is to be there when it has ended: then it is to be shut down before. */
    public boolean keepsChanges() throws IOException {
        return note().keeps();
    }

    /** Whether it is halted to be kept, or whoever did that was killed before he let it go on. */
    public boolean isHalted() {
        return Files.exists(directory.resolve(HALTED));
    }

    /** To be called before it is halted, and when it goes on again. */
    void setHalted(boolean halted) throws IOException {
        if (halted) {
            Files.writeString(directory.resolve(HALTED), "");
        } else {
            Files.deleteIfExists(directory.resolve(HALTED));
        }
    }

    /** Lets it go on that was halted by somebody who is no more. Whoever calls this has the sandbox's lock. */
    public void mend() throws IOException {
        if (isHalted()) {
            try (Monitor monitor = Monitor.take(host, doors())) {
                new QemuMigration(monitor).giveUp();
            }
            try (Guest guest = enter(GuestWatch.HUNG)) {
                guest.goOn();
            }
            setHalted(false);
        }
    }

    /** Halts the guest's processor, and does not wait for an answer of it. */
    public void pause() throws IOException {
        Monitor.execute(host, doors(), "stop");
    }

    /** Lets it go on, and tells it what time it is. */
    public void resume() throws IOException {
        Monitor.execute(host, doors(), "cont");
        try (Guest guest = enter(GuestWatch.HUNG)) {
            guest.correctClock();
        }
    }
}
