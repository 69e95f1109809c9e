package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.ExecutionUsage;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;

/**
 * A guest that this process did not make, and has one of the channels of until it closes this. Thread-safe. What is asked of a guest that
 * hangs waits until it is closed, or the machine ends.
 */
public final class Guest implements AutoCloseable {
    private static final int LIST_SIZE = 32 * 1024;
    private static final long LOOK_NANOSECONDS = 10_000_000;

    private final String id;
    private final SandboxSpec spec;
    private final MachineNote note;
    private final MachineDoors.Taken channel;
    private final Stub stub;
    private final FrozenNote frozen;
    private final AtomicLong oomKills = new AtomicLong(-1);
    private Optional<GuestCommands> commands = Optional.empty();

    private Guest(MachineAccess access, MachineNote note, MachineDoors.Taken channel, Stub stub) {
        id = access.id();
        spec = access.spec();
        frozen = new FrozenNote(access.directory());
        this.note = note;
        this.channel = channel;
        this.stub = stub;
    }

    /**
     * @param onlooker whether the guest is not to stay up for this process
     * @throws SyscallException ETIMEDOUT if the guest does not answer in time, another one if its machine has ended
     */
    static Guest enter(MachineAccess access, MachineDoors.Taken channel, long deadline, boolean onlooker)
            throws IOException {
        try {
            MachineNote note = access.note();
            Stub stub = Stub.ofMachine(channel.socket(), deadline, onlooker);
            return new Guest(access, note, channel, stub);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Whoever has the last channel sees to it that there is another one for the next. */
    void leaveRoom(Kernel host, MachineDoors doors, long deadline) throws IOException {
        if (channel.is(doors.served() - 1)) {
            GuestChannels.add(host, doors, stub, served -> channel.is(served - 1), deadline);
        }
    }

    /** The commands that run. */
    public List<Stub.Alive> commands() throws SyscallException {
        return stub.alive().stream().filter(one -> one.pid() != 0).toList();
    }

    /** Those that the process which made the microVM runs in it, the first one first. */
    public List<Stub.Alive> ofMaker() throws SyscallException {
        return commands().stream()
                .filter(one -> GuestCommands.isMakers(one.number()))
                .sorted(Comparator.comparingInt(Stub.Alive::number))
                .toList();
    }

    /** Whether its first process answers before a deadline, a value of {@link System#nanoTime}. */
    public boolean answers(long deadline) throws SyscallException {
        return stub.ping(deadline);
    }

    /** Whether the session has come to its end, and so most likely the machine. */
    public boolean isGone() {
        return stub.isGone();
    }

    private synchronized GuestCommands starter() throws SyscallException {
        if (commands.isEmpty()) {
            commands = Optional.of(GuestCommands.open(stub, id, spec, note.surroundings()));
            oomKills.set(commands.get().oomKills());
        }
        return commands.get();
    }

    /**
     * Starts a command that goes on when this process does not.
     *
     * @param number above 0; what is left of one that had it before is killed
     * @param ring how much of each output its record keeps
     * @throws SyscallException of the step that failed; nothing runs then
     */
    public KeptExecution start(int number, ExecSpec command, int ring) throws SyscallException {
        GuestCommands started = starter();
        started.kill(number);
        GuestRecords.create(stub, number);
        return started.start(number, command, GuestRecords.open(number), ring);
    }

    /** @throws SyscallException ESRCH if it has ended */
    public KeptExecution attach(int number) throws SyscallException {
        return stub.attach(number);
    }

    /** Kills a command with all its descendants. */
    public void kill(int number) throws SyscallException {
        starter().kill(number);
    }

    /** What commands and their descendants have used, by their numbers; those are left out of whom nobody knows. */
    public Map<Integer, ExecutionUsage> usages(List<Integer> numbers) throws SyscallException {
        return starter().usages(numbers);
    }

    /** Of a command that has ended nobody here wants to know anything any more. */
    public void release(int number) {
        Optional<GuestCommands> known;
        synchronized (this) {
            known = commands;
        }
        known.ifPresent(all -> all.release(number));
    }

    /** Sends a signal to the process group of a command, if that runs. */
    public void signal(int number, int signal) throws SyscallException {
        stub.signal(number, signal);
    }

    /** What the guest keeps of a command. */
    public ExecutionRecord.Origin record(int number) {
        return (at, length) -> GuestRecords.read(stub, number, at, length);
    }

    /** Forgets what it keeps of commands. */
    public void forget(IntPredicate numbers) throws SyscallException {
        Op open = FileOps.openAt(GuestRecords.DIRECTORY, ".", FileOps.O_RDONLY | FileOps.O_DIRECTORY, 0);
        Arg.Buffer buffer = new Arg.Buffer(LIST_SIZE);
        Op entries = DirectoryOps.entries(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, entries, FileOps.close(open)));
        OpList.Builder list = OpList.builder();
        int count = 0;
        for (DirectoryOps.Entry entry : DirectoryOps.entries(results.bytes(buffer), (int) results.value(entries))) {
            String name = new String(entry.name(), StandardCharsets.US_ASCII);
            if (name.matches("[1-9][0-9]{0,8}") && numbers.test(Integer.parseInt(name))) {
                list.add(GuestRecords.remove(Integer.parseInt(name)));
                count++;
            }
        }
        if (count > 0) {
            stub.run(list.build());
        }
    }

    public SandboxFiles files() throws SyscallException {
        return starter().files();
    }

    /** Whether the guest's kernel has killed anything for want of memory since this process is in it, and asked before. */
    public boolean ranOutOfMemory() throws SyscallException {
        long kills = starter().oomKills();
        return oomKills.getAndSet(kills) < kills;
    }

    /** See {@link MicroVm#freeze}. If this process is killed, whoever comes next lets them go on. */
    public List<String> freeze() throws IOException {
        frozen.write();
        return GuestFreezer.freeze(stub);
    }

    /** See {@link MicroVm#thaw}. */
    public List<String> thaw() throws IOException {
        List<String> disks = GuestFreezer.thaw(stub);
        frozen.remove();
        return disks;
    }

    /** Lets file systems go on that stand still for a process that is no more. */
    void mend() throws IOException {
        if (frozen.isAbandoned()) {
            thaw();
        }
    }

    /** Has something done in it. */
    public void reached(GuestWork work) throws IOException {
        work.in(stub);
    }

    /** Sets its clock, if that is off. */
    public void setClock(InstantSource time) throws SyscallException {
        GuestClock.correct(stub, time);
    }

    /** Tells it what time it is. */
    void correctClock() throws SyscallException {
        GuestClock.correct(stub, InstantSource.system());
    }

    /** Has all of its processes but the first stand still. */
    void halt() throws SyscallException {
        mourn(Duration.ZERO); // a copy of it must not take its host for dead before that has said anything
        stub.run(MachineOps.haltAll(GuestSize.processors(spec)));
    }

    /** One that ends with its maker takes him for dead when it has heard nothing of anybody for so long; zero for never. */
    void mourn(Duration silence) throws SyscallException {
        if (!spec.lifetime().detached()) {
            stub.leave(GuestShutdown.alone(note.acpi()), silence.toMillis());
        }
    }

    /** They go on, and it knows what time it is. */
    void goOn() throws SyscallException {
        correctClock();
        stub.run(OpList.of(MachineOps.continueAll()));
        mourn(GuestWatch.ALONE);
    }

    /**
     * Has it write all to its disks and switch its machine off: whoever runs in it is killed.
     *
     * @param ended whether the machine has
     * @param patience for how long that is waited for
     */
    public void shutDown(BooleanSupplier ended, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        Thread unused = Thread.startVirtualThread(() -> {
            try {
                if (GuestShutdown.askInit(stub) && awaits(ended, System.nanoTime() + patience.toNanos() / 2)) {
                    return;
                }
                thawAnyway();
                GuestShutdown.release(stub);
                stub.run(OpList.of(GuestShutdown.off(note.acpi())));
            } catch (IOException e) {
                // it has switched itself off, or will not; what was asked for to be on the disks is there
            }
        });
        awaits(ended, deadline);
    }

    /** Somebody may have had its file systems stand still, and what stands still is not written. */
    private void thawAnyway() {
        try {
            GuestFreezer.thaw(stub);
        } catch (IOException e) {
            return; // they go down as they are
        }
    }

    private static boolean awaits(BooleanSupplier condition, long deadline) {
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline >= 0) {
                return false;
            }
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
        return true;
    }

    /** Ends the session: what it had opened in the guest is closed, commands go on. */
    @Override
    public void close() {
        stub.close();
        channel.close();
    }

    /** What a failure to enter it means to whoever wanted to. */
    static SandboxException refusal(String id, IOException e) {
        boolean ended = e instanceof SyscallException failure && !failure.is(Errno.ETIMEDOUT);
        return !ended
                ? new SandboxException.HostFailed(
                        "the guest of the sandbox " + id + " does not answer", "wait, or end it: cay rm -f " + id, e)
                : new SandboxException.Closed("the machine of the sandbox " + id + " has ended: " + e.getMessage());
    }
}
