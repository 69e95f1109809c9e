package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.MachineInfo;
import dev.cay.MachineInfo.Health;
import dev.cay.OnHang;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.Usage;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.state.SandboxStore;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.MachineOps;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;

/** A machine whose guest is up. Thread-safe. */
public final class MicroVm implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** For how long an image's init may take to switch the machine off. */
    private static final Duration INIT_PATIENCE = Duration.ofSeconds(5);

    private final String id;
    private final Machine machine;
    private final Stub stub;
    private final GuestCommands commands;
    private final GuestWatch watch;
    private final Optional<GuestNetwork> network;
    private final boolean keeps;
    private final boolean acpi;
    private final MachineBeginning beginning;
    private final MachineKeeping keeping;
    private final AtomicBoolean paused = new AtomicBoolean();
    private final AtomicBoolean frozen = new AtomicBoolean();

    /** Held while what others come by is made, or the machine is kept. */
    private final ReentrantLock admission = new ReentrantLock();

    /** By which others come, if they may. */
    private volatile Optional<MachineAccess> visitors = Optional.empty();

    private volatile boolean beingKept;
    private volatile Runnable onKept = () -> {};
    private final AtomicInteger numbers;
    private final AtomicLong oomKills = new AtomicLong();

    /** @param keeps whether what its guest has written is to be there when it has ended */
    MicroVm(
            String id,
            Machine machine,
            Stub stub,
            GuestCommands commands,
            boolean keeps,
            boolean acpi,
            Optional<GuestNetwork> network,
            MachineBeginning beginning,
            MachineKeeping keeping) {
        this.network = network;
        this.keeping = keeping;
        numbers = new AtomicInteger(beginning.last());
        this.keeps = keeps;
        this.acpi = acpi;
        this.beginning = beginning;
        this.id = id;
        this.machine = machine;
        this.stub = stub;
        this.commands = commands;
        watch = new GuestWatch(id, this::answers, beginning.onHang() == OnHang.KILL ? machine::kill : () -> {});
        machine.onEnd(stub::close); // whoever waits for the guest learns that it is gone
        machine.onHalt(this::halted);
        watch.start();
    }

    public String id() {
        return id;
    }

    /** Somebody has halted it or let it go on: this object, or another process, which may do that for a moment, to keep it. */
    private void halted(boolean still) {
        if (!beingKept) {
            boolean kept = isKeptByAnother();
            paused.set(still && !kept);
            watch.rest(still);
            if (kept) {
                onKept.run();
            }
        }
    }

    /** Whoever keeps it may be killed before its machine is halted, when its processes are: of that nobody is told. */
    private boolean answers(long deadline) throws SyscallException {
        if (isKeptByAnother()) {
            onKept.run();
        }
        return stub.ping(deadline);
    }

    /** What is to be done when another process keeps it, and again as long as that is so; it must not block. */
    public void onKept(Runnable action) {
        onKept = action;
    }

    private boolean isKeptByAnother() {
        return visitors.isPresent() && visitors.get().isHalted();
    }

    /**
     * Lets other processes of its owner in. It may be closed meanwhile.
     *
     * @param key what another machine must have in common with this one to go on where it is
     */
    void admit(HostKernel host, MachineAccess access, String key) throws IOException {
        admission.lock(); // nobody plugs in anything while the machine is written down
        try {
            access.doors().setServed(ports());
            if (keeping.disk().isPresent()) {
                machine.hold(host, keeping.disk().get(), SandboxStore.socket(access.directory()));
            }
            visitors = Optional.of(access);
        } finally {
            admission.unlock();
        }
        if (!keeping.origins().past().map(Past::hasRecords).orElse(false)) {
            new GuestBoot(stub)
                    .take(List.of(GuestRecords.make(keeping.origins().size().memory())));
        }
        if (ports() == 1) {
            GuestChannels.add(host, access.doors(), stub, _ -> true, System.nanoTime() + PATIENCE.toNanos());
        }
        access.write(new MachineNote(
                beginning.kind(),
                beginning.answered(),
                acpi,
                keeps,
                keeping.surroundings(),
                machine.group(),
                new MachineNote.Likeness(key, keeping.origins().places())));
    }

    /** How many channels its guest has. */
    private int ports() throws IOException {
        return visitors.isPresent()
                ? visitors.get().doors().served()
                : keeping.origins().past().map(Past::ports).orElse(1);
    }

    /** The highest number that a command of another process than its maker has, of those that are there. */
    public int lastOfOthers() throws SyscallException {
        return stub.alive().stream()
                .mapToInt(Stub.Alive::number)
                .filter(number -> !GuestCommands.isMakers(number))
                .max()
                .orElse(0);
    }

    /** How its guest came up. */
    public List<BootStep> boot() {
        return beginning.steps();
    }

    /**
     * What it was made of.
     *
     * @param places whether it has all the devices that a clone can have
     * @param changes the disk with its changes, if it has one; the file has lost its name when the machine is there
     * @param past where it went on
     */
    record Origins(
            SandboxSpec spec,
            GuestKernel kernel,
            GuestSize size,
            boolean places,
            Optional<Path> changes,
            Optional<Past> past) {}

    public MachineInfo info() {
        return beginning.kind().info(beginning.answered(), isAlive() ? watch.health() : Health.GONE);
    }

    /** Whether it has been halted. */
    public boolean isPaused() {
        return paused.get();
    }

    /** Asks the guest's first process whether it is there; how long the answer took. */
    public Duration ping() {
        requireGoing();
        try {
            long began = System.nanoTime();
            stub.ping();
            return Duration.ofNanos(System.nanoTime() - began);
        } catch (SyscallException e) {
            requireAlive();
            throw new SandboxException.HostFailed("the sandbox " + id + ": " + e.getMessage(), "", e);
        }
    }

    /** What it takes to keep it. */
    MachineKeeping keeping() {
        return keeping;
    }

    /**
     * Keeps the machine as it is. All that runs in it stands still meanwhile, and nothing can be started.
     *
     * @param state where it is written with its memory, a file open for writing; the machine's
     * @param disks is done while nobody changes its disks
     * @return what is to be known of it
     */
    MachineKeeping.Kept keep(Fd state, MachineKeeping.Disks disks) {
        requireAlive();
        admission.lock();
        try {
            if (!paused.compareAndSet(false, true)) {
                throw new SandboxException.Conflict("the sandbox " + id + " is paused", "let it go on first");
            }
            beingKept = true;
            watch.rest(true);
            AtomicReference<Optional<MachineKeeping.Kept>> kept = new AtomicReference<>(Optional.empty());
            told(() -> {
                if (visitors.isPresent()) {
                    visitors.get().doors().changing(() -> kept.set(Optional.of(write(state, disks))));
                } else {
                    kept.set(Optional.of(write(state, disks)));
                }
            });
            return kept.get().orElseThrow();
        } finally {
            if (beingKept) {
                beingKept = false;
                watch.rest(false);
                paused.set(false);
            }
            admission.unlock();
        }
    }

    /** It ends when it has heard nothing of its host for so long; zero for never. */
    private void mourn(Duration silence) throws SyscallException {
        stub.leave(GuestShutdown.alone(acpi), silence.toMillis());
    }

    private MachineKeeping.Kept write(Fd state, MachineKeeping.Disks disks) throws IOException {
        long began = System.nanoTime();
        mourn(Duration.ZERO); // a copy of it must not take its host for dead before that has said anything
        stub.run(MachineOps.haltAll(keeping.origins().size().processors()));
        int last = lastOfOthers();
        try {
            machine.saveWhole(state);
            disks.copy();
        } finally {
            machine.resume();
            GuestClock.correct(stub, InstantSource.system());
            stub.run(OpList.of(MachineOps.continueAll()));
            mourn(GuestWatch.ALONE);
        }
        return new MachineKeeping.Kept(Duration.ofNanos(System.nanoTime() - began), ports(), last);
    }

    /** Halts the guest's processor, and does not wait for an answer of it. */
    public void pause() {
        requireAlive();
        if (!paused.compareAndSet(false, true)) {
            throw new SandboxException.Conflict("the sandbox " + id + " is paused already", "");
        }
        watch.rest(true);
        told(machine::pause);
    }

    /** Lets it go on, and tells it what time it is. */
    public void resume() {
        requireAlive();
        if (!paused.get()) {
            throw new SandboxException.Conflict("the sandbox " + id + " is not paused", "");
        }
        told(() -> {
            machine.resume();
            GuestClock.correct(stub, InstantSource.system());
        });
        watch.rest(false);
        paused.set(false);
    }

    private void told(Telling telling) {
        try {
            telling.run();
        } catch (IOException e) {
            requireAlive();
            throw new SandboxException.HostFailed("the sandbox " + id + ": " + e.getMessage(), "", e);
        }
    }

    private interface Telling {
        void run() throws IOException;
    }

    /** The number of a process of this machine that lives exactly as long as it does. */
    public long pid() {
        return machine.pid();
    }

    /** Whether the machine runs. */
    public boolean isAlive() {
        return machine.end().isEmpty() && !stub.isGone();
    }

    /**
     * Starts a command.
     *
     * @throws SyscallException of the step that failed; nothing runs then
     * @throws SandboxException.Closed if the machine has ended
     */
    public KeptExecution start(ExecSpec command) throws SyscallException {
        requireGoing();
        try {
            return commands.start(numbers.incrementAndGet(), command);
        } catch (SyscallException e) {
            requireAlive();
            throw e;
        }
    }

    /** Kills a command with all its descendants. */
    public void kill(int number) {
        try {
            commands.kill(number);
        } catch (SyscallException e) {
            if (isAlive()) {
                throw new SandboxException.HostFailed("cannot kill a command: " + e.getMessage(), "", e);
            }
        }
    }

    /** What a command and its descendants have used; empty if nobody knows. */
    public Optional<ExecutionUsage> usage(int number) {
        try {
            return isAlive() && !isPaused()
                    ? Optional.ofNullable(commands.usages(List.of(number)).get(number))
                    : Optional.empty();
        } catch (SyscallException e) {
            return Optional.empty(); // it has just ended
        }
    }

    /** Of a command that has ended nobody wants to know anything any more. */
    public void release(int number) {
        commands.release(number);
    }

    public SandboxFiles files() {
        requireGoing();
        return commands.files();
    }

    /** What the VMM has used so far: the guest's memory as far as it has touched it, and its processor time. */
    public Usage usage() {
        return machine.usage();
    }

    /**
     * Sets the guest's clock, if it is off.
     *
     * @throws SandboxException.InvalidSpec if it is a time before there was any guest
     */
    public void setClock(InstantSource time) {
        requireAlive();
        if (time.instant().isBefore(GuestClock.EARLIEST)) {
            throw new SandboxException.InvalidSpec(time.instant() + " has been long ago", "");
        }
        try {
            GuestClock.correct(stub, time);
        } catch (SyscallException e) {
            throw new SandboxException.HostFailed("cannot set the guest's clock: " + e.getMessage(), "", e);
        }
    }

    /**
     * Has the file systems on its disks stand still: whoever writes there waits, this engine too.
     *
     * @return the serials of the disks; none if what it writes is memory
     */
    public List<String> freeze() {
        requireGoing();
        AtomicReference<List<String>> disks = new AtomicReference<>(List.of());
        frozen.set(true);
        told(() -> disks.set(GuestFreezer.freeze(stub)));
        return disks.get();
    }

    /** Lets them go on. */
    public List<String> thaw() {
        requireGoing();
        AtomicReference<List<String>> disks = new AtomicReference<>(List.of());
        told(() -> disks.set(GuestFreezer.thaw(stub)));
        frozen.set(false);
        return disks.get();
    }

    /** Has something done in its guest. */
    public void reached(GuestWork work) {
        requireGoing();
        told(() -> work.in(stub));
    }

    /** Whether this process or another one has had its file systems stand still. */
    private boolean isFrozen() {
        return frozen.get()
                || visitors.isPresent() && new FrozenNote(visitors.get().directory()).isThere();
    }

    /** Whether the guest's kernel has killed anything for want of memory since this was asked before. */
    public boolean ranOutOfMemory() {
        try {
            long kills = isAlive() && !isPaused() ? commands.oomKills() : 0;
            return oomKills.getAndSet(kills) < kills;
        } catch (SyscallException e) {
            return false; // it has just ended, which is told as that
        }
    }

    /** Kills the machine, whatever its guest does. */
    public void kill() {
        machine.kill();
    }

    /** Whoever runs is killed; a guest that does not answer has had its time. */
    private void shutDown() {
        Thread.startVirtualThread(() -> {
            try {
                if (paused.get() || isKeptByAnother()) { // who may be dead
                    machine.resume();
                }
                if (GuestShutdown.askInit(stub) && machine.await(INIT_PATIENCE).isPresent()) {
                    return;
                }
                if (isFrozen()) { // else it could not be written
                    GuestFreezer.thaw(stub);
                }
                GuestShutdown.release(stub);
                stub.run(OpList.of(GuestShutdown.off(acpi)));
            } catch (IOException e) {
                // it has switched itself off, or will not; what was asked for to be on the disks is there
            }
        });
        machine.await(PATIENCE);
    }

    private void requireGoing() {
        requireAlive();
        if (paused.get()) {
            throw new SandboxException.Conflict("the sandbox " + id + " is paused", "let it go on first");
        }
    }

    private void requireAlive() {
        if (!isAlive()) {
            // The channel ends a moment before the machine does.
            String how = machine.await(PATIENCE).map(end -> ": " + end.text()).orElse("");
            throw new SandboxException.Closed("the sandbox " + id + " has ended" + how);
        }
    }

    /** Ends the machine: at once if all that it had was memory, else when what was written is on its disks. */
    @Override
    public void close() {
        watch.close();
        if (keeps && isAlive()) {
            shutDown();
        }
        stub.close();
        machine.close();
        keeping.close();
        if (network.isPresent()) {
            try {
                network.get().close(); // its port has gone with the machine
            } catch (IOException e) {
                throw new SandboxException.HostFailed(
                        "a microVM could not be taken off its network: " + e.getMessage(), "run 'cay sweep'", e);
            }
        }
    }
}
