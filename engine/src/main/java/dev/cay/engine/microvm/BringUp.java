package dev.cay.engine.microvm;

import dev.cay.BootStep;
import dev.cay.Furnishing;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/**
 * Brings a guest up whose machine has been started: from its first process's first answer to its walls.
 *
 * @param channel to its first process
 * @param wanted what it is to be
 * @param init the image's, if it is to be the first process
 * @param deadline a value of {@link System#nanoTime}
 */
record BringUp(
        HostKernel host,
        Fd channel,
        GuestSpec wanted,
        Optional<Furnishing.Init> init,
        Optional<GuestNetwork> network,
        long deadline) {
    /**
     * What has been begun.
     *
     * @param when a value of {@link System#nanoTime}
     * @param serials what the guest sees as those of its disks
     * @param powersOff whether it switches its machine off; else it restarts that
     * @param groundwork what its guest has already
     * @param first what its guest has to be told before anything else
     * @param kept what its commands find in it, if it is one that goes on
     */
    record Begun(
            long when,
            Map<String, String> serials,
            boolean powersOff,
            MachineKind kind,
            Groundwork groundwork,
            List<GuestStep> first,
            Optional<GuestSurroundings> kept) {}

    /**
     * A guest that is up.
     *
     * @param answered how long after the beginning its first process answered
     */
    record Up(Stub stub, GuestSurroundings surroundings, Duration answered, List<BootStep> steps) {}

    /** @param last what comes when its root is there */
    Up run(Begun begun, Function<Stub, List<GuestStep>> last) throws IOException {
        return run(begun, Optional.empty(), last);
    }

    /** Serves a guest what it shares with this machine, where that is relayed. */
    @FunctionalInterface
    interface Relay {
        /** Has it mount that; returns when what it asks is answered. */
        void mount(Stub first) throws IOException;
    }

    /** @param relay if there is one */
    Up run(Begun begun, Optional<Relay> relay, Function<Stub, List<GuestStep>> last) throws IOException {
        Stub stub = Stub.ofMachine(channel, deadline);
        // The session that follows when the image's init takes over has the same channel, which ends with the first
        // one.
        try (SessionLimit limit = new SessionLimit(stub, deadline)) {
            try {
                return run(stub, begun, relay, last);
            } catch (IOException e) {
                throw limit.explained(e);
            }
        }
    }

    private Up run(Stub begins, Begun begun, Optional<Relay> relay, Function<Stub, List<GuestStep>> last)
            throws IOException {
        Stub stub = begins;
        try {
            GuestBoot boot = new GuestBoot(stub, begun.serials(), begun.groundwork());
            Duration answered = Duration.ofNanos(System.nanoTime() - begun.when());
            boot.take(begun.first());
            GuestSurroundings surroundings;
            if (begun.kept().isPresent()) {
                surroundings = begun.kept().get();
            } else {
                Stub first = stub;
                surroundings = boot.bringUp(
                        wanted, deadline, relay.map(files -> (GuestStep.Conversation) _ -> files.mount(first)));
                boot.take(network.map(GuestNetwork::step).stream().toList());
                stub = handOver(boot, stub);
            }
            if (!begun.groundwork().laid() || init.isPresent()) { // a child of the first process does not have it
                // Else it waits for its turn behind all commands, and so does whoever asks it something.
                boot.take(List.of(new GuestStep.Calls("priority", false, OpList.of(MachineOps.beforeOthers()))));
            }
            boot.take(last.apply(stub));
            GuestCommands.wall(stub);
            return new Up(stub, surroundings, answered, boot.steps());
        } catch (IOException | RuntimeException e) {
            stub.close();
            throw e;
        }
    }

    /** The stub that is there when the image's init, if it is wanted, is the first process. */
    private Stub handOver(GuestBoot boot, Stub stub) throws IOException {
        if (init.isEmpty()) {
            return stub;
        }
        AtomicReference<Stub> next = new AtomicReference<>(stub);
        boot.take(List.of(new GuestStep.Talk(
                "init", true, _ -> next.set(GuestInit.start(host, channel, stub, init.get(), deadline)))));
        boot.goOn(next.get());
        return next.get();
    }
}
