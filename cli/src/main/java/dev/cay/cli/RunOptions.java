package dev.cay.cli;

import dev.cay.ExecSpec;
import dev.cay.Limits;
import dev.cay.SandboxSpec;
import java.util.List;

/** The options of {@code cay run}. */
final class RunOptions {
    static final Option ROOTFS = Option.valued(
            "rootfs",
            "host|DIR",
            "What the sandbox sees: the programs of this machine (host, the default) or a directory that holds a root file"
                    + " system. Write dir:PATH for a directory that is called host.");
    static final Option READ_ONLY =
            Option.flag("", "read-only", "Nothing can be changed but /tmp, /dev/shm and /dev/mqueue.");
    static final Option TMPFS_SIZE = Option.valued(
            "tmpfs-size",
            "SIZE",
            "How much can be written; it is held in memory and gone at the end. By default " + SandboxSpec.DEFAULT_TMPFS
                    + ". With --read-only, the size of /tmp.");
    static final Option WRITABLE = Option.valued(
            "writable",
            "DIR",
            "Keep what is changed in this directory, and begin with what is in it. Made if missing.");

    static final Option MEMORY =
            Option.valued("memory", "SIZE", "Memory, files in memory included. When it is used up, all is killed.");
    static final Option CPUS = Option.valued("cpus", "N", "Processors, such as 0.5 or 2.");
    static final Option CPU_WEIGHT =
            Option.valued("cpu-weight", "N", "The share of busy processors, 1 to 10000; everybody else has 100.");
    static final Option PIDS =
            Option.valued("pids", "N", "Processes and threads. By default " + Limits.DEFAULT_PIDS + ".");
    static final Option IO = Option.valued(
            "io",
            "LIMIT,...",
            "Throughput of each block device, per second: read=SIZE, write=SIZE, reads=N, writes=N, joined by commas.");
    static final Option ULIMIT = Option.valued(
            "ulimit",
            "NAME=N",
            "A limit of each single process: address-space, core, cpu-seconds, data, file-size, locked-memory, open-files"
                    + " or stack. May be repeated.");
    static final Option TIMEOUT =
            Option.valued("timeout", "DURATION", "End the command with SIGTERM if it runs longer than that.");
    static final Option GRACE = Option.valued(
            "grace",
            "DURATION",
            "How long after SIGTERM it is killed. By default " + Durations.text(ExecSpec.DEFAULT_GRACE) + ".");

    static final Option ENV = Option.valued(
            "e",
            "env",
            "NAME[=VALUE]",
            "Set an environment variable; without a value, take the one it has here, if it has one. May be repeated.");
    static final Option WORKDIR = Option.valued("w", "workdir", "DIR", "Where the command starts. By default /.");
    static final Option USER = Option.valued(
            "u", "user", "USER[:GROUP]", "As whom it runs: names or ids of the sandbox. By default root.");
    static final Option HOSTNAME =
            Option.valued("hostname", "NAME", "The sandbox's host name. By default a name made up for it.");

    static final Option NETWORK = Option.valued(
            "network",
            "none|host",
            "none (the default): loopback alone. host: the network of this machine, unfiltered, with all that listens on it.");
    static final Option SECCOMP = Option.valued(
            "seccomp",
            "default|unconfined|FILE",
            "The system calls it may make: the built-in list, all of them, or a profile in Docker's JSON form.");
    static final Option NO_USERNS = Option.flag(
            "",
            "no-userns",
            "Dangerous: root in the sandbox is root of this machine behind the other walls. Only for code you trust.");

    static final Option OUTPUT_LIMIT = Option.valued(
            "output-limit",
            "SIZE",
            "With --format json: how much of each stream is kept. By default " + ExecSpec.DEFAULT_OUTPUT_LIMIT
                    + ", at most " + ExecSpec.MAXIMUM_OUTPUT_LIMIT + ".");

    private static final String ALWAYS_CONNECTED = "leave it out: standard input is always connected";

    static final OptionSet SET = OptionSet.of(
            List.of(
                    new OptionSet.Group("File system", List.of(ROOTFS, READ_ONLY, TMPFS_SIZE, WRITABLE)),
                    new OptionSet.Group("Limits", List.of(MEMORY, CPUS, CPU_WEIGHT, PIDS, IO, ULIMIT, TIMEOUT, GRACE)),
                    new OptionSet.Group("Command", List.of(ENV, WORKDIR, USER, HOSTNAME)),
                    new OptionSet.Group("Walls", List.of(NETWORK, SECCOMP, NO_USERNS)),
                    new OptionSet.Group("Output", List.of(Format.OPTION, OUTPUT_LIMIT))),
            List.of(
                    new OptionSet.Foreign("--rm", "leave it out: nothing of a sandbox is ever kept"),
                    new OptionSet.Foreign("-i", ALWAYS_CONNECTED),
                    new OptionSet.Foreign("--interactive", ALWAYS_CONNECTED),
                    new OptionSet.Foreign("-t", "leave it out: this version gives no terminal to a command"),
                    new OptionSet.Foreign("--tty", "leave it out: this version gives no terminal to a command"),
                    new OptionSet.Foreign("-m", "write --memory SIZE"),
                    new OptionSet.Foreign("--pids-limit", "write --pids N"),
                    new OptionSet.Foreign("--security-opt", "write --seccomp default|unconfined|FILE")));

    private RunOptions() {}
}
