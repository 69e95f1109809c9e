package dev.cay.engine.container;

import dev.cay.ExecutionUsage;
import dev.cay.Limits;
import dev.cay.SandboxException;
import dev.cay.Usage;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.SyscallException;
import java.util.Optional;

/** What holds the processes of one sandbox together: its limits, its accounting and the death of everything in it. Thread-safe. */
sealed interface Group extends AutoCloseable permits Cgroup, NoCgroup {
    /** From which on executions are numbered whose numbers nobody ever sees; those below are given by whoever keeps records of them. */
    int UNSEEN_NUMBERS = 1 << 30;

    /** Makes the groups of sandboxes. Thread-safe. */
    interface Source extends AutoCloseable {
        /**
         * Makes one, or nothing at all.
         *
         * @param limitedIo whether there will be limits of io
         * @param stubId as whom the first process runs
         */
        Group create(String name, boolean limitedIo, int stubId) throws SyscallException;

        /** One that has been made. */
        Group open(String name, boolean limitedIo, int stubId);

        /** Whether there is one of this name, whoever made it. */
        boolean exists(String name);

        /** Kills whatever still runs in one whose engine is gone, and removes it. */
        void remove(String name) throws java.io.IOException;

        @Override
        void close();
    }

    /**
     * Sets the limits.
     *
     * @throws SandboxException.Unsupported if one of them cannot be had here
     */
    void limit(Limits limits) throws SyscallException;

    /** Whether the kernel knows which processes are in here and in each execution: then they are counted, and die together. */
    boolean tracks();

    /** Whether the limit of processes holds for the sandbox as a whole. */
    boolean limitsProcesses();

    /** The way in for the first process. */
    Cgroup.Entrance enter() throws SyscallException;

    /** The first process has come in. */
    void born(Child first);

    /** A number for an execution of which nobody keeps a record. */
    int nextExecution();

    /** The way in for an execution of which nobody keeps a record; to be given back by {@link #release}. */
    Cgroup.Entrance enterNext() throws SyscallException;

    /** The same as {@link #leave}, some time. */
    void release(String group);

    /** The way in for an execution that has a number. A group that is left of an earlier one is used again. */
    Cgroup.Entrance enterExecution(int number) throws SyscallException;

    /** The name of the group of an execution. */
    String group(int number);

    /** A process that has come into the group of an execution. */
    void joined(String group, Child process);

    /** What an execution's process tree is killed with, for somebody who may not open it himself. */
    Optional<Fd> openKill(String group) throws SyscallException;

    /** Kills everything in the sandbox. */
    void kill();

    /**
     * Halts all executions, or lets them go on; and returns when they stand still.
     *
     * @throws SandboxException.Unsupported if the kernel does not know what belongs to them
     */
    void freeze(boolean frozen);

    /** Kills all executions, as far as the kernel knows them. */
    void killExecutions();

    /** Lets go of the groups of a sandbox that goes on. */
    void letGo();

    /** Kills an execution, with its descendants if the kernel knows them. */
    void kill(String group);

    /** Removes an execution's group, unless descendants still live in it: they, and it, go with the sandbox. */
    void leave(String group);

    /** Whether the kernel kills all of the sandbox when it kills one of its processes for want of memory. */
    boolean diesAsAWhole();

    /** Watches the memory limit. */
    OomWatch watchMemory(Kernel kernel) throws SyscallException;

    /** How often the kernel has killed somebody here for want of memory; 0 if the sandbox has been removed meanwhile. */
    long oomKills();

    /** What an execution has used; empty if nobody keeps an account of it, or it has been forgotten. */
    Optional<ExecutionUsage> usage(String group);

    /** @throws SandboxException.Unsupported if nobody keeps accounts here */
    Usage usage();

    /** Removes it. Everything in it must have been killed and reaped. */
    @Override
    void close();
}
