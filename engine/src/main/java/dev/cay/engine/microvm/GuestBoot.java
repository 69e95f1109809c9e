package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** Takes the steps of a guest's boot, in as few round trips as they allow, and keeps account of them. Not thread-safe. */
public final class GuestBoot {
    private static volatile Optional<Consumer<String>> observer = Optional.empty();

    private Kernel inside;
    private Kernel guest;
    private final Map<String, String> serials;
    private final Groundwork groundwork;
    private final List<BootStep> entries = new ArrayList<>();
    private Optional<DhcpClient> lease = Optional.empty();
    private volatile boolean isUp;

    /** Since the guest's kernel began. */
    private Duration now = Duration.ZERO;

    /** @param stub the guest's first process */
    public GuestBoot(Stub stub) {
        this(stub, Map.of(), Groundwork.NONE);
    }

    /**
     * @param serials what the guest sees as those of its disks, where that is something else
     * @param groundwork what is not done again
     */
    GuestBoot(Stub stub, Map<String, String> serials, Groundwork groundwork) {
        this(new Inside(stub), stub, serials, groundwork);
    }

    /**
     * @param inside runs lists in the first process itself
     * @param guest runs lists in children of it
     */
    GuestBoot(Kernel inside, Kernel guest) {
        this(inside, guest, Map.of(), Groundwork.NONE);
    }

    GuestBoot(Kernel inside, Kernel guest, Map<String, String> serials, Groundwork groundwork) {
        this.inside = inside;
        this.guest = guest;
        this.serials = Map.copyOf(serials);
        this.groundwork = groundwork;
    }

    /** For tests: is told the name of each step of all boots of this process before it is taken. */
    public static void observe(Consumer<String> watching) {
        observer = Optional.of(watching);
    }

    /** Tells whoever watches that a step is about to be taken. */
    static void announce(String step) {
        if (observer.isPresent()) {
            observer.get().accept(step);
        }
    }

    /** What a list changes about the process that runs it is to stay. */
    private record Inside(Stub stub) implements Kernel {
        @Override
        public Results run(OpList list) throws SyscallException {
            return stub.runInside(list);
        }

        @Override
        public Child spawn(OpList list, Birth birth) {
            throw new UnsupportedOperationException("a boot starts no processes");
        }
    }

    /**
     * Brings a guest up: from its first process, which has nothing but the initramfs, to the root file system that it is to have.
     *
     * @param deadline a value of {@link System#nanoTime}, until which its disks have to be there
     * @return what its commands find in it
     * @throws IOException of the step that failed, which it names
     */
    public GuestSurroundings bringUp(GuestSpec wanted, long deadline) throws IOException {
        return bringUp(wanted, deadline, Optional.empty());
    }

    /** @param relay see {@link GuestPlan#rest} */
    GuestSurroundings bringUp(GuestSpec wanted, long deadline, Optional<GuestStep.Conversation> relay)
            throws IOException {
        GuestTrust trust = new GuestTrust(wanted.furnishing().certificates());
        take(GuestPlan.first(wanted, groundwork.laid() || mounted(wanted).contains("/proc")));
        GuestDisks disks = new GuestDisks(serials, groundwork.disks());
        if (!groundwork.laid() || disks.lacks(wanted.serials())) {
            take(List.of(new GuestStep.Talk("disks", true, kernel -> disks.find(kernel, wanted.serials(), deadline))));
        }
        GuestDisks.Found found = disks.found(mounted(wanted));
        GuestSpec spec = addressed(wanted, found); // what a mould's kernel was told is ours, and has no address
        try {
            take(GuestPlan.rest(spec, found, trust, groundwork.laid(), kernel -> lease(kernel, spec, deadline), relay));
        } catch (IOException e) {
            lease.ifPresent(DhcpClient::close);
            throw e;
        }
        isUp = true;
        boolean scripts = !spec.furnishing().scripts().isEmpty();
        return new GuestSurroundings(
                trust.variables(), scripts ? Optional.of(GuestScripts.DIRECTORY) : Optional.empty());
    }

    /** Where something is mounted already: what has been brought up can be once more. A root of its own is a new one. */
    private Set<String> mounted(GuestSpec wanted) throws IOException {
        return wanted.root() instanceof GuestSpec.Root.Initramfs
                ? Set.copyOf(GuestShutdown.mountPoints(guest))
                : Set.of();
    }

    /** With what its kernel's command line says, if that is who is asked. */
    private GuestSpec addressed(GuestSpec spec, GuestDisks.Found found) throws IOException {
        if (!(spec.addressing() instanceof GuestAddressing.CommandLine)) {
            return spec;
        }
        AtomicReference<GuestSpec> known = new AtomicReference<>(spec);
        take(List.of(new GuestStep.Talk("command line", true, _ -> {
            try {
                GuestAddressing.parse(found.commandLine()).ifPresent(fixed -> known.set(spec.with(fixed)));
            } catch (IllegalArgumentException e) {
                throw new IOException(e.getMessage(), e);
            }
        })));
        return known.get();
    }

    private void lease(Kernel kernel, GuestSpec spec, long deadline) throws IOException {
        lease = Optional.of(DhcpClient.acquire(
                kernel,
                spec.hostname(),
                found -> kernel.run(GuestReturn.unsealed(spec.isSealed() && isUp, GuestPlan.names(spec.with(found)))),
                deadline));
    }

    /** Who keeps the guest's address; the caller's. */
    public Optional<DhcpClient> lease() {
        return lease;
    }

    /**
     * Takes steps.
     *
     * @throws IOException of the required step that failed, which it names
     */
    public void take(List<GuestStep> steps) throws IOException {
        List<GuestStep.Calls> together = new ArrayList<>();
        for (GuestStep step : steps) {
            if (step instanceof GuestStep.Calls calls && calls.required()) {
                together.add(calls);
            } else {
                makeAll(together);
                together.clear();
                attempt(step);
            }
        }
        makeAll(together);
    }

    /** The steps that follow are taken by another stub of the same guest. */
    void goOn(Stub stub) {
        inside = new Inside(stub);
        guest = stub;
    }

    /** How it went, in the order of the steps. */
    public List<BootStep> steps() {
        return List.copyOf(entries);
    }

    private void attempt(GuestStep step) throws IOException {
        long began = System.nanoTime();
        try {
            switch (step) {
                case GuestStep.Calls calls -> makeAll(List.of(calls));
                case GuestStep.Talk talk -> {
                    announce(step.name());
                    try {
                        talk.conversation().hold(guest);
                    } catch (IOException e) {
                        throw failed(talk, e);
                    }
                    enter(step, began, Optional.empty());
                }
            }
        } catch (IOException e) {
            if (step.required()) {
                throw e;
            }
            enter(step, began, Optional.of(e.getCause().getMessage()));
        }
    }

    private void enter(GuestStep step, long began, Optional<String> warning) {
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        now = now.plus(took);
        entries.add(new BootStep(step.name(), now, took, warning));
    }

    /** One list of all, with the guest's time between them. */
    private void makeAll(List<GuestStep.Calls> steps) throws IOException {
        if (steps.isEmpty()) {
            return;
        }
        OpList.Builder list = OpList.builder();
        List<Arg.Buffer> times = new ArrayList<>();
        List<Integer> ends = new ArrayList<>();
        int size = time(list, times);
        for (GuestStep.Calls step : steps) {
            announce(step.name());
            list.addAll(step.calls().operations());
            size += step.calls().size() + time(list, times);
            ends.add(size);
        }
        Results results;
        try {
            results = inside.run(list.build());
        } catch (SyscallException e) {
            int failed = (int) ends.stream().filter(end -> end <= e.step()).count();
            throw failed(steps.get(failed), e);
        }
        Duration before = MachineOps.duration(results.bytes(times.getFirst()));
        for (int i = 0; i < steps.size(); i++) {
            now = MachineOps.duration(results.bytes(times.get(i + 1)));
            entries.add(new BootStep(steps.get(i).name(), now, now.minus(before), Optional.empty()));
            before = now;
        }
    }

    private static int time(OpList.Builder list, List<Arg.Buffer> times) {
        Arg.Buffer time = MachineOps.timespec();
        times.add(time);
        list.add(MachineOps.uptime(time));
        return 1;
    }

    private static IOException failed(GuestStep step, IOException why) {
        return new IOException("the guest's " + step.name() + ": " + why.getMessage(), why);
    }
}
