package dev.cay.cli;

import dev.cay.Limits;
import dev.cay.Mount;
import dev.cay.SandboxSpec;
import java.util.List;

/** What can be said about a sandbox that is to be made. */
final class RunOptions {
    static final Option ROOTFS = Option.valued(
            "rootfs",
            "host|DIR",
            "What the sandbox sees if it is no image: the programs of this machine (host, the default) or a directory"
                    + " that holds a root file system. Write dir:PATH for a directory that is called host.");
    static final Option PULL = Option.valued(
            "pull",
            "missing|always|never",
            "When the image is brought here: if it is missing (the default), always, so that it is the newest of its"
                    + " name, or never.");
    static final Option ENTRYPOINT = Option.valued(
            "entrypoint",
            "PROGRAM",
            "What is run instead of the image's own entry point and command; with --entrypoint=, what stands behind the"
                    + " image's name.");
    static final Option STOP_SIGNAL = Option.valued(
            "stop-signal",
            "SIGNAL",
            "What 'cay stop' sends to its own command. By default what its image says, or TERM.");
    static final Option READ_ONLY = Option.flag(
            "",
            "read-only",
            "Nothing can be changed but /tmp, /dev/shm and /dev/mqueue; in a microVM /run and /var too, in memory.");
    static final Option TMPFS_SIZE = Option.valued(
            "tmpfs-size",
            "SIZE",
            "How much can be written; it is held in memory and gone at the end. By default " + SandboxSpec.DEFAULT_TMPFS
                    + ". With --read-only, the size of /tmp.");
    static final Option WRITABLE = Option.valued(
            "writable",
            "DIR",
            "Keep what is changed in this directory, and begin with what is in it. Made if missing.");

    static final Option DISK = Option.valued(
            "disk",
            "SIZE",
            "What is changed goes onto a disk of this size instead of into memory, and is gone at the end. MicroVMs only.");

    static final Option MEMORY =
            Option.valued("memory", "SIZE", "Memory, files in memory included. When it is used up, all is killed.");
    static final Option CPUS = Option.valued(
            "cpus", "N", "Processors, such as 0.5 or 2. A microVM sees as many, rounded up; at least 0.1.");
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
            "A limit of each single process: address-space, core, cpu-seconds, data, file-locks, file-size,"
                    + " locked-memory, message-queues, nice, open-files, pending-signals, processes, real-time,"
                    + " real-time-priority, resident-memory or stack. May be repeated.");
    static final Option HOSTNAME =
            Option.valued("hostname", "NAME", "The sandbox's host name. By default a name made up for it.");

    static final Option ISOLATION = Option.valued(
            "isolation",
            "container|microvm",
            "What stands between it and this machine: the walls of a container (the default), or a virtual machine with"
                    + " a kernel of its own (see 'cay help kernel'). That one needs root and an image, and refuses what it has not.");
    static final Option VMM = Option.valued(
            "vmm",
            "qemu|qemu-q35|firecracker|cloud-hypervisor",
            "What runs the machine of a microVM: QEMU (the default), QEMU's PC with PCI, or one that needs KVM and does less;"
                    + " 'cay doctor' says which are here, and what they lack.");
    static final Option SECCOMP = Option.valued(
            "seccomp",
            "default|unconfined|FILE",
            "The system calls it may make: the built-in list, all of them, or a profile in Docker's JSON form.");
    static final Option NO_USERNS = Option.flag(
            "",
            "no-userns",
            "Dangerous: root in the sandbox is root of this machine behind the other walls. Only for code you trust.");

    static final Option NO_INIT = Option.flag(
            "",
            "no-init",
            "The command is itself the first process (PID 1) and has to reap its orphans. Nothing else can run in the sandbox then,"
                    + " nor can its files be copied; not with --detach or --tty.");

    static final Option ON_HANG = Option.valued(
            "on-hang",
            "report|kill",
            "Of a microVM whose guest has not answered for half a minute: report (it is called hung, and nothing is done) or kill."
                    + " By default report.");

    static final Option NAME = Option.valued("name", "NAME", "What it can be called besides its id.");
    static final Option LABEL =
            Option.valued("l", "label", "NAME=VALUE", "Something to find it by, see 'cay help ps'. May be repeated.");
    static final Option TTL = Option.valued("ttl", "DURATION", "It ends after that in any case.");
    static final Option IDLE =
            Option.valued("idle", "DURATION", "It ends when nothing has run in it and nobody has used it for so long.");
    static final Option RM = Option.flag(
            "",
            "rm",
            "It ends with its command, and is removed then: at once if a cay uses it, else by the next that looks for"
                    + " sandboxes, such as 'cay ps'. Without --detach it is always so.");

    static final Option VOLUME = Option.valued(
            "v",
            "volume",
            "SOURCE:TARGET[:ro|rw|noexec]",
            "Show a file or a directory of this machine in the sandbox, or a named volume (see 'cay help volume'): a"
                    + " source that begins with / or . is a path. May be repeated; join several of ro, rw, noexec by"
                    + " commas.");
    static final Option TMPFS = Option.valued(
            "tmpfs",
            "PATH[:SIZE][:MODE]",
            "Put an empty directory in memory there; by default of " + Mount.DEFAULT_TMPFS
                    + " and mode 1777. May be repeated.");
    static final Option ALLOW_HOST_PATH = Option.flag(
            "",
            "allow-host-path",
            "Dangerous: let --volume show what gives this machine away, such as /, /etc or /proc.");

    static final Option TRUST = Option.valued(
            "trust",
            "FILE",
            "Its programs trust these certificates, a file of PEM: they stand in its trust stores, and in the variables"
                    + " that name one. MicroVMs only. May be repeated.");
    static final Option SCRIPT = Option.valued(
            "script",
            "NAME=FILE",
            "A program of its own, on the PATH of its commands. MicroVMs only. May be repeated.");
    static final Option AGENT = Option.valued(
            "agent",
            "PATH",
            "Serve the sandbox at a unix socket there for as long as the command runs, see 'cay help agent'.");

    static final Option IMAGE_INIT = Option.valued(
            "image-init",
            "auto|PATH",
            "A program of the image becomes the first process: this one, or the first that there is of /sbin/init and"
                    + " systemd. MicroVMs only.");

    private static final List<Option> FILES = List.of(
            ROOTFS,
            PULL,
            READ_ONLY,
            TMPFS_SIZE,
            WRITABLE,
            DISK,
            VOLUME,
            TMPFS,
            ALLOW_HOST_PATH,
            TRUST,
            SCRIPT,
            IMAGE_INIT);
    private static final List<Option> WALLS = List.of(ISOLATION, VMM, SECCOMP, NO_USERNS);
    private static final List<Option> NETWORK = List.of(
            NetworkRequest.NETWORK,
            NetworkRequest.PUBLISH,
            NetworkRequest.PUBLISH_ALL,
            NetworkRequest.EGRESS,
            NetworkRequest.ALLOW,
            NetworkRequest.DENY,
            NetworkRequest.CONNECTIONS,
            NetworkRequest.BANDWIDTH,
            NetworkRequest.IP);
    private static final List<Option> LIMITS =
            List.of(MEMORY, CPUS, CPU_WEIGHT, PIDS, IO, ULIMIT, CommandOptions.TIMEOUT, CommandOptions.GRACE);

    private static final List<OptionSet.Foreign> FOREIGN = List.of(
            new OptionSet.Foreign("-m", "write --memory SIZE"),
            new OptionSet.Foreign("--mount", "write --volume SOURCE:TARGET or --tmpfs PATH"),
            new OptionSet.Foreign("--pids-limit", "write --pids N"),
            new OptionSet.Foreign("--security-opt", "write --seccomp default|unconfined|FILE"));

    /** Those of {@code cay run}. */
    static final OptionSet SET = OptionSet.of(
            List.of(
                    new OptionSet.Group("File system", FILES),
                    new OptionSet.Group("Limits", LIMITS),
                    new OptionSet.Group(
                            "Command",
                            List.of(
                                    CommandOptions.INTERACTIVE,
                                    CommandOptions.TERMINAL,
                                    ENTRYPOINT,
                                    CommandOptions.ENV,
                                    CommandOptions.WORKDIR,
                                    CommandOptions.USER,
                                    STOP_SIGNAL,
                                    NO_INIT,
                                    HOSTNAME)),
                    new OptionSet.Group("Network", NETWORK),
                    new OptionSet.Group("Walls", WALLS),
                    new OptionSet.Group(
                            "Life", List.of(CommandOptions.DETACH, RM, NAME, LABEL, TTL, IDLE, ON_HANG, AGENT)),
                    new OptionSet.Group(
                            "Output", List.of(Format.OPTION, CommandOptions.OUTPUT_LIMIT, CommandOptions.KEPT))),
            FOREIGN);

    /** Those of {@code cay create}. */
    static final OptionSet CREATE = OptionSet.of(
            List.of(
                    new OptionSet.Group("File system", FILES),
                    new OptionSet.Group("Limits", LIMITS),
                    new OptionSet.Group(
                            "Command",
                            List.of(
                                    CommandOptions.INPUT_OF_START,
                                    CommandOptions.TERMINAL,
                                    ENTRYPOINT,
                                    CommandOptions.ENV,
                                    CommandOptions.WORKDIR,
                                    CommandOptions.USER,
                                    STOP_SIGNAL,
                                    HOSTNAME)),
                    new OptionSet.Group("Network", NETWORK),
                    new OptionSet.Group("Walls", WALLS),
                    new OptionSet.Group("Life", List.of(RM, NAME, LABEL, TTL, IDLE)),
                    new OptionSet.Group("Output", List.of(Format.OPTION, CommandOptions.KEPT))),
            FOREIGN);

    private RunOptions() {}
}
