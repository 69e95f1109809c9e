package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Has the file systems on a guest's disks stand still, so that what is on the disks is whole: what was written is there, and whoever
 * writes waits. They are reached by mounts that hang nowhere, of devices that commands do not see.
 */
final class GuestFreezer {
    private static final List<Errno> NOT_THIS_TYPE = List.of(Errno.EINVAL, Errno.EUCLEAN, Errno.EBUSY, Errno.ENODEV);

    private GuestFreezer() {}

    /**
     * Halts all, or none. What stands still already does so on.
     *
     * @return the serials of the disks; none if the guest writes to memory alone
     */
    static List<String> freeze(Kernel guest) throws IOException {
        guest.run(OpList.of(MachineOps.sync()));
        try {
            return onAll(guest, file -> FileOps.freeze(file).tolerating(Errno.EBUSY));
        } catch (IOException | RuntimeException e) {
            try {
                thaw(guest);
            } catch (IOException also) {
                e.addSuppressed(also);
            }
            throw e;
        }
    }

    /** Lets all go on. What does so already is no error. */
    static List<String> thaw(Kernel guest) throws IOException {
        return onAll(guest, file -> FileOps.thaw(file).tolerating(Errno.EINVAL));
    }

    private interface Order {
        Op on(Arg directory);
    }

    private static List<String> onAll(Kernel guest, Order order) throws IOException {
        GuestDisks disks = new GuestDisks();
        disks.look(guest);
        GuestDisks.Found found = disks.found();
        List<String> done = new ArrayList<>();
        Op context = Mount.fsopen("devtmpfs");
        Op mount = Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NOEXEC);
        OpList open = OpList.of(context, Mount.create(context), mount, FileOps.close(context));
        try (Fd devices = guest.run(open).fd(mount)) {
            for (Map.Entry<String, String> disk : new TreeMap<>(found.devices()).entrySet()) {
                if (isWritable(guest, disk.getValue())) {
                    onDisk(guest, devices, disk.getValue(), found.types(), order);
                    done.add(disk.getKey());
                }
            }
        }
        return done;
    }

    private static boolean isWritable(Kernel guest, String device) throws SyscallException {
        Arg.Buffer answer = new Arg.Buffer(Long.BYTES);
        Op open = FileOps.open("/sys/block/" + device + "/ro", FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(open), answer);
        Results results = guest.run(OpList.of(open, read, FileOps.close(open)));
        String text = new String(results.bytes(answer), 0, (int) results.value(read), StandardCharsets.US_ASCII);
        return text.strip().equals("0");
    }

    /** Which type it has is found out by trying: one that is mounted as another one is busy. */
    private static void onDisk(Kernel guest, Fd devices, String device, List<String> types, Order order)
            throws IOException {
        Optional<SyscallException> last = Optional.empty();
        for (String type : types) {
            Op context = Mount.fsopen(type);
            Op source = Mount.set(context, "source", device);
            Op mount = Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC);
            Op directory = FileOps.openAt(Arg.of(mount), ".", FileOps.O_RDONLY | FileOps.O_DIRECTORY, 0);
            OpList mounting = OpList.of(
                    FileOps.fchdir(Arg.of(devices), "devices"),
                    context,
                    source,
                    Mount.create(context),
                    mount,
                    FileOps.close(context),
                    directory,
                    FileOps.close(mount));
            try (Fd file = guest.run(mounting).fd(directory)) {
                guest.run(OpList.of(order.on(Arg.of(file))));
                return;
            } catch (SyscallException e) {
                if (NOT_THIS_TYPE.stream().noneMatch(e::is)) {
                    throw e;
                }
                last = Optional.of(e);
            }
        }
        throw new IOException("the file system of the disk " + device + " cannot be reached", last.orElse(null));
    }
}
