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
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How any process of its owner reaches a microVM that outlives whoever made it. Thread-safe.
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

    /** For how long whoever only looks waits for a free channel. */
    private static final Duration TURN = Duration.ofSeconds(1);

    /** For tests: is told the name of each step of keeping one in this process before it is taken. */
    public static void observeKeeping(Consumer<String> watching) {
        LastingKeeping.observe(watching);
    }

    void write(MachineNote note) throws IOException {
        Files.writeString(directory.resolve(NOTE), note.json());
    }

    MachineNote note() throws IOException {
        return MachineNote.parse(Files.readString(directory.resolve(NOTE), StandardCharsets.UTF_8));
    }

    MachineDoors doors() {
        return new MachineDoors(directory);
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
        long now = System.nanoTime();
        try {
            return enter(now + TURN.toNanos(), now + patience.toNanos());
        } catch (SyscallException | SocketTimeoutException e) {
            throw Guest.refusal(id, e);
        }
    }

    private Guest enter(long turn, long deadline) throws IOException {
        return Guest.enter(id, spec, note(), doors().channel(host, turn), deadline);
    }

    /** What is done in a guest by somebody who only looks. */
    @FunctionalInterface
    public interface Look {
        void at(Guest guest) throws IOException;
    }

    /**
     * Finds out how the guest does, and looks at it if it answers. It is asked once, and is expected to answer within two seconds; one
     * that did not when somebody asked half a minute ago or earlier, and has not since, is hung.
     *
     * @param entered where this process is already
     * @return empty if nobody has been able to ask, as too many processes are in it
     */
    public Optional<MachineInfo.Health> look(Optional<Guest> entered, Look look) throws IOException {
        Optional<Guest> own = Optional.empty();
        try {
            long now = System.nanoTime();
            long deadline = now + GuestWatch.SLOW.toNanos();
            if (entered.isEmpty()) {
                own = Optional.of(enter(now + TURN.toNanos(), deadline));
            }
            Guest guest = entered.isPresent() ? entered.get() : own.get();
            if (!guest.answers(deadline)) {
                return Optional.of(silent());
            }
            Files.deleteIfExists(directory.resolve(SILENT));
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
