package dev.cay.engine.sandbox;

import dev.cay.SandboxException;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.engine.microvm.MicroVm;
import dev.cay.engine.microvm.MicroVms;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;

/**
 * Lets the owner's other processes into a microVM of this one: in the background, and if it has no name a moment after it was made. What
 * its guest has to do for that takes an emulated one as long as a command, and most are gone before anybody comes. Whoever comes
 * earlier waits. Thread-safe.
 */
final class Admission {
    /** After which others are let into one without a name. */
    private static final Duration DELAY = Duration.ofMillis(250);

    private final MicroVms machines;
    private final MicroVm machine;
    private final MachineAccess access;
    private Optional<Timeouts.Timeout> later = Optional.empty();
    private Optional<Thread> running = Optional.empty();
    private volatile boolean over;

    Admission(MicroVms machines, MicroVm machine, MachineAccess access) {
        this.machines = machines;
        this.machine = machine;
        this.access = access;
    }

    synchronized void begin(Timeouts timeouts) {
        if (!MicroVms.admits(access.spec())) {
            return;
        }
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

    /** The microVM has ended: returns when nobody is about to let anybody in any more. */
    void await() {
        Optional<Thread> last;
        synchronized (this) {
            last = running;
        }
        boolean interrupted = false;
        while (last.isPresent() && last.get().isAlive()) {
            try {
                last.get().join();
            } catch (InterruptedException e) {
                interrupted = true;
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
