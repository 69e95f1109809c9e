package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The end of a guest that loses nothing: whoever runs is asked, then killed, what was written goes to the disks, and no file system
 * is in use any more when the machine is switched off.
 */
public final class GuestShutdown {
    /** Larger than the kernel's table of a guest with a hundred mounts. */
    private static final int TABLE_SIZE = 64 * 1024;

    private static final int READ_SIZE = 4096;
    private static final int FIELD_MOUNT_POINT = 4;

    private static final int FIRST = 1;

    /** SIGRTMIN+4, see systemd(1): its order to switch the machine off. */
    private static final int POWER_OFF = 38;

    private GuestShutdown() {}

    /**
     * Asks the image's init, if that is the first process, to switch the machine off. Others than systemd may know how or not.
     *
     * @return whether it has been asked
     */
    static boolean askInit(Stub stub) throws SyscallException {
        if (stub.pid() == FIRST) {
            return false;
        }
        stub.run(OpList.of(MachineOps.signalFirst(POWER_OFF)));
        return true;
    }

    /**
     * What the stub does by itself when no host is heard any more. Nobody waits then, so nobody is asked.
     *
     * @param acpi whether the guest's kernel knows ACPI
     */
    public static OpList alone(boolean acpi) {
        return alone(acpi, Optional.empty());
    }

    /** @param relayed where files are mounted that the host relays: nobody is to wait for them */
    static OpList alone(boolean acpi, Optional<String> relayed) {
        OpList.Builder list = OpList.builder();
        if (relayed.isPresent()) {
            list.add(Mount.abandon(relayed.get()).tolerating(Errno.EINVAL, Errno.ENOENT, Errno.ENOTDIR));
        }
        list.add(MachineOps.signalAll(Processes.SIGKILL));
        list.add(MachineOps.sync());
        list.add(readOnly("/"));
        list.add(MachineOps.sync());
        list.add(off(acpi));
        return list.build();
    }

    /** Ends a machine whose kernel can switch it off, or can but restart it, which ends it too. */
    static Op off(boolean acpi) {
        return acpi ? MachineOps.powerOff() : MachineOps.restart();
    }

    /** Asks all processes to end. */
    public static OpList ask() {
        return OpList.of(MachineOps.signalAll(Processes.SIGTERM));
    }

    /**
     * Kills what is left, and takes all file systems out of use.
     *
     * @return the mounts that could not be taken down, and are read-only now
     */
    public static List<String> release(Kernel guest) throws SyscallException {
        guest.run(OpList.of(MachineOps.signalAll(Processes.SIGKILL), MachineOps.sync()));
        List<String> mounts = mountPoints(guest);
        OpList.Builder list = OpList.builder();
        List<Op> unmounts = new ArrayList<>();
        for (String path : mounts.reversed()) {
            unmounts.add(
                    list.add(Mount.unmount(path).tolerating(Errno.EBUSY, Errno.EINVAL, Errno.ENOENT, Errno.EPERM)));
            list.add(readOnly(path));
        }
        list.add(MachineOps.sync());
        Results results = guest.run(list.build());
        List<String> busy = new ArrayList<>();
        for (int i = 0; i < unmounts.size(); i++) {
            if (results.failed(unmounts.get(i))) {
                busy.add(mounts.reversed().get(i));
            }
        }
        return busy;
    }

    /** Where nothing is mounted any more it does nothing; what was mounted below there becomes read-only. */
    private static Op readOnly(String path) {
        return Mount.mount("", path, Mount.MS_REMOUNT | Mount.MS_RDONLY)
                .tolerating(Errno.EINVAL, Errno.EBUSY, Errno.ENOENT, Errno.EPERM);
    }

    /** Where something is mounted, in the order in which that was done; nothing where there is no {@code /proc}. */
    static List<String> mountPoints(Kernel guest) throws SyscallException {
        return mountPoints(table(guest));
    }

    /** What the kernel has in {@code /proc/self/mountinfo}; it gives a page at a time. */
    private static String table(Kernel guest) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op open =
                list.add(FileOps.open("/proc/self/mountinfo", FileOps.O_RDONLY).tolerating(Errno.ENOENT));
        List<Arg.Buffer> pages = new ArrayList<>();
        List<Op> reads = new ArrayList<>();
        for (int i = 0; i < TABLE_SIZE / READ_SIZE; i++) {
            Arg.Buffer page = new Arg.Buffer(READ_SIZE);
            pages.add(page);
            reads.add(list.add(FileOps.read(Arg.of(open), page).tolerating(Errno.EBADF)));
        }
        list.add(FileOps.close(open).tolerating(Errno.EBADF));
        Results results = guest.run(list.build());
        StringBuilder table = new StringBuilder();
        for (int i = 0; i < reads.size(); i++) {
            int length = results.failed(reads.get(i)) ? 0 : (int) results.value(reads.get(i));
            table.append(new String(results.bytes(pages.get(i)), 0, length, StandardCharsets.ISO_8859_1));
        }
        return table.toString();
    }

    /** Where something is mounted, in the order in which that was done; see proc_pid_mountinfo(5). */
    static List<String> mountPoints(String table) {
        List<String> points = new ArrayList<>();
        for (String line : table.split("\n")) {
            String[] fields = line.split(" ");
            if (fields.length > FIELD_MOUNT_POINT && fields[FIELD_MOUNT_POINT].startsWith("/")) {
                points.add(unescape(fields[FIELD_MOUNT_POINT]));
            }
        }
        return points;
    }

    /** Bytes that would be misread stand there as a backslash and three octal digits. */
    private static String unescape(String text) {
        byte[] bytes = new byte[text.length()];
        int length = 0;
        for (int i = 0; i < text.length(); i++) {
            int value = text.charAt(i);
            if (value == '\\' && isOctal(text, i + 1)) {
                value = Integer.parseInt(text.substring(i + 1, i + 4), 8);
                i += 3;
            }
            bytes[length++] = (byte) value;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    private static boolean isOctal(String text, int from) {
        for (int i = from; i < from + 3; i++) {
            if (i >= text.length() || text.charAt(i) < '0' || text.charAt(i) > '7') {
                return false;
            }
        }
        return true;
    }
}
