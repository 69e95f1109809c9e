package dev.cay.bench;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.OpList;
import dev.cay.linux.Pipe;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What is to be known about the machine. */
final class Machine {
    private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

    private Machine() {}

    static int cores() {
        return Runtime.getRuntime().availableProcessors();
    }

    /** The average over the last minute. */
    static double load() throws IOException {
        return Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
    }

    /** Where version 2 of the control groups is mounted beside version 1, if it is. */
    static Optional<Path> hybridCgroups() {
        Path unified = CGROUPS.resolve("unified");
        return Files.exists(CGROUPS.resolve("cgroup.controllers")) || !Files.exists(unified.resolve("cgroup.procs"))
                ? Optional.empty()
                : Optional.of(unified);
    }

    /**
     * Keeps a mount namespace alive in which {@code /sys/fs/cgroup} is version 2 alone, for programs that do not run where
     * both are. Its process ends with this one, which alone holds the other end of what it reads; not by a Ctrl-C that is
     * meant for this one, which still needs it to clean up.
     */
    static Child withCgroup2Only(HostKernel kernel, Path unified, Path busybox) throws SyscallException {
        Pipe lifeline = Pipe.writing();
        OpList list = OpList.of(
                Mount.mount("", "/", Mount.MS_REC | Mount.MS_PRIVATE),
                Mount.mount(unified.toString(), CGROUPS.toString(), Mount.MS_BIND),
                FileOps.duplicate(Arg.of(lifeline.theirs()), 0),
                Processes.setsid(),
                Processes.unblockSignals(),
                Processes.execve(busybox.toString(), List.of("busybox", "cat"), List.of()));
        try (Fd _ = lifeline.theirs()) {
            return kernel.spawn(list, new Birth(Namespaces.MOUNT, Optional.empty()));
        }
    }
}
