package dev.cay.engine.container;

import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.util.OptionalLong;

/** The limits of one sandbox as what is written into the files of its control groups. */
final class CgroupLimits {
    /** What the kernel measures cpu quotas over; its own default. */
    private static final long PERIOD_MICROSECONDS = 100_000;

    private final CgroupParent parent;
    private final String name;
    private final OpList.Builder list = OpList.builder();

    private CgroupLimits(CgroupParent parent, String name) {
        this.parent = parent;
        this.name = name;
    }

    /** @throws dev.cay.SandboxException.Unsupported if one of them cannot be had here */
    static OpList list(CgroupParent parent, String name, Limits limits) throws SyscallException {
        CgroupLimits writes = new CgroupLimits(parent, name);
        writes.limit(limits);
        return writes.list.build();
    }

    private void limit(Limits limits) throws SyscallException {
        NoCgroup.require(limits, parent.hierarchies().missing());
        if (!parent.hierarchies().missing().contains(Controller.PIDS)) {
            write(Controller.PIDS, "pids.max", Integer.toString(limits.pids()));
        }
        limits.memory().ifPresent(memory -> limitMemory(Long.toString(memory.bytes())));
        if (limits.cpus().isPresent()) {
            String quota = Long.toString(Math.round(limits.cpus().getAsDouble() * PERIOD_MICROSECONDS));
            if (parent.isLegacy(Controller.CPU)) {
                write(Controller.CPU, "cpu.cfs_period_us", Long.toString(PERIOD_MICROSECONDS));
                write(Controller.CPU, "cpu.cfs_quota_us", quota);
            } else {
                write(Controller.CPU, "cpu.max", quota + " " + PERIOD_MICROSECONDS);
            }
        }
        limits.cpuWeight().ifPresent(this::limitCpuWeight);
        if (!limits.io().isNone()) {
            limitIo(limits.io());
        }
    }

    private void limitMemory(String bytes) {
        if (parent.isLegacy(Controller.MEMORY)) {
            write(Controller.MEMORY, "memory.limit_in_bytes", bytes);
            // Memory and swap together: no more than memory alone. Absent where the kernel does not account for swap.
            write(Controller.MEMORY, "memory.memsw.limit_in_bytes", bytes, Errno.ENOENT);
        } else {
            // Who is killed here takes along all of the group, and whoever shares his memory: nobody outside of it,
            // since the
            // first process has its own by now, and all others are its children.
            write(Controller.MEMORY, "memory.oom.group", "1");
            write(Controller.MEMORY, "memory.max", bytes);
            write(Controller.MEMORY, "memory.swap.max", "0", Errno.ENOENT);
        }
    }

    private void limitCpuWeight(int weight) {
        if (parent.isLegacy(Controller.CPU)) {
            // 100 of 1 to 10000 is what 1024 of 2 to 262144 is.
            write(Controller.CPU, "cpu.shares", Long.toString(Math.max(2, Math.round(weight * 10.24))));
        } else {
            write(Controller.CPU, "cpu.weight", Integer.toString(weight));
        }
    }

    private void limitIo(IoLimits limits) throws SyscallException {
        for (String device : BlockDevices.numbers()) {
            if (parent.isLegacy(Controller.IO)) {
                throttle("blkio.throttle.read_bps_device", device, limits.readBytes());
                throttle("blkio.throttle.write_bps_device", device, limits.writeBytes());
                throttle("blkio.throttle.read_iops_device", device, limits.readOperations());
                throttle("blkio.throttle.write_iops_device", device, limits.writeOperations());
            } else {
                write(
                        Controller.IO,
                        "io.max",
                        device
                                + limit(" rbps=", limits.readBytes())
                                + limit(" wbps=", limits.writeBytes())
                                + limit(" riops=", limits.readOperations())
                                + limit(" wiops=", limits.writeOperations()));
            }
        }
    }

    private void throttle(String file, String device, OptionalLong limit) {
        limit.ifPresent(value -> write(Controller.IO, file, device + " " + value));
    }

    private static String limit(String key, OptionalLong value) {
        return value.isPresent() ? key + value.getAsLong() : "";
    }

    private void write(Controller controller, String file, String text) {
        Op open =
                list.add(FileOps.openAt(Arg.of(parent.directory(controller)), name + "/" + file, FileOps.O_WRONLY, 0));
        list.add(FileOps.write(Arg.of(open), file + " = " + text, text));
        list.add(FileOps.close(open));
    }

    /** The same for a file that may be missing: then nothing is written. */
    private void write(Controller controller, String file, String text, Errno missing) {
        Op open = list.add(FileOps.openAt(Arg.of(parent.directory(controller)), name + "/" + file, FileOps.O_WRONLY, 0)
                .tolerating(missing));
        list.add(FileOps.write(Arg.of(open), file + " = " + text, text).tolerating(Errno.EBADF));
        list.add(FileOps.close(open).tolerating(Errno.EBADF));
    }
}
