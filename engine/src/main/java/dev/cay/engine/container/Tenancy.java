package dev.cay.engine.container;

import dev.cay.linux.Fd;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * To whom a container belongs, and so what ends it.
 *
 * @param id the name of its control group, unique on this machine
 * @param groups where its control group comes from
 * @param ids where its user ids come from
 * @param detachment if it outlives this engine
 * @param ledger gets to know what is taken of this machine
 * @param devices what else of this machine its commands may use
 */
record Tenancy(
        String id,
        Group.Source groups,
        IdSource ids,
        Optional<Detachment> detachment,
        Ledger ledger,
        Set<HostDevice> devices) {
    /**
     * What the first process needs of a container that nobody attends to.
     *
     * @param listener where it accepts connections
     * @param messages where it says why it ends
     * @param tie with what it ends; empty if it goes on alone
     */
    record Detachment(Fd listener, Fd messages, Optional<Tie> tie) {}

    /**
     * What a first process ends with that takes its connections elsewhere.
     *
     * @param line its first connection, until nobody has the other end any more; whose it was closes it
     * @param socket where it listens
     */
    record Tie(Fd line, Path socket) {}

    /** For a container of this engine: what it takes is found by the engine's name. */
    static final Ledger UNWRITTEN = new Ledger() {
        @Override
        public void group(String name) {
            // it is in the group of the engine
        }

        @Override
        public void ids() {
            // the engine has claimed them
        }

        @Override
        public void range(long firstId) {
            // it is one of the engine's
        }

        @Override
        public void firstProcess(long pid) {
            // it ends with this process
        }

        @Override
        public void volume(String name) {
            // a user that is no sandbox counts for nothing
        }

        @Override
        public void network(String name) {
            // the lease names the engine
        }

        @Override
        public void image() {
            // the same
        }

        @Override
        public Ledger part() {
            return this;
        }
    };
}
