package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;

/** What a guest has to be told after its machine has stood still, or when there is another one with the same past. */
public final class GuestClock {
    /** A difference that is not worth a jump. */
    public static final Duration TOLERATED = Duration.ofMillis(100);

    /** Nothing of Cay is older, so a host whose clock says so does not know the time. */
    static final Instant EARLIEST = Instant.parse("2025-01-01T00:00:00Z");

    private GuestClock() {}

    /**
     * Sets the guest's wall clock if it is off.
     *
     * @return whether it was set
     */
    public static boolean correct(Kernel guest, InstantSource host) throws SyscallException {
        Arg.Buffer time = MachineOps.timespec();
        Instant before = host.instant();
        Results results = guest.run(OpList.of(MachineOps.clock(time)));
        Instant after = host.instant();
        Instant there = MachineOps.instant(results.bytes(time));
        boolean isRight = there.isAfter(before.minus(TOLERATED)) && there.isBefore(after.plus(TOLERATED));
        if (isRight || after.isBefore(EARLIEST)) {
            return false;
        }
        guest.run(OpList.of(MachineOps.setClock(host.instant())));
        return true;
    }

    /**
     * Makes a guest's random bytes differ from those of any other one, and sets its wall clock, which stood still: by the time that
     * the message takes, what it says is late.
     *
     * @param secret bytes that nobody else has
     */
    public static void awake(Kernel guest, byte[] secret, InstantSource host) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op open = list.add(FileOps.openResolved(
                "/dev/urandom", FileOps.O_WRONLY | FileOps.O_NONBLOCK, FileOps.RESOLVE_NO_SYMLINKS));
        list.add(MachineOps.addEntropy(Arg.of(open), secret));
        list.add(MachineOps.reseed(Arg.of(open)));
        list.add(FileOps.close(open));
        Instant now = host.instant();
        if (!now.isBefore(EARLIEST)) {
            list.add(MachineOps.setClock(now));
        }
        guest.run(list.build());
    }
}
