package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;

/** Finds a guest's disks by their serials, whatever order its kernel has found them in. */
final class GuestDisks {
    private static final long LOOK_AGAIN_NANOSECONDS = 5_000_000;
    private static final int SERIAL_SIZE = 32;

    private static final int TYPES_SIZE = 4096;

    /** A kernel's own limit on x86 and ARM. */
    private static final int COMMAND_LINE_SIZE = 4096;

    private final Map<String, String> serials;
    private final Map<String, String> devices = new HashMap<>();
    private List<String> types = List.of();
    private String commandLine = "";

    GuestDisks() {
        this(Map.of(), Map.of());
    }

    /**
     * @param serials what the guest sees, by what they are called here, where that is something else
     * @param known the names of the devices of those that need not be looked for
     */
    GuestDisks(Map<String, String> serials, Map<String, String> known) {
        this.serials = serials;
        devices.putAll(known);
    }

    /**
     * What a guest has of disks.
     *
     * @param devices the name of the device of each serial
     * @param types the file systems that its kernel knows and that are on disks
     * @param commandLine what its kernel was told
     * @param mounted where something is mounted that need not be mounted again
     */
    record Found(Map<String, String> devices, List<String> types, String commandLine, Set<String> mounted) {
        Found {
            mounted = Set.copyOf(mounted);
            devices = Map.copyOf(devices);
            types = List.copyOf(types);
        }

        String name(String serial) {
            return requireNonNull(devices.get(serial), serial);
        }

        /** Those to be tried. */
        List<String> types(Optional<String> type) {
            return type.map(List::of).orElse(types);
        }
    }

    /** Whether any of these has to be looked for. */
    boolean lacks(Set<String> wanted) {
        return !devices.keySet().containsAll(wanted);
    }

    Found found() {
        return found(Set.of());
    }

    /** @param mounted where something is mounted that need not be mounted again */
    Found found(Set<String> mounted) {
        return new Found(devices, types, commandLine, mounted);
    }

    /**
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if one of them is not there in time
     */
    void find(Kernel guest, Set<String> serials, long deadline) throws IOException {
        while (true) {
            look(guest);
            Set<String> missing = new TreeSet<>(serials);
            missing.removeAll(devices.keySet());
            if (missing.isEmpty()) {
                return;
            }
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException("no disk appears that is called " + String.join(", ", missing));
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    /** What is there now. */
    void look(Kernel guest) throws SyscallException {
        OpList.Builder list = OpList.builder();
        Map<String, Op> reads = new HashMap<>();
        Map<String, Arg.Buffer> buffers = new HashMap<>();
        for (char letter = 'a'; letter <= 'z'; letter++) {
            String device = "vd" + letter;
            Op open = list.add(FileOps.open("/sys/block/" + device + "/serial", FileOps.O_RDONLY)
                    .tolerating(Errno.ENOENT));
            Arg.Buffer buffer = new Arg.Buffer(SERIAL_SIZE);
            buffers.put(device, buffer);
            reads.put(device, list.add(FileOps.read(Arg.of(open), buffer).tolerating(Errno.EBADF)));
            list.add(FileOps.close(open).tolerating(Errno.EBADF));
        }
        Arg.Buffer known = new Arg.Buffer(TYPES_SIZE);
        Op file = list.add(FileOps.open("/proc/filesystems", FileOps.O_RDONLY));
        Op read = list.add(FileOps.read(Arg.of(file), known));
        list.add(FileOps.close(file));
        Arg.Buffer told = new Arg.Buffer(COMMAND_LINE_SIZE); // in the same message, as each costs a guest its time
        Op line = list.add(FileOps.open("/proc/cmdline", FileOps.O_RDONLY));
        Op readLine = list.add(FileOps.read(Arg.of(line), told));
        list.add(FileOps.close(line));
        Results results = guest.run(list.build());
        commandLine = new String(results.bytes(told), 0, (int) results.value(readLine), StandardCharsets.ISO_8859_1);
        types = types(new String(results.bytes(known), 0, (int) results.value(read), StandardCharsets.US_ASCII));
        reads.forEach((device, serialRead) -> {
            if (!results.failed(serialRead)) {
                byte[] bytes = results.bytes(buffers.get(device));
                String serial = new String(bytes, 0, (int) results.value(serialRead), StandardCharsets.US_ASCII);
                devices.put(serial.strip(), device);
            }
        });
        serials.forEach(
                (name, seen) -> Optional.ofNullable(devices.get(seen)).ifPresent(device -> devices.put(name, device)));
    }

    /** See proc_filesystems(5): those that are on no disk are marked. */
    static List<String> types(String text) {
        return text.lines()
                .filter(line -> line.startsWith("\t"))
                .map(String::strip)
                .toList();
    }
}
