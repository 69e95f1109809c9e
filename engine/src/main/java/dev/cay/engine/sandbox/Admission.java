package dev.cay.engine.sandbox;

import dev.cay.SandboxException;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.engine.microvm.MicroVm;
import dev.cay.engine.microvm.MicroVms;
import dev.cay.engine.state.SandboxStore;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets the owner's other processes into a microVM of this one: in the background, and if it has no name a moment after it was made. What
 * its guest has to do for that takes an emulated one as long as a command, and most are gone before anybody comes. Whoever comes
 * earlier waits. And lets it go on if one of them has halted it, to keep it, and was killed then. Thread-safe.
 */
final class Admission {
    /** After which others are let into one without a name. */
    private static final Duration DELAY = Duration.ofMillis(250);

    /** How often it is looked whether whoever keeps it has ended. */
    private static final long AGAIN_NANOSECONDS = 100_000_000;

    private final SandboxStore store;
    private final MicroVms machines;
    private final MicroVm machine;
    private final MachineAccess access;
    private Optional<Timeouts.Timeout> later = Optional.empty();
    private Optional<Thread> running = Optional.empty();
    private Optional<Thread> mending = Optional.empty();
    private volatile boolean over;

    Admission(SandboxStore store, MicroVms machines, MicroVm machine, MachineAccess access) {
        this.store = store;
        this.machines = machines;
        this.machine = machine;
        this.access = access;
    }

    synchronized void begin(Timeouts timeouts) {
        if (!MicroVms.admits(access.spec())) {
            return;
        }
        machine.onKept(this::mendInBackground);
        if (access.spec().name().isPresent()) {
            inBackground();
            return;
        }
        try {
            later = Optional.of(timeouts.after(DELAY, this::inBackground));
        } catch (RejectedExecutionException e) {
            // the engine is being closed, and the sandbox with it
        }
    }

    private synchronized void inBackground() {
        if (over) {
            return;
        }
        running = Optional.of(Thread.ofVirtual().name("cay-admission").start(() -> {
            try {
                machines.admit(machine, access);
            } catch (IOException | SandboxException e) {
                if (!over && machine.isAlive()) {
                    System.getLogger(Admission.class.getName())
                            .log(
                                    System.Logger.Level.WARNING,
                                    "other processes cannot enter the microVM " + access.id(),
                                    e);
                }
            }
        }));
    }

    private synchronized void mendInBackground() {
        if (!over && mending.filter(Thread::isAlive).isEmpty()) {
            mending = Optional.of(Thread.ofVirtual().name("cay-mend").start(this::mend));
        }
    }

    /** Whoever keeps it has the sandbox's lock until he has let it go on, or is no more. */
    private void mend() {
        try {
            while (!over
                    && access.isHalted()
                    && store.tryLocked(access.id(), this::mended).isEmpty()) {
                LockSupport.parkNanos(AGAIN_NANOSECONDS);
            }
        } catch (SandboxException.NotFound e) {
            // somebody has removed it
        } catch (IOException | SandboxException e) {
            if (!over && machine.isAlive()) {
                System.getLogger(Admission.class.getName())
                        .log(System.Logger.Level.WARNING, "the microVM " + access.id() + " does not go on yet", e);
            }
        }
    }

    private MachineAccess mended() throws IOException {
        access.mend();
        return access;
    }

    /** The microVM has ended: returns when nobody is about to let anybody in any more, or to let it go on. */
    void await() {
        List<Thread> last = new ArrayList<>();
        synchronized (this) {
            running.ifPresent(last::add);
            mending.ifPresent(last::add);
        }
        boolean interrupted = false;
        for (Thread thread : last) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** The microVM is about to end: from now on nobody is to be let in, and what goes wrong with it concerns nobody. */
    synchronized void end() {
        over = true;
        later.ifPresent(Timeouts.Timeout::cancel);
    }
}
