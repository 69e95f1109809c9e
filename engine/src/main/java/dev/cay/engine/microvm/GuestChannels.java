package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * The ports of a guest by which more processes than one reach its first process. It serves them from then on, and nobody else can open
 * them: a port can be open once only.
 */
final class GuestChannels {
    private static final String PORTS = "/sys/class/virtio-ports";
    /** What QEMU complains of when the host's end of a channel has a guest's end already. */
    private static final String PLUGGED = "virtserialport.chardev";

    /** What a port is called for the moment in which it is opened. */
    private static final String NODE = ".port";

    private static final int LIST_SIZE = 4096;
    private static final int NAME_SIZE = 64;
    private static final int CHARACTER_DEVICE = 0020000 | 0600;
    private static final long LOOK_AGAIN_NANOSECONDS = 5_000_000;

    private GuestChannels() {}

    /**
     * Has a guest serve one channel more, in whose machine there is none yet.
     *
     * @param wanted asked when nobody else does the same any more
     * @param deadline a value of {@link System#nanoTime}
     */
    static void add(Kernel host, MachineDoors doors, Stub stub, Wanted wanted, long deadline) throws IOException {
        doors.changing(() -> {
            int next = doors.served();
            if (next < MachineDoors.CHANNELS && wanted.with(next)) {
                try (Monitor monitor = Monitor.take(host, doors)) {
                    QemuWires.plug(monitor, next);
                } catch (IOException e) {
                    if (!String.valueOf(e.getMessage())
                            .contains(PLUGGED)) { // by somebody who was killed before he was done
                        throw e;
                    }
                }
                open(stub, next, next + 1, deadline);
                doors.setServed(next + 1);
            }
        });
    }

    /** Whether one more is wanted where there are so many. */
    interface Wanted {
        boolean with(int served);
    }

    /**
     * Hands some of them to the guest's first process.
     *
     * @param from the first of them
     * @param to that behind the last
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if one of them is not there in time
     */
    static void open(Stub stub, int from, int to, long deadline) throws IOException {
        List<String> ports = new ArrayList<>();
        for (int i = from; i < to; i++) {
            ports.add(MachineDoors.port(i));
        }
        Map<String, String> numbers = find(stub, ports, deadline);
        for (String port : ports) {
            // The kernel's own /dev is not in the guest. What is made here for it is seen by nobody, and gone at once.
            Op make = make(GuestRecords.DIRECTORY, numbers.get(port));
            Op open = open(GuestRecords.DIRECTORY);
            Op remove = FileOps.unlink(GuestRecords.DIRECTORY, NODE, 0);
            try (Fd opened = stub.run(OpList.of(make, open, remove)).fd(open)) {
                stub.serve(opened);
            } catch (SyscallException e) {
                if (!e.is(Errno.EBUSY)) { // it serves that already
                    throw e;
                }
                stub.run(OpList.of(remove));
            }
        }
    }

    /**
     * Hands that by which files are relayed to the guest's first process, which has a root already, and no commands yet.
     *
     * @param deadline a value of {@link System#nanoTime}
     */
    static void openRelay(Stub stub, long deadline) throws IOException {
        String number = find(stub, List.of(MachineDoors.RELAY_PORT), deadline).get(MachineDoors.RELAY_PORT);
        GuestFiles files = new GuestFiles();
        Op devices = files.directory("/dev", 0755);
        files.add(make(Arg.of(devices), number));
        Op open = files.add(open(Arg.of(devices)));
        files.add(FileOps.unlink(Arg.of(devices), NODE, 0));
        files.add(FileOps.close(devices));
        try (Fd opened = stub.run(files.build()).fd(open)) {
            stub.serve(opened);
        }
    }

    /** @param number of the port, as {@code /sys} has it */
    private static Op make(Arg directory, String number) {
        String[] parts = number.split(":");
        return FileOps.mknod(directory, NODE, CHARACTER_DEVICE, Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
    }

    private static Op open(Arg directory) {
        return FileOps.openAt(directory, NODE, FileOps.O_RDWR | FileOps.O_NONBLOCK, 0);
    }

    /** The device number of each port, by its name. */
    private static Map<String, String> find(Stub stub, List<String> ports, long deadline) throws IOException {
        while (true) {
            Map<String, String> found = look(stub);
            int missing = 0;
            for (String port : ports) {
                missing += found.getOrDefault(port, "").matches("[0-9]{1,6}:[0-9]{1,6}") ? 0 : 1;
            }
            if (missing == 0) {
                return found;
            }
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException(missing + " of its ports do not appear");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    private static Map<String, String> look(Stub stub) throws SyscallException {
        Op open = FileOps.open(PORTS, FileOps.O_RDONLY | FileOps.O_DIRECTORY);
        Arg.Buffer buffer = new Arg.Buffer(LIST_SIZE);
        Op entries = DirectoryOps.entries(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, entries, FileOps.close(open)));
        List<String> ports = new ArrayList<>();
        for (DirectoryOps.Entry entry : DirectoryOps.entries(results.bytes(buffer), (int) results.value(entries))) {
            ports.add(PORTS + "/" + new String(entry.name(), StandardCharsets.US_ASCII));
        }
        Map<String, String> found = new HashMap<>();
        for (String port : ports) {
            found.put(text(stub, port + "/name"), text(stub, port + "/dev"));
        }
        return found;
    }

    private static String text(Stub stub, String path) throws SyscallException {
        Op file = FileOps.open(path, FileOps.O_RDONLY);
        Arg.Buffer buffer = new Arg.Buffer(NAME_SIZE);
        Op read = FileOps.read(Arg.of(file), buffer);
        try {
            Results results = stub.run(OpList.of(file, read, FileOps.close(file)));
            return new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.US_ASCII).strip();
        } catch (SyscallException e) {
            if (e.is(Errno.ENOENT)) { // one that has just been plugged in has no name yet
                return "";
            }
            throw e;
        }
    }
}
